"""A subsystem that is added to a session: it has packets of its own, and hears all verbs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import pytest

from multiplayer import GODOT_4, NATIVE, Dialect, SceneMultiplayer, rpc
from multiplayer.scene.subsystem import MemberPackets, NeighbourPackets, Subsystem
from multiplayer.wire.dialects.api_packets import ApiPacket
from multiplayer.wire.dialects.choice import wire_of

from .gathering import Gathering
from .loopback import LoopbackPeer

if TYPE_CHECKING:
    from multiplayer.api_hooks import Arrived

KNOCK, WAVE = 0xF6, 0xFE
"""First bytes that no dialect has: the kind is 6 in Godot's, and none in ours."""

SERVER, ADA, BOB = 1, 2, 3
DUE = 7.5


class Knock(NamedTuple):
    """From one in the session."""

    times: int


class Wave(NamedTuple):
    """From a neighbour."""

    times: int


class Game:
    """Something to call, without which there is nothing to add."""

    @rpc
    def play(self) -> None:
        raise AssertionError


class Toy(Subsystem):
    """Notes all that it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def neighbour_packets(self) -> NeighbourPackets:
        return {Wave: self._wave}

    def member_packets(self) -> MemberPackets:
        return {Knock: lambda sender, knock: self.heard.append(("knock", sender, knock.times))}

    def _wave(self, arrived: Arrived, wave: Wave) -> None:
        self.heard.append(("wave", arrived.source, wave.times, arrived.mode, arrived.channel))

    def turned_away(self, sender: int, packet: object) -> None:
        self.heard.append(("turned_away", sender, packet))

    def peer_changed(self, peer: int, *, present: bool) -> None:
        self.heard.append(("peer_changed", peer, present))

    def reset(self) -> None:
        self.heard.append(("reset",))

    def process(self, now: float) -> None:
        self.heard.append(("process", now))

    def next_deadline(self) -> float:
        return DUE

    def take(self) -> list[tuple[Any, ...]]:
        """What it has heard, but that polls go on."""
        heard = [each for each in self.heard if each[0] != "process"]
        self.heard.clear()
        return heard


@pytest.fixture(params=[NATIVE, GODOT_4], ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Dialect:
    """A dialect that has the packets of the toy as well."""
    wire = type(wire_of(request.param))
    read = wire.read

    def read_toys(self: Any, packet: bytes) -> Any:
        if packet[:1] == bytes((KNOCK,)):
            return Knock(packet[1])
        return Wave(packet[1]) if packet[:1] == bytes((WAVE,)) else read(self, packet)

    monkeypatch.setattr(wire, "read", read_toys)
    return request.param


class Scene:
    """Three peers on Godot 4's envelope; the API of one has the toy."""

    def __init__(self, dialect: Dialect, at: int, **settings: object) -> None:
        self.gathering = Gathering(Game, Game, Game, relays=False, dialect=dialect)
        self.toy = Toy()
        self.at = at
        session = self.gathering.apis[at]._session
        session.add(self.toy)
        for name, value in settings.items():
            setattr(self.gathering.apis[at], name, value)

    def send(self, source: int, packet: bytes, target: int = SERVER) -> None:
        """Send a packet from below the API, and let it arrive."""
        self.gathering.peer(source).send_packet(packet, target)
        self.gathering.settle()


def test_its_packets_reach_it(dialect: Dialect) -> None:
    scene = Scene(dialect, SERVER)
    scene.send(ADA, bytes((KNOCK, 3)))
    scene.send(BOB, bytes((WAVE, 4)))
    assert scene.toy.take() == [("knock", ADA, 3), ("wave", BOB, 4, 2, 0)]
    assert scene.gathering.reasons(SERVER) == []


def test_what_members_send_may_be_relayed_and_what_neighbours_send_not(dialect: Dialect) -> None:
    scene = Scene(dialect, BOB)
    relay = wire_of(dialect).relay
    scene.send(ADA, relay(BOB, bytes((KNOCK, 5))))
    scene.send(ADA, relay(BOB, bytes((WAVE, 6))))
    assert scene.toy.take() == [("knock", ADA, 5)]
    assert scene.gathering.reasons(BOB) == ["relay_refused"]


