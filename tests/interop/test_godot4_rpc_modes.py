"""What ``@rpc`` says, with real Godot 4.6: call_local, authority, unreliable, channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError
from tests.interop.scene.engine import Engine
from tests.interop.scene.session import layouts

if TYPE_CHECKING:
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

TWO = layouts("PE", "RE", "AE", "EP", "ER", "EA")
THREE = layouts("PEE", "REP", "AEE", "EEP", "EEA")


@pytest.mark.parametrize("layout", THREE)
async def test_call_local_runs_at_the_caller_too(session: Session, layout: str) -> None:
    members = await session.open(layout)
    for caller in members:
        await caller.call("local_one", 0, "all")
        await caller.call("local_one", caller.id, "oneself")
        for member in members:
            expected = [("local_one", ["all"], caller.id)]
            if member is caller:
                expected.append(("local_one", ["oneself"], caller.id))
            assert await member.calls(len(expected)) == expected
        for spared in members:
            if spared is not caller:
                await caller.call("local_one", -spared.id, "not you")
                for member in members:
                    expected = [("local_one", ["not you"], caller.id)] * (member is not spared)
                    assert await member.calls(len(expected)) == expected


@pytest.mark.parametrize("layout", ["PE", "EP"])
async def test_nobody_calls_oneself_without_call_local(session: Session, layout: str) -> None:
    for member in await session.open(layout):
        if not isinstance(member, Engine):
            with pytest.raises(MultiplayerError, match="call_local") as raised:
                await member.call("any_one", member.id, 1)
            assert raised.value.code == Error.ERR_INVALID_PARAMETER
        else:
            error = await member.godot.rpc("Main/Game", "any_one", member.id, "1")
            assert error == Error.ERR_INVALID_PARAMETER
            await member.rejected("any_one")
        assert await member.calls() == []


@pytest.mark.parametrize("layout", TWO)
async def test_only_the_authority_may(session: Session, layout: str) -> None:
    server, client = await session.open(layout)
    await server.call("auth_one", client.id, "the server decides")
    assert await client.calls(1) == [("auth_one", ["the server decides"], 1)]
    await client.call("auth_one", 1, "I decide")
    await server.rejected("auth_one")
    for member in (server, client):
        await member.set_authority(client.id)
    await client.call("auth_one", 1, "now I do")
    assert await server.calls(1) == [("auth_one", ["now I do"], client.id)]
    await server.call("auth_one", client.id, "the server again")
    await client.rejected("auth_one")
    await server.call("any_one", client.id, "anybody may")
    assert await client.calls(1) == [("any_one", ["anybody may"], 1)]


@pytest.mark.parametrize("layout", THREE)
async def test_the_authority_counts_through_the_relay_too(session: Session, layout: str) -> None:
    members = _, one, other = await session.open(layout)
    for authority, stranger in ((one, other), (other, one)):
        for member in members:
            await member.set_authority(authority.id)
        await authority.call("auth_one", 0, "mine")
        for member in members:
            if member is not authority:
                assert await member.calls(1) == [("auth_one", ["mine"], authority.id)]
        await stranger.call("auth_one", authority.id, "mine, too")
        await authority.rejected("auth_one")
    for member in members:
        assert await member.calls() == []


@pytest.mark.parametrize("layout", TWO)
async def test_unreliable_calls_on_another_channel(session: Session, layout: str) -> None:
    server, client = await session.open(layout)
    for caller, called in ((server, client), (client, server)):
        for method in ("chan_one", "local_one", "chan_one", "local_one"):
            await caller.call(method, called.id, method)
            assert await called.calls(1) == [(method, [method], caller.id)]
        assert await caller.calls() == []  # for it was to the other alone
