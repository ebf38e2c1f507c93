"""Rooms behind one port: who comes where, what is theirs alone, and how it ends."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

import pytest

import peers
from multiplayer import Dialect, Error, MultiplayerError, Node
from peers import Room, RoomServer
from tests.driving import until
from tests.peers.rooms.games import Arena, Duel, Hall, Player
from tests.peers.rooms.visitors import DISCONNECTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peers import Seat
    from tests.driving import Drive

pytestmark = pytest.mark.needs_sockets


async def test_two_rooms_of_one_port_have_nothing_in_common(drive: Drive) -> None:
    hall = Hall(drive)
    red, blue = hall.open(code="RED"), hall.open(code="BLUE")
    first, second = await hall.join("/duel/RED"), await hall.join("/duel/RED")
    alone = await hall.join("/duel/BLUE")
    await until(lambda: first.peer.get_peers() == [1, second.id])
    assert alone.peer.get_peers() == [1]
    assert (sorted(red.seats), [*blue.seats]) == (sorted([first.id, second.id]), [alone.id])
    first.world.add.rpc_id(1, 3)
    alone.world.add.rpc_id(1, 5)
    await until(lambda: all(each.world.heard for each in (first, second, alone)))
    assert (first.world.heard, second.world.heard, alone.world.heard) == ([3], [3], [5])
    assert (red.world.heard, blue.world.heard) == ([3], [5])


async def test_a_path_may_ask_for_a_new_room_or_for_any(drive: Drive) -> None:
    hall = Hall(drive)
    first = await hall.join("/duel/new?map=ice&room_size=2")
    (room,) = hall.server.rooms
    assert isinstance(room, Duel)
    assert room.of("opened") == [{"map": "ice", "room_size": "2"}]
    assert room.owner == first.id
    second = await hall.join("/duel/any")
    assert sorted(room.seats) == sorted([first.id, second.id])
    third = await hall.join("/duel/any")
    other = hall.server.rooms[1]
    assert [*other.seats] == [third.id]
    named = await hall.join(f"/anything?room={other.code}")
    assert [*other.seats] == [third.id, named.id]
    assert hall.told.of("room_opened") == [(room,), (other,)]


async def test_those_who_come_at_once_for_any_room_fill_it_and_no_more(drive: Drive) -> None:
    hall = Hall(drive)
    players = [hall.player("/duel/any") for _ in range(7)]
    await until(lambda: all(player.is_in for player in players))
    await until(lambda: sum(len(room.seats) for room in hall.server.rooms) == 7)
    assert sorted(len(room.seats) for room in hall.server.rooms) == [1, 2, 2, 2]


class Shy(Duel):
    """Takes nobody any more as soon as somebody has come."""

    capacity = 0

    def joined(self, seat: Seat) -> None:
        super().joined(seat)
        self.locked = True


class Brief(Shy):
    """Is over then."""

    def joined(self, seat: Seat) -> None:
        super().joined(seat)
        self.close()


class Shrinking(Duel):
    """Finds out that one player is enough."""

    def joined(self, seat: Seat) -> None:
        super().joined(seat)
        self.capacity = 1


@pytest.mark.parametrize("kind", [Shy, Shrinking])
async def test_who_wants_any_room_gets_another_if_the_place_has_gone_meanwhile(
    drive: Drive, kind: type[Duel]
) -> None:
    hall = Hall(drive, RoomServer({"duel": kind}))
    asked: list[str] = []
    hall.server.upgrade_callback = lambda request: asked.append(request.path)
    players = [hall.player("/duel/any?map=ice") for _ in range(4)]
    await until(lambda: all(player.is_in or player.is_out for player in players))
    assert all(player.is_in for player in players)
    await until(lambda: all(len(room.seats) == 1 for room in hall.server.rooms))
    assert len(hall.server.rooms) == len(asked) == 4
    assert {room.owner for room in hall.server.rooms} == {player.id for player in players}


async def test_however_many_want_any_room_and_lose_the_place_each_gets_one(drive: Drive) -> None:
    hall = Hall(drive, RoomServer({"duel": Shy}))
    hall.server.max_rooms_per_address = 0
    players = [hall.player("/duel/any") for _ in range(20)]
    await until(lambda: all(player.is_in or player.is_out for player in players))
    assert all(player.is_in for player in players)
    await until(lambda: all(len(room.seats) == 1 for room in hall.server.rooms))
    assert len(hall.server.rooms) == 20


async def test_who_wants_any_room_is_not_taken_for_another_of_the_same_address(
    drive: Drive,
) -> None:
    """Whoever has accepted connections itself need not know from where they come."""
    hall = Hall(drive, RoomServer({"duel": Shy}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/duel/any"
        players = [Player(url) for _ in range(3)]
        for player in players:
            drive.add(player.peer)
        socks = [listener.accept()[0] for _ in players]
    await until(lambda: len(select.select(socks, [], [], 0)[0]) == len(socks))
    for sock in socks:
        hall.server.adopt(sock, ("", 0), sock.recv(65536))
    await until(lambda: all(player.is_in or player.is_out for player in players))
    assert all(player.is_in for player in players)
    assert len(hall.server.rooms) == len(players)


async def test_who_wants_any_room_is_not_sent_to_one_that_is_over(drive: Drive) -> None:
    hall = Hall(drive, RoomServer({"duel": Brief}))
    players = [hall.player("/duel/any") for _ in range(3)]
    await until(lambda: len(hall.told.of("room_closed")) == 3)
    await until(lambda: all(player.is_out for player in players))
    assert [player.closed_with[0] for player in players] == [1000] * 3


async def test_who_opens_a_room_that_takes_nobody_opens_no_other(drive: Drive) -> None:
    class Closed(Duel):
        def opened(self, options: Mapping[str, str]) -> None:
            super().opened(options)
            self.locked = True

    hall = Hall(drive, RoomServer({"duel": Closed}))
    assert await hall.refused("/duel/any") == (4013, "the room is locked")
    assert len(hall.server.rooms) == 1


@pytest.mark.parametrize(
    "path", ["/duel/NOPE", "/nothing/new", "/", "/arena/RED", "/duel/RED/x", "/duel", "/?room=-"]
)
async def test_who_asks_for_a_room_that_is_not_there_is_told_so(drive: Drive, path: str) -> None:
    hall = Hall(drive)
    hall.open(code="RED")
    assert await hall.refused(path) == (4004, "there is no such room")


async def test_a_full_and_a_locked_room_take_nobody(drive: Drive) -> None:
    hall = Hall(drive)
    full, locked, held = (hall.open(code=code) for code in ("FULL", "LOCKED", "HELD"))
    for _ in range(2):
        await hall.join("/duel/FULL")
    locked.locked = held.joins_held = True
    assert await hall.refused("/duel/FULL") == (4013, "the room is full")
    assert await hall.refused("/duel/LOCKED") == (4013, "the room is locked")
    assert (await hall.refused("/duel/HELD"))[0] == 4013
    assert (len(full.seats), len(locked.seats)) == (2, 0)
    player = await hall.join("/duel/any")
    assert {**locked.seats, **held.seats} == {}
    await until(lambda: len(hall.server.rooms) == 4)
    assert [*hall.server.rooms[3].seats] == [player.id]


async def test_nobody_gets_into_a_private_room_by_any(drive: Drive) -> None:
    hall = Hall(drive)
    secret = hall.open(code="SECRET", private=True)
    await hall.join("/duel/any")
    assert not secret.seats
    player = await hall.join("/duel/SECRET")
    assert [*secret.seats] == [player.id]
    secret.private = False
    await hall.join("/duel/any")
    await hall.join("/duel/any")
    await until(lambda: len(secret.seats) == 2)


async def test_godot4s_wire_beside_ours_on_one_port(drive: Drive) -> None:
    hall = Hall(drive)
    arena = hall.open("arena", code="A")
    ours = await hall.join("/duel/new")
    theirs = await hall.join("/arena/A", Dialect.GODOT_4)
    theirs.world.add.rpc_id(1, 4)
    ours.world.add.rpc_id(1, 6)
    await until(lambda: theirs.world.heard and ours.world.heard)
    assert (theirs.world.heard, ours.world.heard) == ([4], [6])
    assert isinstance(arena, Arena)
    assert arena.peer.is_server_relay_supported()


async def test_a_seat_lasts_from_joined_to_left(drive: Drive) -> None:
    hall = Hall(drive)
    room = hall.open(code="R")
    leaver = await hall.join("/duel/R")
    await until(lambda: room.seats)
    seat = room.seats[leaver.id]
    assert seat.connected
    assert seat.request is not None
    assert seat.request.path == "/duel/R"
    assert isinstance(leaver.peer, peers.WebSocketClient)
    leaver.peer.disconnect_from_host()
    await until(lambda: room.of("left"))
    kicked = await hall.join("/duel/R")
    await until(lambda: room.seats)
    room.seats[kicked.id].kick("no cheating")
    await until(lambda: kicked.is_out)
    assert kicked.closed_with == (4001, "no cheating")
    await until(lambda: len(room.of("left")) == 2)
    lost = await hall.join("/duel/R")
    await until(lambda: room.seats)
    sock = socket_of(room, lost.id)
    sock.shutdown(socket.SHUT_RDWR)
    await until(lambda: len(room.of("left")) == 3)
    assert room.of("left") == [(leaver.id, "left"), (kicked.id, "kicked"), (lost.id, "lost")]
    assert room.seats == {}
    seat.kick()  # it has left: nothing happens
    with pytest.raises(MultiplayerError) as raised:
        seat.kick(code=1006)
    assert raised.value.code == Error.ERR_INVALID_PARAMETER


def socket_of(room: Room, peer_id: int) -> socket.socket:
    link = room.peer.get_peer(peer_id)._link
    sock = room.peer.endpoint.engine.connections[link].sock  # type: ignore[attr-defined]
    assert isinstance(sock, socket.socket)
    return sock


async def test_a_room_closes_with_its_players_and_its_code_is_free(drive: Drive) -> None:
    hall = Hall(drive)
    room = hall.open(code="R")
    player = await hall.join("/duel/R")
    await until(lambda: room.seats)
    hall.server.close_room(room, "over", code=4012, reason="go on elsewhere")
    assert hall.server.find("R") is None
    again = hall.open(code="R")
    await until(lambda: player.is_out)
    assert player.closed_with == (4012, "go on elsewhere")
    await until(lambda: room.of("closed"))
    assert room.told[-2:] == [("left", player.id, "closed"), ("closed", "over")]
    assert hall.told.of("room_closed") == [(room, "over")]
    assert hall.server.rooms == [again]


async def test_a_server_that_leaves_closes_its_rooms(drive: Drive) -> None:
    hall = Hall(drive)
    room = hall.open(code="R")
    player = await hall.join("/duel/R")
    await until(lambda: room.seats)
    hall.server.begin_leaving(4012, "retry=5")
    await until(lambda: hall.server.get_connection_status() == DISCONNECTED)
    await until(lambda: player.is_out)
    assert player.closed_with == (4012, "retry=5")
    assert room.told[-2:] == [("left", player.id, "closed"), ("closed", "stopped")]
    hall.server.listen(0, "127.0.0.1")
    assert hall.server.rooms == []
    await hall.join("/duel/new")
    hall.server.close()
    assert hall.server.get_connection_status() == DISCONNECTED
    assert len(hall.told.of("room_closed")) == 2


async def test_a_connection_that_others_have_accepted(drive: Drive) -> None:
    hall = Hall(drive, RoomServer({"duel": Duel}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hall.server.close()
        with pytest.raises(MultiplayerError) as raised:
            hall.server.adopt(listener, ("", 0))
        assert raised.value.code == Error.ERR_UNCONFIGURED
        hall.server.open()
        assert hall.server.get_local_port() == 0
        room = hall.open(code="R")
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/duel/R"
        client = peers.WebSocketClient()
        client.connect_to_url(url, gd_mp_api=True)
        drive.add(client)
        sock, _ = listener.accept()
    await until(lambda: select.select([sock], [], [], 0)[0])
    head = sock.recv(65536)
    hall.server.adopt(sock, ("192.0.2.7", 4711), head)
    await until(lambda: room.seats)
    (seat,) = room.seats.values()
    assert seat.request is not None
    assert (seat.request.address, seat.request.port) == ("192.0.2.7", 4711)
    await until(lambda: client.get_unique_id() == seat.id)


class Waits(Room):
    async def joined(self, seat: Seat) -> None:  # type: ignore[override]
        raise AssertionError


class Hasty(Room):
    def __init__(self) -> None:
        self.root.add_child(Node())


def test_a_room_that_wants_its_tree_too_early_is_told_where() -> None:
    server = RoomServer({"hasty": Hasty})
    server.open()
    with pytest.raises(MultiplayerError, match=r"Hasty is not open yet: do in opened\(\)"):
        server.create("hasty")
    with pytest.raises(AttributeError, match="'Room' object has no attribute 'capcity'"):
        _ = Room().capcity  # type: ignore[attr-defined]
    assert repr(Room()) == "<Room, not opened>"
    server.close()


def test_what_is_no_room_is_refused() -> None:
    for kinds, words in (
        ([Duel], 'must have names, as in {"duel": Duel}'),
        ({"a/b": Room}, "cannot name a kind"),
        ({"duel": int}, "is not a kind of room"),
        ({"duel": Waits}, "Waits.joined is async and would never run"),
    ):
        with pytest.raises(MultiplayerError, match=words):
            RoomServer(kinds)  # type: ignore[arg-type]
    server = RoomServer({"duel": Duel})
    with pytest.raises(MultiplayerError, match="has not begun") as early:
        server.create("duel")
    assert early.value.code == Error.ERR_UNCONFIGURED
    server.open()
    server.create("duel", code="R")
    for kind, code, error in (
        ("chess", None, Error.ERR_DOES_NOT_EXIST),
        ("duel", "R", Error.ERR_ALREADY_EXISTS),
        ("duel", "new", Error.ERR_INVALID_PARAMETER),
        ("duel", "a/b", Error.ERR_INVALID_PARAMETER),
    ):
        with pytest.raises(MultiplayerError) as raised:
            server.create(kind, code=code)
        assert raised.value.code == error
    server.max_rooms = 1
    with pytest.raises(MultiplayerError, match="raise max_rooms"):
        server.create("duel")
    server.close()