def test_who_is_not_in_the_session_is_turned_away(dialect: Dialect) -> None:
    scene = Scene(dialect, BOB)
    scene.send(SERVER, wire_of(dialect).relay(99, bytes((KNOCK, 5))), BOB)
    assert scene.toy.take() == [("turned_away", 99, Knock(5))]
    assert scene.gathering.reasons(BOB) == ["unknown_peer"]


def test_what_is_discarded_does_not_reach_it(dialect: Dialect) -> None:
    scene = Scene(dialect, SERVER, discard_packets=True)
    scene.send(ADA, bytes((KNOCK, 3)))
    scene.send(ADA, bytes((WAVE, 3)))
    assert scene.toy.take() == [("wave", ADA, 3, 2, 0)]
    assert scene.gathering.apis[SERVER].statistics.discarded == 1


@pytest.mark.parametrize("at", [SERVER, ADA])
def test_it_hears_who_comes_and_goes(dialect: Dialect, at: int) -> None:
    scene = Scene(dialect, at)
    api, toy = scene.gathering.apis[at], scene.toy
    api.peer_connected.connect(lambda peer: toy.heard.append(("told", peer)))
    api.peer_disconnected.connect(lambda peer: toy.heard.append(("told", peer)))
    scene.gathering.peer(BOB).drop()
    scene.gathering.settle()
    assert toy.take() == [("told", BOB), ("peer_changed", BOB, False)]
    newcomer = LoopbackPeer(scene.gathering.network, 4)
    scene.gathering.apis[4] = SceneMultiplayer(dialect=dialect)
    scene.gathering.apis[4].multiplayer_peer = newcomer
    newcomer.link()
    scene.gathering.settle()
    assert toy.take() == [("peer_changed", 4, True), ("told", 4)]


def test_one_that_is_thrown_out_has_gone(dialect: Dialect) -> None:
    scene = Scene(dialect, SERVER)
    scene.gathering.apis[SERVER].disconnect_peer(ADA)
    assert scene.toy.take() == [("peer_changed", ADA, False)]


def test_it_works_at_each_poll_and_may_ask_for_one(dialect: Dialect) -> None:
    scene = Scene(dialect, SERVER)
    api = scene.gathering.apis[SERVER]
    scene.toy.heard.clear()
    scene.gathering.network.time = 6.25
    api.poll()
    assert scene.toy.heard == [("process", 6.25)]
    assert api.next_deadline() <= DUE
    api.clear()
    assert api.next_deadline() == DUE  # nobody else waits for anything


def test_it_forgets_a_session_that_is_over(dialect: Dialect) -> None:
    scene = Scene(dialect, SERVER)
    api = scene.gathering.apis[SERVER]
    api.clear()
    assert scene.toy.take() == [("reset",)]
    api.multiplayer_peer = None
    assert scene.toy.take() == [("reset",)]
    api.poll()
    assert scene.toy.heard == []  # it belonged to the session over that peer


class Silent(Subsystem):
    """Has nothing to say to anything."""


def test_one_that_has_nothing_to_say_is_asked_nothing(dialect: Dialect) -> None:
    scene = Scene(dialect, SERVER)
    scene.gathering.apis[SERVER]._session.add(Silent())
    silent = Silent()
    assert silent.next_deadline() == math.inf
    assert silent.neighbour_packets() == silent.member_packets() == {}
    scene.send(ADA, bytes((KNOCK, 3)))
    scene.gathering.peer(ADA).drop()
    scene.gathering.settle()
    scene.gathering.apis[SERVER].clear()
    assert scene.gathering.reasons(SERVER) == []


def test_each_type_of_packet_is_handled_by_one_subsystem() -> None:
    handled: set[type] = set()
    for dialect in (NATIVE, GODOT_4):
        kinds = [
            kind
            for subsystem in SceneMultiplayer(dialect=dialect)._session.subsystems
            for kind in (*subsystem.neighbour_packets(), *subsystem.member_packets())
        ]
        assert len(kinds) == len({*kinds})
        handled |= {*kinds}
    assert {kind.__name__ for kind in {*get_args(ApiPacket)} - {*handled}} == {"Unsupported"}
