"""Peers of another generation of Godot: what shows them, and when silence is remarked upon."""

from __future__ import annotations

import logging
import math

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4,
    NATIVE,
    Dialect,
    Error,
    MultiplayerError,
    Node,
    Reason,
    SceneMultiplayer,
    rpc,
)
from multiplayer.wire.dialects.godot4 import Godot4Wire
from tests.driving import Recorder
from tests.multiplayer.scene.loopback import LoopbackPeer, Network

NUMBERS, PATHS = Godot4Wire(), Godot4Wire(confirm_with_path=True)
GODOT_3S = bytes.fromhex("00 00000000 01000000")


class Game(Node):
    @rpc("any_peer")
    def go(self) -> None:
        self.went = True


class World:
    """An API on a server, and a bare client that sends what a test wants."""

    def __init__(self, dialect: Dialect = GODOT_4, *, confirm_with_path: bool = False) -> None:
        self.network = Network(relays=dialect is GODOT_3)
        self.server = LoopbackPeer(self.network, 1)
        root = Node("root")
        root.add_child(Game("Game"))
        self.game = root.get_node("Game")
        self.api = SceneMultiplayer(root, dialect, confirm_with_path=confirm_with_path)
        self.api.multiplayer_peer = self.server
        self.signals = Recorder(self.api)
        self.client = LoopbackPeer(self.network, 7)
        self.client.link()
        self.api.poll()

    def send(self, packet: bytes) -> None:
        self.client.set_target_peer(1)
        self.client.put_packet(packet)
        self.api.poll()

    def reasons(self) -> list[object]:
        return [reason for _, reason, _ in self.signals.of("invalid_packet")]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "multiplayer.scene.doctor.generations")


