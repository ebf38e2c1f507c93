"""A room whose methods raise, close, kick and stop: nothing hangs, and nothing is left."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import ConnectionStatus, MultiplayerError
from peers import Resume, Room, RoomServer, WebSocketClient
from peers.memory import MemoryNetwork
from tests.peers.rooms.test_coming_back import KEY, Patient, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from peers import RoomRequest, Seat

    Deed = Callable[["Meddling"], object]

pytestmark = pytest.mark.needs_sockets


def _fail(room: Meddling) -> None:
    raise ZeroDivisionError(room.code)


def _kick_all(room: Meddling) -> None:
    for seat in [*room.seats.values()]:
        seat.kick("out")


def _expire_all(room: Meddling) -> None:
    for peer in [*room.seats]:
        room.peer.expire_seat(peer)


def _force_out_all(room: Meddling) -> None:
    for peer in [*room.seats]:
        room.peer.disconnect_peer(peer, force=True)


DEEDS: dict[str, Deed] = {
    "raise": _fail,
    "close": lambda room: room.close(),
    "kick": _kick_all,
    "expire": _expire_all,
    "force out": _force_out_all,
    "close the peer": lambda room: room.peer.close(),
    "poll": lambda room: room.server.poll(),
    "leave": lambda room: room.server.begin_leaving(),
    "stop": lambda room: room.server.close(),
}
HOOKS = ("opened", "may_join", "joined", "suspended", "resumed", "left", "process", "closed")


class Meddling(Room):
    """Does something in one of its methods, three times at most."""

    server: RoomServer
    hook = ""
    deed: Deed
    left_over = 0
    grace = 20.0
    capacity = 3
    idle = 2.0
    tick_hz = 2.0

    def _at(self, hook: str) -> None:
        kind = type(self)
        if hook == kind.hook and kind.left_over > 0:
            kind.left_over -= 1
            kind.deed(self)

    def opened(self, options: Mapping[str, str]) -> None:
        if "meddle" in options:
            self._at("opened")

    def may_join(self, request: RoomRequest) -> Any:
        self._at("may_join")

    def joined(self, seat: Seat) -> None:
        self._at("joined")

    def suspended(self, seat: Seat) -> None:
        self._at("suspended")

    def resumed(self, seat: Seat) -> None:
        self._at("resumed")

    def left(self, seat: Seat, why: str) -> None:
        self._at("left")

    def process(self, delta: float) -> None:
        self._at("process")

    def closed(self, why: str) -> None:
        self._at("closed")


class Quiet(Room):
    """The room beside it."""

    idle = None


@pytest.mark.handlers_fail
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_room_may_do_anything_in_any_method(deed: str, hook: str) -> None:
    network = MemoryNetwork(seed=3)
    kind = type("Own", (Meddling,), {"hook": hook, "deed": staticmethod(DEEDS[deed])})
    server = network.add(RoomServer({"own": kind, "quiet": Quiet}))
    kind.server, kind.left_over = server, 3
    server.listen(9080)
    server.create("quiet", code="Q")
    server.create("own", code="R")

    def client(path: str) -> WebSocketClient:
        client = network.add(WebSocketClient())
        client.resume = Resume(give_up_after=30.0)
        with suppress(MultiplayerError):  # the server has stopped
            client.connect_to_url(f"ws://game:9080{path}", gd_mp_api=True)
        network.settle()
        return client

    neighbour = client("/quiet/Q")
    players = [client("/own/R"), client("/own/R"), client("/own/new?meddle=1")]
    network.advance(2.0)
    for player in players:
        if player.get_connection_status() is ConnectionStatus.CONNECTION_CONNECTED:
            network.reset(player)
        network.advance(2.0)
    for player in players:
        player.close()
    network.advance(40.0)
    assert kind.left_over < 3
    table, stops = server.table, deed in ("stop", "leave")
    assert [room for room in server.rooms if room.kind == "own"] == []
    is_in = neighbour.get_connection_status() is ConnectionStatus.CONNECTION_CONNECTED
    assert is_in is not stops
    assert table.players == is_in
    kinds = {each.kind for rooms in table._visited.values() for each in rooms}
    assert kinds == ({"quiet"} if is_in else set())
    assert table.of_keys == {}


def test_who_is_back_counts_once() -> None:
    place = Place()
    room = place.open()
    room.capacity = 2
    client = place.client("/duel/R")
    for _ in range(2):
        place.network.reset(client)
        place.network.advance(5.0)
    assert room.seats[client.get_unique_id()].connected
    assert [*place.client("/duel/any").get_peers()]
    assert place.server.rooms == [room]
    assert len(room.seats) == 2


class Failing(Patient):
    """Opens once."""

    fails = False

    def opened(self, options: Mapping[str, str]) -> None:
        super().opened(options)
        if Failing.fails:
            raise ZeroDivisionError

    def restored(self, data: object) -> None:
        Failing.fails = True
        raise ZeroDivisionError


def test_nobody_is_led_to_a_room_that_could_not_be_restored() -> None:
    network = MemoryNetwork(seed=3)
    server, heir = (network.add(RoomServer({"duel": Failing})) for _ in range(2))
    server.listen(9080)
    room = server.create("duel", code="R")
    client = network.add(WebSocketClient())
    client.connect_to_url(f"ws://game:9080/duel/R?seat_key={KEY}", gd_mp_api=True)
    network.settle()
    data = server.save(room)
    heir.open()
    try:
        with pytest.raises(ZeroDivisionError):
            heir.restore(data)
    finally:
        Failing.fails = False
    assert heir.rooms == []
    assert heir.table.of_keys == {}
