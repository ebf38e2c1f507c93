"""``serve_rooms`` under both libraries, over TLS, without epoll, and beside a child of a fork."""

from __future__ import annotations

import gc
import os
import selectors
import sys
import weakref
from typing import TYPE_CHECKING

import pytest
import trio

import peers
from multiplayer import Error, MultiplayerError
from multiplayer.testing import SimulatedNetwork
from peers import Resume, RoomServer, TLSOptions, WebSocketClient
from peers.memory import MemoryNetwork
from peers.sockets import selector as selector_module
from tests.certificates import certificate, chain_of, key_of
from tests.driving import DRIVES, PATIENCE, until
from tests.peers.rooms.games import Duel, Hall, Noting
from tests.peers.rooms.visitors import CONNECTED, DISCONNECTED
from tests.raw import Raw

if TYPE_CHECKING:
    from tests.drivers import Way
    from tests.driving import Drive

pytestmark = pytest.mark.needs_sockets


async def test_a_game_is_served_until_the_block_is_left(way: Way) -> None:
    told: list[str] = []
    with trio.fail_after(PATIENCE):
        async with way.serve_rooms(0, {"duel": Duel}) as server:
            server.room_closed.connect(lambda room, why: told.append(why))
            url = f"ws://127.0.0.1:{server.get_local_port()}/duel/new"
            async with way.connect(url) as client:
                (room,) = server.rooms
                assert isinstance(room, Duel)
                await until(lambda: room.seats)
                client.set_target_peer(1)
                client.put_packet(b"\xff\xff")
                room.call_later(0.01, lambda: told.append("later"))
                await until(lambda: told)
                server.begin_leaving(4012, "retry=1")
                await until(lambda: client.get_connection_status() == DISCONNECTED)
                assert client.get_peer(1).get_close_code() == 4012
    assert told == ["later", "stopped"]
    assert server.get_connection_status() == DISCONNECTED


async def test_a_block_that_is_cancelled_closes_at_once(way: Way) -> None:
    server = RoomServer({"duel": Duel})
    with trio.CancelScope() as scope:
        async with way.serve_rooms(0, peer=server):
            raw = await Raw.connect(server.get_local_port(), path="/duel/new")
            await until(lambda: server.rooms and server.rooms[0].seats)
            scope.cancel()
            await trio.sleep_forever()
    assert await raw.receive_close() == (1001).to_bytes(2)
    await raw.close()
    assert (server.rooms, server.get_connection_status()) == ([], DISCONNECTED)


async def test_what_cannot_be_served_is_told_before_anything_begins(way: Way) -> None:
    running = RoomServer({"duel": Duel})
    for arguments, words in (
        ({}, "give the kinds"),
        ({"kinds": {"duel": Duel}, "peer": running}, "give the kinds"),
        ({"peer": peers.WebSocketServer()}, "is not a RoomServer"),
        ({"kinds": {"duel": Duel}, "on_error": "whatever"}, "on_error must be"),
        ({"kinds": {"duel": Duel}, "network": 7}, "MemoryNetwork"),
        ({"kinds": {"duel": Duel}, "network": SimulatedNetwork(seed=1)}, "chosen by URLs"),
    ):
        with pytest.raises(MultiplayerError, match=words) as raised:
            async with way.serve_rooms(0, **arguments):
                raise AssertionError
        assert raised.value.code == Error.ERR_INVALID_PARAMETER
    async with way.serve_rooms(0, peer=running):
        with pytest.raises(MultiplayerError) as raised:
            async with way.serve_rooms(0, peer=running):
                raise AssertionError
        assert raised.value.code == Error.ERR_ALREADY_IN_USE


async def test_rooms_in_a_network_in_memory(way: Way) -> None:
    network = MemoryNetwork(seed=2)
    url = "ws://any.name:9080/duel/any"
    with trio.fail_after(PATIENCE):
        async with (
            way.serve_rooms(9080, {"duel": Duel}, network=network) as server,
            way.connect(url, network=network) as client,
        ):
            assert client.get_unique_id() in server.rooms[0].seats


