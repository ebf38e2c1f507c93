"""Rooms in a time given from outside: idle ones, ticks, timers, and who costs nothing."""

from __future__ import annotations

from typing import Any

import pytest

from multiplayer import Error, MultiplayerError
from peers import Room, RoomServer, SocketEngine, WebSocketClient
from peers.memory import MemoryNetwork
from peers.rooms.room_time import RoomTime
from tests.driving import Recorder
from tests.peers.rooms.games import Duel, Noting

pytestmark = pytest.mark.needs_sockets


class Idle(Noting):
    idle = 30.0


class Ticking(Noting):
    tick_hz = 10.0

    def process(self, delta: float) -> None:
        self.told.append(("process", round(delta, 6)))


class Place:
    """A server and clients in a network in memory."""

    def __init__(self, **kinds: type[Room]) -> None:
        self.network = MemoryNetwork(seed=7)
        self.server = self.network.add(RoomServer(kinds))
        self.told = Recorder(self.server)
        self.server.listen(9080)

    def join(self, path: str) -> WebSocketClient:
        client = self.network.add(WebSocketClient())
        client.connect_to_url(f"ws://game:9080{path}", gd_mp_api=True)
        self.network.settle()
        assert client.get_unique_id() > 1
        return client

    def open(self, kind: str, **options: Any) -> Noting:
        room = self.server.create(kind, **options)
        assert isinstance(room, Noting)
        self.network.settle()
        return room


def test_a_room_that_is_idle_closes() -> None:
    place = Place(idle=Idle)
    never_used = place.open("idle", code="A")
    place.network.advance(20)
    used = place.open("idle", code="B")
    client = place.join("/idle/B")
    place.network.advance(9.9)
    assert place.server.rooms == [never_used, used]
    place.network.advance(0.2)
    assert place.server.rooms == [used]
    assert never_used.of("closed") == ["idle"]
    place.network.advance(100)
    client.disconnect_from_host()
    place.network.settle()
    place.network.advance(29)
    assert place.server.rooms == [used]
    place.network.advance(1.1)
    assert place.server.rooms == []
    assert place.told.of("room_closed") == [(never_used, "idle"), (used, "idle")]
    assert place.server.endpoint.next_deadline() == float("inf")


def test_a_room_ticks_only_if_it_wants_to() -> None:
    place = Place(ticking=Ticking, duel=Duel)
    ticking, duel = place.open("ticking"), place.open("duel")
    place.network.advance(1.0)
    assert ticking.of("process") == [pytest.approx(0.1)] * 10
    assert duel.of("process") == []
    ticking.tick_hz = 0
    place.network.advance(1.0)
    assert len(ticking.of("process")) <= 11


def test_ticks_that_come_late_do_not_add_up() -> None:
    deltas: list[float] = []
    time, now = RoomTime(), 100.0

    def look() -> None:
        for _, call in time.passed(now, 10.0, deltas.append):
            call()

    look()
    for number in range(100):
        now = time.next(10.0) + 0.01 * (number % 9)  # the program is late by so much
        look()
    assert len(deltas) == 100
    assert now == pytest.approx(110.0, abs=0.1)
    assert sum(deltas) == pytest.approx(now - 100.0)
    now += 60.0  # it was stopped: that is one tick, and the next is a tick's length away
    look()
    look()
    assert deltas[100:] == [pytest.approx(60.0)]
    assert time.next(10.0) == pytest.approx(now + 0.1)


def test_a_timer_fires_once_or_never() -> None:
    place = Place(duel=Duel)
    room = place.open("duel")
    fired: list[str] = []
    room.call_later(5.0, lambda: fired.append("five"))
    room.call_later(3.0, lambda: fired.append("three"))
    room.call_later(4.0, lambda: fired.append("four")).cancel()
    place.network.advance(4.5)
    assert fired == ["three"]
    place.network.advance(1)
    assert fired == ["three", "five"]
    room.call_later(1.0, lambda: fired.append("never"))
    room.close()
    place.network.advance(2)
    assert fired == ["three", "five"]
    with pytest.raises(MultiplayerError) as raised:
        room.call_later(-1.0, lambda: None)
    assert raised.value.code == Error.ERR_INVALID_PARAMETER


def test_rooms_that_have_nothing_to_do_are_not_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(duel=Duel)
    rooms = [place.open("duel", code=f"R{number}") for number in range(20)]
    client = place.join("/duel/R7")
    place.network.settle()
    polled: list[str] = []
    for room in rooms:
        poll = room._session.api.poll

        def counted(room: Room = room, poll: Any = poll) -> None:
            polled.append(room.code)
            poll()

        monkeypatch.setattr(room._session.api, "poll", counted)
    place.server.poll()
    assert polled == []
    client.set_target_peer(1)
    client.put_packet(b"hello")
    place.network.settle()
    assert {*polled} == {"R7"}
    polled.clear()
    rooms[3].locked = True
    rooms[3].peer.wake()
    place.network.settle()
    assert {*polled} == {"R3"}


def test_a_server_of_rooms_shares_an_engine_with_others() -> None:
    engine = SocketEngine()
    server = RoomServer({"duel": Duel})
    server.use_engine(engine)
    client = WebSocketClient()
    client.use_engine(engine)
    server.listen(0, "127.0.0.1")
    url = f"ws://127.0.0.1:{server.get_local_port()}/duel/new"
    client.connect_to_url(url, gd_mp_api=True)
    for _ in range(1000):
        server.poll()
        client.poll()
        if client.get_unique_id() > 1:
            break
    assert client.get_unique_id() > 1
    assert server.endpoint.fileno() == engine.fileno()
    client.close()
    server.close()
    with pytest.raises(MultiplayerError, match="has an engine"):
        server.use_engine(engine)
    with pytest.raises(MultiplayerError, match="make one with"):
        RoomServer({}).use_engine(None)  # type: ignore[arg-type]


def test_a_cut_connection_loses_its_seat_where_there_is_no_grace() -> None:
    place = Place(duel=Duel)
    room = place.open("duel", code="R")
    client = place.join("/duel/R")
    place.network.reset(client)
    place.network.settle()
    place.network.advance(1)
    assert room.of("left") == [(room.of("joined")[0], "lost")]
