"""``server_relay = false`` of a server: engines hear nothing of each other, and reach nobody else.

What Godot's class reference says of ``SceneMultiplayer.server_relay``; 3.6 has no such setting, so
that its own servers always tell and relay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from peers import WebSocketServer
from tests.driving import until
from tests.interop.godot3.game import Heard
from tests.interop.godot3.match import InPython, Match
from tests.interop.scene.session import layouts

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch
    from tests.interop.scene.session import Session


@pytest.mark.native4
@pytest.mark.parametrize("layout", layouts("PEE", "REE", "AEE", "EEP", "EER", "EEA"))
async def test_clients_of_4_meet_the_server_only(session: Session, layout: str) -> None:
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
        assert await server.calls(1) == [("any_one", ["hello"], client.id)]
    await server.call("any_one", 0, "to both")
    for client in clients:
        assert await client.calls(1) == [("any_one", ["to both"], 1)]
    await clients[0].leave()
    assert await server.signals(1) == [("peer_disconnected", clients[0].id)]
    assert await clients[1].signals() == []


@pytest.mark.native4
@pytest.mark.parametrize("layout", ["PEE", "REE", "EEE"])
async def test_a_client_of_4_that_would_have_it_relayed(session: Session, layout: str) -> None:
    """Its own ``server_relay`` is still on, so that it wraps what is for all in a relay."""
    server, caller, other = [await session.member(letter) for letter in layout]
    await server.switch_relay_off()
    await session.serve(server)
    for client in (caller, other):
        await client.join(session.url)
        assert await client.signals(2) == [("connected_to_server",), ("peer_connected", 1)]
        await server.signals(1)
    await caller.call("any_one", 0, "to all")
    assert await server.calls(1) == [("any_one", ["to all"], caller.id)]
    await server.call("any_one", other.id, "last")
    assert await other.calls(1) == [("any_one", ["last"], 1)]


async def test_clients_of_3_meet_our_server_only(drive: Drive, launch: Launch) -> None:
    match = Match(drive, launch)
    server = await match.serve("python", relay=False)
    assert isinstance(server, InPython)
    peer = server.api.multiplayer_peer
    assert isinstance(peer, WebSocketServer)
    engines = [await launch(), await launch()]
    for godot in engines:
        await godot.connect_to_url(match.url)
        await godot.told(
            ("tree", "network_peer_connected", 1),
            ("sig", "peer_connected", 1),
            ("tree", "connected_to_server"),
            ("sig", "connection_succeeded"),
        )
    one, other = [await godot.id() for godot in engines]
    assert sorted(server.api.get_peers()) == sorted((one, other))
    await engines[0].step("rpc", to=0, method="r1", args=['"to all"'])
    await server.heard(Heard("Game", "r1", one, ("to all",)))
    # What its API would not do, since it knows of nobody there.
    await engines[0].put_packet(b"to the other", other)
    await until(lambda: peer.statistics.drops["not_relayed"] == 1)
    await server.rpc(0, "r1", "to both")
    for godot in engines:
        await godot.heard(Heard("Game", "r1", 1, ("to both",)))
        await godot.got()
    await engines[0].step("disconnect")
    await until(lambda: server.api.get_peers() == [other])
    await server.rpc(0, "r1", "last")
    await engines[1].heard(Heard("Game", "r1", 1, ("last",)))
    assert (await engines[1].step("state"))["peers"] == [1]
    assert not any(event.get("name") == "peer_disconnected" for event in engines[1]._events)
