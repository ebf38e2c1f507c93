"""RPCs between real Godot 4.6 and ours: to the server, one, all, all but one, through the relay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.scene.ours import Ours
from tests.interop.scene.session import layouts

if TYPE_CHECKING:
    from tests.interop.scene.member import Member
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

LAYOUTS = layouts("PEE", "RER", "AEA", "EEP", "EPR", "EEA")
"""Server and two clients, see ``scene/session.py``: engines and ours meet in every role."""


async def no_more_calls(members: list[Member]) -> None:
    """Nobody has heard more than the test has looked at."""
    for member in members:
        assert await member.calls() == []


@pytest.mark.parametrize("layout", layouts("PE", "RE", "AE", "EP", "ER", "EA"))
async def test_client_and_server_call_each_other(session: Session, layout: str) -> None:
    server, client = await session.open(layout)
    for value in (5, "again"):  # by path, then by number
        await client.call("any_one", 1, value)
        assert await server.calls(1) == [("any_one", [value], client.id)]
        await server.call("any_one", client.id, value)
        assert await client.calls(1) == [("any_one", [value], 1)]
    await client.call("any_none", 1)
    await client.call("any_two", 1, "x", [1, "y", None])
    assert await server.calls(2) == [
        ("any_none", [], client.id),
        ("any_two", ["x", [1, "y", None]], client.id),
    ]
    assert await client.peers() == [1]
    assert await server.peers() == [client.id]


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_to_all(session: Session, layout: str) -> None:
    members = await session.open(layout)
    for caller in members:
        for value in (1, "again"):
            await caller.call("any_one", 0, value)
            for member in members:
                if member is not caller:
                    assert await member.calls(1) == [("any_one", [value], caller.id)]
    await no_more_calls(members)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_to_all_but_one(session: Session, layout: str) -> None:
    members = await session.open(layout)
    for caller in members:
        for spared in members:
            if spared is not caller:
                await caller.call("any_one", -spared.id, "not you")
                (heard,) = (member for member in members if member not in (caller, spared))
                assert await heard.calls(1) == [("any_one", ["not you"], caller.id)]
    await no_more_calls(members)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_client_to_client_through_the_relay(session: Session, layout: str) -> None:
    members = _, one, other = await session.open(layout)
    for caller, called in ((one, other), (other, one)):
        for value in ("first", "by number"):
            await caller.call("any_two", called.id, value, caller.id)
            assert await called.calls(1) == [("any_two", [value, caller.id], caller.id)]
    await no_more_calls(members)


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_calls_of_one_caller_arrive_in_order(session: Session, layout: str) -> None:
    members = await session.open(layout)
    for caller in members:
        for number in range(20):
            await caller.call("any_one" if number % 3 else "chan_one", 0, number)
        expected = [
            ("any_one" if number % 3 else "chan_one", [number], caller.id) for number in range(20)
        ]
        for member in members:
            if member is not caller:
                assert await member.calls(20) == expected


@pytest.mark.parametrize("layout", layouts("PEEE", "PEPE"))
async def test_a_call_to_a_group_reaches_those_in_it(session: Session, layout: str) -> None:
    server, *clients = await session.open(layout)
    assert isinstance(server, Ours)
    group = server.api.group("some")
    for some in (clients[:1], clients[:2], clients[1:], clients):
        group.clear()
        group.add(*(member.id for member in some))
        for value in (1, "again"):
            server.game.any_one.rpc_to(group, value)
            for member in some:
                assert await member.calls(1) == [("any_one", [value], 1)]
    await no_more_calls([server, *clients])
