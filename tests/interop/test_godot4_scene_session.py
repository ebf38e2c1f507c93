"""Who comes and goes in a session of real Godot 4.6 and ours, and raw bytes between all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.scene.engine import Engine
from tests.interop.scene.ours import Ours
from tests.interop.scene.session import layouts

if TYPE_CHECKING:
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

TWO = layouts("PE", "RE", "AE", "EP", "ER", "EA")
THREE = layouts("PEE", "RER", "AEA", "EEP", "EPR", "EEA")


@pytest.mark.parametrize("layout", THREE)
async def test_raw_bytes_to_every_target(session: Session, layout: str) -> None:
    members = await session.open(layout)
    for source in members:
        others = [member for member in members if member is not source]
        await source.send_bytes(b"\x00all", 0)
        for member in others:
            assert await member.signals(1) == [("peer_packet", source.id, b"\x00all")]
        for one in others:
            (rest,) = (member for member in others if member is not one)
            await source.send_bytes(b"to one", one.id)
            assert await one.signals(1) == [("peer_packet", source.id, b"to one")]
            await source.send_bytes(b"to the rest", -one.id)
            assert await rest.signals(1) == [("peer_packet", source.id, b"to the rest")]
    for member in members:
        assert await member.signals() == []


@pytest.mark.parametrize("layout", THREE)
async def test_leave_and_rejoin(session: Session, layout: str) -> None:
    members = server, one, other = await session.open(layout)
    for leaving, staying in ((one, other), (other, one)):
        for caller in members:  # so that all know each other's nodes
            await caller.call("any_one", 0, "before")
        for member in members:
            assert len(await member.calls(2)) == 2
        before = leaving.id
        await leaving.leave()
        assert await leaving.signals(1) == [("server_disconnected",)]
        for member in (server, staying):
            assert await member.signals(1) == [("peer_disconnected", before)]
        assert await server.peers() == [staying.id]
        assert await staying.peers() == [1]
        await staying.call("any_one", 0, "without you")
        assert await server.calls(1) == [("any_one", ["without you"], staying.id)]
        session.members.remove(leaving)
        await session.add(leaving)
        assert leaving.id != before
        for caller in members:
            await caller.call("any_one", 0, "together")
            for member in members:
                if member is not caller:
                    assert await member.calls(1) == [("any_one", ["together"], caller.id)]


@pytest.mark.parametrize("layout", THREE)
async def test_the_server_kicks_a_client(session: Session, layout: str) -> None:
    server, one, other = await session.open(layout)
    await server.kick(one.id)
    assert await one.signals(2) == [("peer_disconnected", 1), ("server_disconnected",)]
    assert await other.signals(1) == [("peer_disconnected", one.id)]
    assert await server.signals() == []  # for it did so itself
    assert await server.peers() == [other.id]
    await other.call("any_one", 0, "alone")
    assert await server.calls(1) == [("any_one", ["alone"], other.id)]
    assert await one.peers() == []


@pytest.mark.parametrize("layout", TWO)
async def test_a_client_disconnects_its_server(session: Session, layout: str) -> None:
    server, client = await session.open(layout)
    await client.kick(1)
    assert await client.signals(1) == [("server_disconnected",)]
    assert await server.signals(1) == [("peer_disconnected", client.id)]


@pytest.mark.parametrize("layout", layouts("PEE", "REE", "AEE"))
async def test_the_server_ends_the_session(session: Session, layout: str) -> None:
    server, *clients = await session.open(layout)
    await server.leave()
    for client in clients:
        told = await client.signals(2)
        assert told[-2:] == [("peer_disconnected", 1), ("server_disconnected",)]
        assert await client.peers() == []


@pytest.mark.parametrize("layout", ["PEE", "REP", "EPP"])
async def test_without_relay_clients_do_not_see_each_other(session: Session, layout: str) -> None:
    server, *clients = [await session.member(letter) for letter in layout]
    for member in (server, *clients):
        await member.switch_relay_off()
    await session.serve(server)
    for client in clients:
        await client.join(session.url)
        assert await client.signals(2) == [("connected_to_server",), ("peer_connected", 1)]
        assert await server.signals(1) == [("peer_connected", client.id)]
    for client in clients:
        assert await client.peers() == [1]
        await client.call("any_one", 0, "hello")
        await client.send_bytes(b"bytes", 0)
        assert await server.calls(1) == [("any_one", ["hello"], client.id)]
        assert await server.signals(1) == [("peer_packet", client.id, b"bytes")]
    await server.call("any_one", 0, "to both")
    for client in clients:
        assert await client.calls(1) == [("any_one", ["to both"], 1)]
        assert await client.signals() == []
    await clients[0].leave()
    assert await server.signals(1) == [("peer_disconnected", clients[0].id)]
    assert await clients[1].signals() == []


async def test_a_server_that_refuses_new_connections(session: Session) -> None:
    server, client = await session.open("PE")
    assert isinstance(server, Ours)
    server.api.refuse_new_connections = True
    late = await session.member("E")
    assert isinstance(late, Engine)
    await late.godot.create_client(session.url)
    assert await late.signals(1) == [("connection_failed",)]
    await late.rejected("Invalid status code. Got: '403', expected '101'")
    assert await server.peers() == [client.id]
    server.api.refuse_new_connections = False
    await session.add(late)
