"""Nothing is kept of a peer that is gone, in no table that anybody has thought of or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from multiplayer import ConnectionStatus
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.testing.leaks import REMEMBERED, REMEMBERED_BY_SERVERS, places_of
from tests.driving import everywhere, until
from tests.kept import left_in, peers_kept, tables_of_api, tables_of_floods
from tests.multiplayer.scene.worlds import Called, Kind, World, each_dialect

if TYPE_CHECKING:
    from tests.driving import Drive

GUEST: Final = 1_234_567_891
"""The id of the one that leaves; nothing else has that number."""

OTHER: Final = 987_654_321


def met(kind: Kind) -> World:
    """A session in which each side has something of each other."""
    world = World(kind, GUEST, OTHER)
    for sender, to in ((GUEST, 1), (1, GUEST), (1, 0), (GUEST, OTHER), (OTHER, GUEST)):
        world.do(sender, to, "any_one", 1)
    world.inject(GUEST, 1, b"\xff")
    world.inject(GUEST, 1, world.wire.announce(77, "Main/Game", ["any_one", "other"]))
    world.settle()
    if world.wire.responds:
        world.apis[1].call_id(GUEST, world.game(1), "any_one", [1])
    return world


def places(world: World, at: int) -> list[str]:
    """Where an API has the id, without the peer below it."""
    return places_of(world.apis[at], GUEST, world.apis[at].multiplayer_peer)


@each_dialect
def test_an_api_keeps_nothing_of_a_peer_that_has_left(kind: Kind) -> None:
    world = met(kind)
    before = {at: places(world, at) for at in (1, OTHER)}
    assert len(before[1]) >= 5
    assert before[OTHER]
    assert GUEST in peers_kept(world.apis[1])
    world.leave(GUEST)
    for at in (1, OTHER):
        assert [place for place in places(world, at) if not REMEMBERED.search(place)] == []
        assert GUEST not in peers_kept(world.apis[at])
    assert world.do(OTHER, 1, "any_one", 1) == [Called(1, "any_one", (1,), OTHER)]


@each_dialect
def test_every_table_that_is_found_is_in_the_list(kind: Kind) -> None:
    """A table by peer id that has been added, and not to ``tests/kept.py``, is found here."""
    world = met(kind)
    for at in (1, OTHER):
        listed = sum(GUEST in table for table in tables_of_api(world.apis[at]).values())
        tables = {
            place
            for place in places(world, at)
            if place.endswith("[key]") and not REMEMBERED.search(place)
        }
        assert len(tables) == listed, (tables, [*tables_of_api(world.apis[at])])


class GodotIds(WebSocketMultiplayerPeer):
    def generate_unique_id(self) -> int:
        return OTHER if GUEST in self._role.clients.members else GUEST


class SeedIds(WebSocketServer):
    def generate_unique_id(self) -> int:
        return OTHER if GUEST in self._role.clients.members else GUEST


def client_of(server: WebSocketMultiplayerPeer, envelope: str) -> WebSocketMultiplayerPeer:
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    if envelope == "godot4":
        client = WebSocketMultiplayerPeer()
        client.create_client(url)
        return client
    plain = WebSocketClient()
    plain.connect_to_url(url, gd_mp_api=envelope == "gd_mp")
    return plain


def is_up(client: WebSocketMultiplayerPeer) -> bool:
    return client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED


@pytest.mark.parametrize("at_once", [False, True], ids=["properly", "at once"])
@pytest.mark.parametrize("envelope", ["gd_mp", "godot4", "plain"])
@everywhere
async def test_a_server_keeps_nothing_of_a_client_that_has_left(
    drive: Drive, envelope: str, at_once: bool
) -> None:
    server = GodotIds() if envelope == "godot4" else SeedIds()
    if isinstance(server, WebSocketServer):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=envelope == "gd_mp")
    else:
        server.create_server(0, "127.0.0.1")
    drive.add(server)
    guest = drive.add(client_of(server, envelope))
    await until(lambda: is_up(guest))
    other = drive.add(client_of(server, envelope))
    await until(lambda: is_up(other))
    for sender, to in ((guest, 1), (server, GUEST)):
        through = sender.get_peer(to) if envelope == "plain" else sender
        through.put_packet(b"packet")
    await until(lambda: server.get_peer(GUEST).statistics.packets_received)
    assert len(places_of(server, GUEST)) >= 3
    if at_once:
        guest.close()
    else:
        guest.disconnect_peer(1)
    await until(lambda: GUEST not in server._role.clients.members)
    while server.get_available_packet_count():
        server.get_packet()
    places = places_of(server, GUEST)
    assert [place for place in places if not REMEMBERED_BY_SERVERS.search(place)] == []
    other.close()
    await until(lambda: not server._role.clients.members and not server.endpoint.links)
    assert left_in(server) == []
    assert not any(map(len, tables_of_floods(server).values()))
    server.close()
