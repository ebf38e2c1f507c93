"""Players who lose their connections and come back to their rooms, in a time given from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Dialect
from peers import Resume, RoomServer, WebSocketClient, WebSocketMultiplayerPeer
from peers.memory import MemoryNetwork
from tests.driving import Recorder
from tests.peers.rooms.games import Noting
from tests.peers.rooms.visitors import DISCONNECTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peers import Seat

pytestmark = pytest.mark.needs_sockets

KEY = "K" * 22


class Patient(Noting):
    """Waits for its players."""

    grace = 30.0
    capacity = 3
    idle = 5.0

    def suspended(self, seat: Seat) -> None:
        self.told.append(("suspended", seat.id))

    def resumed(self, seat: Seat) -> None:
        self.told.append(("resumed", seat.id))

    def save(self) -> object:
        return {"moves": 3}

    def restored(self, data: object) -> None:
        self.told.append(("restored", data))


class Teams(Patient):
    """Puts its players into a group again."""

    broken = False

    def restored(self, data: object) -> None:
        if self.broken:
            raise ValueError(data)
        self.api.group("red").add(*self.seats)
        self.world.total.rpc_to(self.api.group("red"), 1)


class Place:
    """A server and clients in a network in memory."""

    def __init__(self, network: MemoryNetwork | None = None, kind: type[Patient] = Patient) -> None:
        self.network = network or MemoryNetwork(seed=3)
        self.server = self.network.add(RoomServer({"duel": kind}))

    def open(self, code: str = "R") -> Patient:
        self.server.listen(9080)
        room = self.server.create("duel", code=code)
        assert isinstance(room, Patient)
        return room

    def client(self, path: str, *, resume: bool = True) -> WebSocketClient:
        client = self.network.add(WebSocketClient())
        client.resume = Resume(give_up_after=60.0) if resume else None
        client.connect_to_url(f"ws://game:9080{path}", gd_mp_api=True)
        self.network.settle()
        return client


def test_a_player_comes_back_to_its_room_and_nobody_hears_of_it() -> None:
    place = Place()
    room = place.open()
    client, other = place.client("/duel/any"), place.client("/duel/R")
    told, heard = Recorder(client), Recorder(other)
    own = client.get_unique_id()
    assert sorted(room.seats) == sorted([own, other.get_unique_id()])
    assert room.seats[own].connected
    for _ in range(3):
        place.network.reset(client)
        place.network.settle()
        assert not room.seats[own].connected
        room.peer.set_target_peer(own)
        room.peer.put_packet(b"meanwhile")
        place.network.advance(5.0)
        assert room.seats[own].connected
        assert client.get_packet() == b"meanwhile"
    assert client.get_unique_id() == own
    assert room.of("suspended") == room.of("resumed") == [own] * 3
    assert {*told.names()} <= {"session_suspended", "session_resumed", "peer_packet"}
    assert heard.log == []
    assert len(place.server.rooms) == 1


class PatientOf4(Patient):
    dialect = Dialect.GODOT_4


@pytest.mark.parametrize("kind", [Patient, PatientOf4])
@pytest.mark.parametrize("query", ["", f"?seat_key={KEY}"])
def test_who_has_come_to_a_session_of_another_kind_keeps_no_seat(
    kind: type[Patient], query: str
) -> None:
    place = Place(kind=kind)
    room = place.open()
    lost = WebSocketMultiplayerPeer() if kind is Patient else WebSocketClient()
    lost.resume = None if query else Resume()
    place.network.add(lost)
    if isinstance(lost, WebSocketClient):
        lost.connect_to_url(f"ws://game:9080/duel/R{query}", gd_mp_api=True)
    else:
        lost.create_client(f"ws://game:9080/duel/R{query}")
    place.network.settle()
    assert lost.failure is not None
    assert room.of("joined")
    assert room.seats == {}
    assert [why for _, why in room.of("left")] == ["left"]
    assert not room.of("suspended")


def test_a_seat_that_waits_keeps_its_place_and_its_room() -> None:
    place = Place()
    room = place.open()
    clients = [place.client("/duel/R") for _ in range(3)]
    own = clients[0].get_unique_id()
    place.network.pause(clients[0])
    place.network.reset(clients[0])
    place.network.settle()
    for client in clients[1:]:
        client.disconnect_from_host()
    place.network.settle()
    assert [*room.seats] == [own]
    newcomers = [place.client("/duel/R", resume=False) for _ in range(3)]
    assert [each.get_connection_status() == DISCONNECTED for each in newcomers] == [0, 0, 1]
    for client in newcomers[:2]:
        client.disconnect_from_host()
    place.network.settle()
    place.network.advance(20)
    assert place.server.rooms == [room]
    place.network.advance(40)
    assert (own, "lost") in room.of("left")
    assert room.of("closed") == ["idle"]


def test_who_was_kicked_while_away_has_no_seat_to_come_back_to() -> None:
    place = Place()
    room = place.open()
    client = place.client("/duel/R")
    own = client.get_unique_id()
    place.network.reset(client)
    place.server.poll()
    room.seats[own].kick("bye")
    place.network.settle()
    place.network.advance(10)
    assert room.of("left") == [(own, "kicked")]
    assert client.get_connection_status() == DISCONNECTED
    assert client.get_peer(1).get_close_code() == 4003


@pytest.mark.parametrize(
    "query",
    [
        "resume=1&seat=R.AAAA&received=0&next=1",
        "resume=1&seat=AAAA&received=0&next=1",
        "resume=1&seat=NOPE.AAAA&received=0&next=1",
    ],
)
def test_a_forged_token_gets_nobody_in_and_asks_nobody(query: str) -> None:
    place = Place()
    room = place.open()
    room.locked = True
    asked: list[object] = []
    place.server.upgrade_callback = asked.append  # type: ignore[assignment]
    client = place.client(f"/duel/R?{query}", resume=False)
    place.network.settle()
    assert client.get_peer(1).get_close_code() == 4003
    assert client.get_peer(1).get_close_reason() == "your seat is gone"
    assert (room.seats, asked, room.of("may_join")) == ({}, [], [])


def test_a_token_of_another_room_opens_nothing() -> None:
    place = Place()
    room = place.open()
    place.client("/duel/R")
    (saved,) = room.peer.save_seats()
    other = place.server.create("duel", code="S")
    keys = room.peer.seat_keys
    assert keys is not None
    token = keys.token(saved.id, saved.nonce, 1e12)
    assert token.startswith("R.")
    foreign = "S." + token.removeprefix("R.")
    client = place.client(f"/duel/S?resume=1&seat={foreign}&received=0&next=1", resume=False)
    assert client.get_peer(1).get_close_code() == 4003
    assert other.seats == {}


def test_an_engine_comes_back_by_its_key_to_the_room_that_it_was_given() -> None:
    place = Place()
    room = place.open()
    first = place.client(f"/duel/any?seat_key={KEY}", resume=False)
    own = first.get_unique_id()
    room.locked = True
    place.network.reset(first)
    place.network.settle()
    assert room.of("suspended") == [own]
    again = place.client(f"/duel/any?seat_key={KEY}", resume=False)
    assert again.get_unique_id() == own
    assert room.of("resumed") == [own]
    again.disconnect_from_host()
    place.network.settle()
    assert place.server.table.of_keys == {}
    later = place.client(f"/duel/new?seat_key={KEY}", resume=False)
    assert later.get_unique_id() not in room.seats
    assert len(place.server.rooms) == 2


def test_players_go_on_in_a_room_that_another_process_has_restored() -> None:
    place = Place()
    room = place.open()
    client = place.client("/duel/new?map=ice")
    named = place.client(f"/duel/R?seat_key={KEY}", resume=False)
    mine = next(each for each in place.server.rooms if each is not room)
    own, key_id = client.get_unique_id(), named.get_unique_id()
    saved = [place.server.save(each) for each in place.server.rooms]
    told = Recorder(client)
    heir = Place(place.network)
    heir.server.secret = place.server.secret
    place.server.end_at_once(1001)
    heir.server.listen(9080)
    restored: Mapping[str, Patient] = {
        each.code: each
        for each in (heir.server.restore(data) for data in saved)
        if isinstance(each, Patient)
    }
    there = restored[mine.code]
    assert there.of("restored") == [{"moves": 3}]
    assert [*there.seats] == [own]
    assert there.owner == own
    assert not there.seats[own].connected
    place.network.advance(10)
    assert client.get_unique_id() == own
    assert told.of("session_resumed") == [(False,)]
    assert there.of("resumed") == [own]
    assert there.of("joined") == []
    again = place.client(f"/duel/any?seat_key={KEY}", resume=False)
    assert again.get_unique_id() == key_id
    assert restored["R"].of("resumed") == [key_id]
    place.network.advance(40)
    assert restored["R"].seats[key_id].connected


def restored(place: Place, kind: type[Patient]) -> tuple[Place, Patient]:
    """The room R of a server that ends, at another one."""
    data = place.server.save(place.server.rooms[0])
    heir = Place(place.network, kind)
    heir.server.secret = place.server.secret
    place.server.end_at_once(1001)
    heir.server.listen(9080)
    room = heir.server.restore(data)
    assert isinstance(room, Patient)
    return heir, room


def test_a_restored_room_can_put_its_players_into_groups_at_once() -> None:
    place = Place(kind=Teams)
    place.open()
    client = place.client("/duel/R")
    own = client.get_unique_id()
    _, room = restored(place, Teams)
    assert room.api.get_peers() == room.api.get_suspended_peers() == [own]
    assert room.api.group("red").ids == {own}
    place.network.advance(10)
    assert room.of("joined") == []
    assert room.of("resumed") == [own]
    assert room.api.group("red").ids == {own}


@pytest.mark.handlers_fail
def test_players_join_a_room_that_goes_on_without_what_it_has_saved() -> None:
    place = Place(kind=Teams)
    place.open()
    client, gone = place.client("/duel/R"), place.client("/duel/R")
    own = client.get_unique_id()
    place.network.pause(gone)
    heir, room = restored(place, type("Broken", (Teams,), {"broken": True}))
    assert len(room.seats) == heir.server.table.players == 2
    place.network.advance(10)
    assert client.get_unique_id() == own
    assert room.api.get_suspended_peers() == [gone.get_unique_id()]
    assert room.of("joined") == [own]
    assert room.of("resumed") == []
    place.network.reset(client)
    place.network.advance(10)
    assert room.of("resumed") == [own]
    place.network.advance(40)
    assert room.of("left") == []  # the other one never was in this room
    assert heir.server.table.players == 1


def test_a_seat_that_is_not_used_again_expires_in_the_restored_room() -> None:
    place = Place()
    room = place.open()
    client = place.client(f"/duel/R?seat_key={KEY}", resume=False)
    own = client.get_unique_id()
    data = place.server.save(room)
    heir = Place()
    heir.server.secret = place.server.secret
    heir.server.listen(9080)
    there = heir.server.restore(data)
    assert isinstance(there, Patient)
    heir.network.advance(29)
    assert [*there.seats] == [own]
    assert len(heir.server.table.of_keys) == 1
    heir.network.advance(10)
    assert there.of("left") == [(own, "lost")]
    assert heir.server.rooms == []
    assert heir.server.table.of_keys == {}


def test_whoever_tries_codes_keeps_nobody_of_its_address_from_coming_back() -> None:
    place = Place()
    room = place.open()
    engine = place.client(f"/duel/R?seat_key={KEY}", resume=False)
    client, own = place.client("/duel/R"), engine.get_unique_id()
    for number in range(20):
        place.client(f"/duel/NO{number}", resume=False)
    assert place.client("/duel/R", resume=False).get_peers() == []
    for each in (engine, client):
        place.network.reset(each)
    place.network.advance(1.0)
    place.client(f"/duel/R?seat_key={KEY}", resume=False)
    assert {seat.connected for seat in room.seats.values()} == {True}
    assert sorted(room.seats) == sorted([own, client.get_unique_id()])