class Patient(Noting):
    grace = 20.0


async def test_players_come_over_tls_and_come_back(drive: Drive) -> None:
    leaf = certificate("127.0.0.1")
    server = RoomServer({"patient": Patient})
    hall = Hall(drive, server)
    server.close()
    server.listen(0, "127.0.0.1", TLSOptions.server(key_of(leaf), chain_of(leaf)))
    room = hall.open("patient", code="R")
    client = WebSocketClient()
    client.verify_tls = False
    client.resume = Resume()
    client.connect_to_url(f"wss://127.0.0.1:{server.get_local_port()}/patient/R", gd_mp_api=True)
    drive.add(client)
    await until(lambda: client.get_unique_id() in room.seats)
    own = client.get_unique_id()
    link = room.peer.get_peer(own)._link
    room.peer.endpoint.engine.drop(link)  # type: ignore[arg-type]
    link.give_up(peers.Failure("tcp", "cut"))  # type: ignore[union-attr]
    await until(lambda: client.get_connection_status() == CONNECTED and room.seats[own].connected)
    assert client.get_unique_id() == own
    with pytest.raises(MultiplayerError, match="encrypted"):
        await _detached(hall, client)


async def _detached(hall: Hall, client: WebSocketClient) -> None:
    """Try to pass on an encrypted connection."""
    failures: list[Exception] = []
    hall.server.handlers.on_error = failures.append
    hall.server.resolver = lambda address, waiting: bool(waiting.detach())
    client.close()
    client.resume = None
    client.connect_to_url(f"wss://127.0.0.1:{hall.server.get_local_port()}/x/NO", gd_mp_api=True)
    await until(lambda: failures)
    raise failures[0]


@pytest.mark.parametrize("drive", DRIVES[1:], indirect=True)
async def test_rooms_where_select_is_all_there_is(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selector_module.selectors, "DefaultSelector", selectors.SelectSelector)
    hall = Hall(drive)
    first, second = await hall.join("/duel/any"), await hall.join("/duel/any")
    first.world.add.rpc_id(1, 2)
    await until(lambda: first.world.heard and second.world.heard)


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork")
def test_a_child_of_a_fork_leaves_the_players_to_its_parent() -> None:
    server, client = RoomServer({"duel": Duel}), WebSocketClient()
    server.listen(0, "127.0.0.1")
    url = f"ws://127.0.0.1:{server.get_local_port()}/duel/new"
    client.connect_to_url(url, gd_mp_api=True)
    poll(server, client, lambda: client.get_unique_id() > 1)
    child = os.fork()
    if child == 0:
        try:
            server.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    (room,) = server.rooms
    room.peer.set_target_peer(client.get_unique_id())
    room.peer.put_packet(b"still here")
    poll(server, client, client.get_available_packet_count)
    assert client.get_packet() == b"still here"
    client.close()
    server.close()


def poll(server: RoomServer, client: WebSocketClient, condition: object) -> None:
    assert callable(condition)
    for _ in range(10000):
        server.poll()
        client.poll()
        if condition():
            return
    raise AssertionError


def test_a_server_that_is_forgotten_is_gone() -> None:
    server, client = RoomServer({"duel": Duel}), WebSocketClient()
    server.listen(0, "127.0.0.1")
    url = f"ws://127.0.0.1:{server.get_local_port()}/duel/new"
    client.connect_to_url(url, gd_mp_api=True)
    poll(server, client, lambda: client.get_unique_id() > 1)
    known = weakref.ref(server)
    del server
    gc.collect()
    assert known() is None
    for _ in range(1000):
        client.poll()
        if client.get_connection_status() == DISCONNECTED:
            break
    assert client.get_connection_status() == DISCONNECTED
