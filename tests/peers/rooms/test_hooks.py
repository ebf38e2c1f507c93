"""What a room's methods may answer, and what becomes of what they raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import Dialect, Error, MultiplayerError
from peers import Accept, Limits, Refuse, Room, RoomServer
from peers.memory import MemoryNetwork
from tests.driving import until
from tests.peers.rooms.games import Duel, Hall, Noting
from tests.raw import Raw, request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from peers import RoomRequest, Seat, UpgradeRequest
    from tests.driving import Drive

pytestmark = pytest.mark.needs_sockets


class Asking(Noting):
    """Asks what its test wants."""

    ask: Callable[[RoomRequest], Any] = staticmethod(lambda request: None)

    def may_join(self, request: RoomRequest) -> Any:
        return self.ask(request)


@pytest.mark.parametrize(
    ("answer", "closed"),
    [
        (Refuse(4005, "update your game"), (4005, "update your game")),
        (False, (4001, "the room does not want you")),
    ],
)
async def test_a_room_may_refuse(drive: Drive, answer: object, closed: tuple[int, str]) -> None:
    hall = Hall(drive, RoomServer({"asking": Asking}))
    room = hall.open("asking", code="R")
    assert isinstance(room, Asking)
    room.ask = lambda request: answer
    assert await hall.refused("/asking/R") == closed
    assert room.seats == {}
    room.ask = lambda request: True
    await hall.join("/asking/R")


@pytest.mark.parametrize("dialect", [*Dialect])
async def test_players_of_a_room_that_does_not_relay_see_the_server_alone(
    drive: Drive, dialect: Dialect
) -> None:
    class Quiet(Noting):
        relays = False

    Quiet.dialect = dialect
    hall = Hall(drive, RoomServer({"quiet": Quiet}))
    first, second = [await hall.join("/quiet/any", dialect) for _ in range(2)]
    await until(lambda: first.api.get_peers() and second.api.get_peers())
    assert first.api.get_peers() == second.api.get_peers() == [1]


async def test_what_the_server_knows_of_a_player_reaches_the_room(drive: Drive) -> None:
    seen: list[RoomRequest] = []
    hall = Hall(drive, RoomServer({"asking": Asking}))

    def login(request: UpgradeRequest) -> Accept | Refuse:
        if "name=eve" in request.query:
            return Refuse(4100, "not you")
        return Accept(["X-Seen: 1"], userdata=request.query)

    hall.server.upgrade_callback = login
    room = hall.open("asking", code="R")
    assert isinstance(room, Asking)

    def ask(request: RoomRequest) -> Accept | None:
        seen.append(request)
        return Accept(userdata="guest") if "guest" in request.query else None

    room.ask = ask
    bob = await hall.join("/asking/R?name=bob")
    guest = await hall.join("/asking/R?guest=1")
    assert await hall.refused("/asking/R?name=eve") == (4100, "not you")
    assert [request.userdata for request in seen] == ["name=bob", "guest=1"]
    assert (seen[0].room.code, seen[0].room.options) == ("R", {"name": "bob"})
    await until(lambda: len(room.seats) == 2)
    assert room.seats[bob.id].userdata == "name=bob"
    assert room.seats[guest.id].userdata == "guest"


class Failing(Noting):
    """Raises in each of its methods."""

    capacity = 3

    def joined(self, seat: Seat) -> None:
        super().joined(seat)
        raise ZeroDivisionError("joined")

    def left(self, seat: Seat, why: str) -> None:
        super().left(seat, why)
        raise ZeroDivisionError("left")

    def closed(self, why: str) -> None:
        super().closed(why)
        raise ZeroDivisionError("closed")


@pytest.mark.handlers_fail
async def test_a_method_that_raises_ends_neither_room_nor_server(drive: Drive) -> None:
    hall = Hall(drive, RoomServer({"failing": Failing, "duel": Duel}))
    room, other = hall.open("failing", code="F"), hall.open(code="D")
    told: list[str] = []
    room.api.handler_failed.connect(lambda peer, where, error: told.append(where))
    player = await hall.join("/failing/F")
    neighbour = await hall.join("/duel/D")
    player.world.add.rpc_id(1, 2)
    await until(lambda: player.world.heard)
    player.api.multiplayer_peer.close()
    await until(lambda: room.of("left"))
    room.close()
    await until(lambda: room.of("closed"))
    assert told == ["Failing.joined", "Failing.left", "Failing.closed"]
    assert [*other.seats] == [neighbour.id]


@pytest.mark.handlers_fail
async def test_a_may_join_that_raises_refuses(drive: Drive) -> None:
    hall = Hall(drive, RoomServer({"asking": Asking}))
    room = hall.open("asking", code="R")
    assert isinstance(room, Asking)
    for ask in (lambda request: 1 / 0, lambda request: "yes"):
        room.ask = ask
        player = hall.player("/asking/R")
        await until(lambda player=player: player.is_out)
        assert "500" in str(player.peer.failure)
    assert room.seats == {}


class Unopened(Room):
    def opened(self, options: Mapping[str, str]) -> None:
        raise ValueError(dict(options))


class ClosesItself(Room):
    def opened(self, options: Mapping[str, str]) -> None:
        self.close()


@pytest.mark.handlers_fail
async def test_a_room_that_cannot_be_opened_is_not_there(drive: Drive) -> None:
    hall = Hall(drive, RoomServer({"unopened": Unopened, "self": ClosesItself}))
    told: list[str] = []
    hall.server.handler_failed.connect(lambda peer, where, error: told.append(where))
    assert await hall.refused("/unopened/new?x=1") == (4013, "the room could not be opened")
    assert told == ["Unopened.opened"]
    with pytest.raises(ValueError, match="'y': '2'"):
        hall.server.create("unopened", options={"y": "2"})
    with pytest.raises(MultiplayerError, match="closed itself"):
        hall.server.create("self")
    assert hall.server.rooms == []
    assert hall.told.of("room_opened") == []
    assert hall.server.table.count == 0


@pytest.mark.handlers_fail
def test_with_raise_everything_is_done_and_then_raised() -> None:
    server = RoomServer({"failing": Failing})
    server.on_error = "raise"
    server.open()
    rooms = [server.create("failing") for _ in range(2)]
    for room in rooms:
        room.close()
    with pytest.raises(ExceptionGroup) as raised:
        server.poll()
    assert [str(error) for error in raised.value.exceptions] == ["closed", "closed"]
    assert server.rooms == []
    room = server.create("failing")
    room.call_later(0, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        server.poll()
    room.api.on_error = "log"
    room.call_later(0, lambda: 1 / 0)
    server.poll()
    server.close()


def test_a_room_or_a_listener_may_not_poll() -> None:
    server = RoomServer({"duel": Duel})
    server.open()
    raised: list[Error] = []

    def poll() -> None:
        try:
            server.poll()
        except MultiplayerError as error:
            raised.append(error.code)

    server.create("duel").call_later(0, poll)
    server.poll()
    assert raised == [Error.ERR_BUSY]
    server.close()


async def test_settings_of_the_server_hold_in_its_rooms(drive: Drive) -> None:
    server = RoomServer({"duel": Duel}, limits=Limits(max_peers=40))
    server.inbound_buffer_size = 1000
    server.heartbeat_interval = 2.5
    hall = Hall(drive, server)
    room = hall.open(code="R")
    assert room.peer.inbound_buffer_size == 1000
    assert room.peer.heartbeat_interval == 2.5
    assert room.peer.limits.max_peers == 40
    player = await hall.join("/duel/R")
    player.api.send_bytes(b"x" * 1001, 1)
    await until(lambda: player.is_out)
    assert player.closed_with[0] == 1009
    with pytest.raises(MultiplayerError, match="handshake_timeout"):
        server.handshake_timeout = -1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bind_ip", "*", "listen"),
        ("tls_certificate", "x", "TLSOptions"),
        ("grace", 3.0, "each Room"),
        ("server_relay", False, "Room.relays"),
        ("discard_packets", True, "room.peer.discard_packets"),
        ("auth_callback", print, "room.api"),
        ("max_peers", 5, "Limits"),
        ("verify_tls", False, "clients"),
    ],
)
def test_a_setting_of_something_else_says_where_it_belongs(
    name: str, value: object, words: str
) -> None:
    server = RoomServer({"duel": Duel})
    with pytest.raises(MultiplayerError, match=words) as raised:
        setattr(server, name, value)
    assert raised.value.code == Error.ERR_UNAVAILABLE


async def test_every_answer_has_the_headers_of_the_server_once(drive: Drive) -> None:
    server = RoomServer({"duel": Duel})
    server.handshake_headers = ["X-All: 1"]
    server.upgrade_callback = lambda request: Accept(["X-One: 2"])
    hall = Hall(drive, server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(request(server.get_local_port(), path="/duel/new"))
    lines = (await raw.read_head()).splitlines()
    assert [line for line in lines if line.startswith("X-")] == ["X-All: 1", "X-One: 2"]
    assert len(hall.server.rooms) == 1
    await raw.close()


class Senseless(Room):
    grace = -1.0


class Becoming(Room):
    """Makes sense at first."""


class Varied(Room):
    """Works a setting out by itself."""

    @property
    def grace(self) -> float:  # type: ignore[override]
        return -1.0


@pytest.mark.parametrize("kind", [Becoming, Varied])
def test_a_setting_that_makes_no_sense_is_told_when_a_room_is_opened(
    kind: type[Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MultiplayerError, match="grace must be 0 or more"):
        RoomServer({"senseless": Senseless})  # what is known by then is told there
    server = RoomServer({"senseless": kind, "duel": Duel})
    if kind is Becoming:
        monkeypatch.setattr(Becoming, "grace", -1.0)
    server.open()
    for _ in range(2):
        with pytest.raises(MultiplayerError, match="grace must be 0 or more"):
            server.create("senseless")
    assert server.rooms == []
    server.create("duel")
    server.close()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("capacity", 2.5, "whole number"),
        ("capacity", None, "whole number"),
        ("grace", "long", "number"),
        ("idle", float("nan"), "0 or more"),
        ("tick_hz", float("inf"), "finite"),
        ("tick_hz", -1, "0 or more"),
        ("dialect", "native", "Dialect"),
        ("limits", 3, "Limits"),
        ("relays", "yes", "bool"),
        ("owner", None, "id of a player"),
        ("metadata", {1: "one"}, "keys are texts"),
        ("metadata", "map", "mapping"),
    ],
)
def test_a_room_takes_only_what_makes_sense(name: str, value: object, words: str) -> None:
    server = RoomServer({"duel": Duel})
    server.open()
    room = server.create("duel")
    with pytest.raises(MultiplayerError, match=words):
        setattr(room, name, value)
    kinds = {"own": type("Own", (Duel,), {name: value})}
    given: dict[str, Any] = {name: value}
    of_a_room = name in ("owner", "metadata")
    with pytest.raises(MultiplayerError, match=words):
        _ = server.create("duel", **given) if of_a_room else RoomServer(kinds)
    server.close()


class Late(Room):
    """Sets itself up when it opens."""

    def opened(self, options: Mapping[str, str]) -> None:
        self.grace, self.limits = 5.0, Limits(max_peers=3)


def test_what_holds_from_the_beginning_raises_later() -> None:
    server = RoomServer({"late": Late})
    server.open()
    room = server.create("late")
    assert (room.peer.grace, room.peer.limits.max_peers) == (5.0, 3)
    for name, value in (
        ("grace", 9.0),
        ("limits", None),
        ("relays", False),
        ("dialect", Dialect.GODOT_4),
    ):
        with pytest.raises(MultiplayerError, match="set it on the class"):
            setattr(room, name, value)
    server.close()


def test_what_a_room_is_set_to_from_outside_holds_at_once() -> None:
    network = MemoryNetwork(seed=1)
    server = network.add(RoomServer({"duel": Ticking}))
    server.open()
    room = server.create("duel")
    assert isinstance(room, Ticking)
    network.advance(5.0)
    assert room.ticks == 0
    room.tick_hz = 10.0
    network.advance(1.0)
    assert room.ticks in (9, 10)
    room.idle = 0.0
    network.advance(0.1)
    assert server.rooms == []


class Ticking(Noting):
    """Counts its ticks."""

    ticks = 0

    def process(self, delta: float) -> None:
        self.ticks += 1