def remarks(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    records = [record for record in caplog.records if record.name.endswith("generations")]
    for record in records:
        assert record.getMessage().startswith(f"peer {vars(record)['peer_id']} ")
    return [(record.levelno, record.getMessage()) for record in records]


# ---------------------------------------------------------------- what shows itself


@pytest.mark.parametrize("target", [1, 0, -5])
@pytest.mark.parametrize("payload", [b"", b"\x04x", b"\x02\x01\0\0\0Main\0"])
def test_a_first_message_of_godot_3_is_refused(target: int, payload: bytes) -> None:
    world = World()
    world.send(bytes(5) + target.to_bytes(4, "little", signed=True) + payload)
    ((peer, reason, detail),) = world.signals.of("invalid_packet")
    assert (peer, reason) == (7, Reason.OTHER_GENERATION)
    assert "it seems to be a Godot 3 game; WebSocketServer" in str(detail)
    ((expelled, why),) = world.server.expelled
    assert expelled == 7
    assert len(why.encode()) <= 123
    world.api.poll()
    assert world.api.get_peers() == []


@pytest.mark.parametrize(
    "packet", [GODOT_3S[:8], b"\x00\x01\0\0\0" + bytes(4), b"\x03" + bytes(8), NUMBERS.raw(b"x")]
)
def test_other_first_messages_show_nothing(packet: bytes) -> None:
    world = World()
    world.send(packet)
    assert Reason.OTHER_GENERATION not in world.reasons()
    world.send(GODOT_3S)  # no first message any more
    assert Reason.OTHER_GENERATION not in world.reasons()
    assert world.server.expelled == []


def test_a_confirmation_by_path_is_refused_and_the_setting_named() -> None:
    world = World()
    world.api.rpc(7, world.game, "go")
    world.send(PATHS.confirm(1, "Game", agrees=True))
    ((peer, reason, detail),) = world.signals.of("invalid_packet")
    assert (peer, reason) == (7, Reason.OTHER_GENERATION)
    assert "as Godot 4.0 to 4.2 do" in str(detail)
    assert "confirm_with_path=True" in str(detail)
    assert world.server.expelled == [(7, "this server serves Godot 4.3 and later, not 4.0 to 4.2")]


def test_a_confirmation_of_a_path_that_was_not_announced_shows_nothing() -> None:
    world = World()
    world.api.rpc(7, world.game, "go")
    world.send(PATHS.confirm(1, "Gone", agrees=True))
    assert world.reasons() == []
    assert world.server.expelled == []


def test_with_the_setting_paths_are_confirmed_both_ways() -> None:
    world = World(confirm_with_path=True)
    world.api.rpc(7, world.game, "go")
    world.send(PATHS.confirm(1, "Game", agrees=True))
    assert world.reasons() == []
    before = len(world.network.log)
    world.api.rpc(7, world.game, "go")
    assert [sent.payload for sent in world.network.log[before:]] == [b"\x80\x01\x00"]
    world.send(PATHS.announce(1, "Game", ["go"]))
    assert world.network.log[-1].payload == PATHS.confirm(1, "Game", agrees=True)


@pytest.mark.parametrize("dialect", [d for d in Dialect if d is not GODOT_4])
def test_the_setting_is_for_godot_4_alone(dialect: Dialect) -> None:
    with pytest.raises(MultiplayerError, match=dialect.name) as raised:
        SceneMultiplayer(dialect=dialect, confirm_with_path=True)
    assert raised.value.code == Error.ERR_INVALID_PARAMETER


# ---------------------------------------------------------------- silence


@pytest.mark.parametrize("dialect", [GODOT_3, GODOT_4])
def test_long_silence_is_remarked_upon_once(
    dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(dialect)
    world.network.time = 2.0
    LoopbackPeer(world.network, 8).link()
    assert world.api.next_deadline() == 5.0
    world.network.time = 4.99
    world.api.poll()
    assert remarks(caplog) == []
    world.network.time = 5.0
    world.api.poll()
    ((level, text),) = remarks(caplog)
    assert level == logging.INFO
    assert text.startswith("peer 7 has joined 5 s ago and has sent nothing to this server")
    assert f"Dialect.{dialect.name}" in text
    assert world.api.next_deadline() == 7.0  # one deadline for all: the next is peer 8's
    world.network.time = 100.0
    world.api.poll()
    world.api.poll()
    assert len(remarks(caplog)) == 2
    assert world.api.next_deadline() == math.inf


@pytest.mark.parametrize(("stays", "told"), [(1.0, True), (1.01, False)])
def test_a_short_visit_without_a_word_is_remarked_upon(
    stays: float, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(GODOT_3)
    world.server.goodbyes[7] = True
    world.network.time = stays
    world.client.drop()
    world.api.poll()
    assert [level for level, _ in remarks(caplog)] == [logging.WARNING] * told
    assert world.api.next_deadline() == math.inf


@pytest.mark.parametrize(
    ("dialect", "silently", "level"),
    [
        (GODOT_3, True, logging.WARNING),
        (GODOT_3, None, logging.INFO),  # the peer below does not know
        (GODOT_3, False, None),
        (GODOT_4, True, logging.INFO),  # engines leave like this
        (GODOT_4, None, logging.INFO),
        (GODOT_4, False, None),
        (NATIVE, True, logging.INFO),
        (NATIVE, None, None),
        (NATIVE, False, None),
    ],
)
def test_how_it_left_says_how_much_that_means(
    dialect: Dialect, silently: bool | None, level: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(dialect)
    world.server.goodbyes[7] = silently
    world.client.drop()
    world.api.poll()
    said = remarks(caplog)
    assert [found for found, _ in said] == ([] if level is None else [level])
    for _, line in said:
        sign = "peer 7 left within a second, without a word; if it should have stayed: it may be "
        assert line.startswith(sign)


@pytest.mark.parametrize("how", ["it spoke", "it was thrown out"])
def test_nothing_is_said_of_who_had_its_reasons(how: str, caplog: pytest.LogCaptureFixture) -> None:
    world = World(GODOT_3)
    if how == "it spoke":
        world.send(b"\x04x")
        world.client.drop()
    else:
        world.api.disconnect_peer(7)
    world.api.poll()
    assert world.api.get_peers() == []
    assert remarks(caplog) == []


def test_nothing_is_said_of_who_was_not_let_in(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.api.auth_callback = lambda peer, data: None
    world.api.auth_timeout = 0.5
    LoopbackPeer(world.network, 8).link()
    world.network.time = 0.6
    for _ in range(2):
        world.api.poll()
    assert world.signals.of("peer_authentication_failed") == [(8,)]
    assert remarks(caplog) == []


def test_a_client_does_not_look(caplog: pytest.LogCaptureFixture) -> None:
    world = World(GODOT_3)
    client = SceneMultiplayer(dialect=GODOT_3)
    client.multiplayer_peer = newcomer = LoopbackPeer(world.network, 9)
    newcomer.link()
    client.poll()
    assert client.get_peers() == [1, 7]
    assert client.next_deadline() == math.inf
    newcomer.drop()
    client.poll()
    assert remarks(caplog) == []
