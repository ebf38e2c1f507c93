"""Authentication on both envelopes: accepted, refused, too late, one-sided."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4,
    GODOT_4_BETA,
    NATIVE,
    Error,
    Node,
    Reason,
    SceneMultiplayer,
)

from .loopback import LoopbackPeer, Network
from .worlds import GAME, A, B, Called, Kind, World, error_of

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = [
    Kind(NATIVE, gd_mp=True, nodes=True),
    Kind(NATIVE, gd_mp=False, nodes=True),
    Kind(GODOT_4, gd_mp=False, nodes=True),
]

TOO_LATE = "authentication took longer than 3 s"


class Gate:
    """A session whose peers authenticate; notes what the callbacks get.

    Args:
        kind: of the session.
        sides: whose API has a callback.
    """

    def __init__(self, kind: Kind, *sides: int) -> None:
        self.got: list[tuple[int, int, bytes]] = []
        self.react: dict[int, Callable[[int, bytes], object]] = {}
        self.sides = sides
        self._next = [1]
        self.world = World(kind, before=self._before)

    def _before(self, api: SceneMultiplayer) -> None:
        own_id = self._next.pop(0)
        if own_id in self.sides:
            api.auth_callback = lambda peer, data: self._receive(own_id, peer, data)
        self.own_id = own_id

    def _receive(self, own_id: int, peer: int, data: bytes) -> None:
        self.got.append((own_id, peer, data))
        if own_id in self.react:
            self.react[own_id](peer, data)

    def join(self, own_id: int) -> SceneMultiplayer:
        self._next.append(own_id)
        return self.world.join(own_id)

    def admit(self, own_id: int) -> None:
        """Let a client in with the password."""
        server, client = self.world.apis[1], self.world.apis[own_id]
        client.send_auth(1, b"password")
        client.complete_auth(1)
        self.world.settle()
        server.complete_auth(own_id)
        self.world.settle()


@pytest.fixture(params=KINDS, ids=lambda kind: kind.label)
def gate(request: pytest.FixtureRequest) -> Gate:
    return Gate(request.param, 1, A, B)


def test_accepted(gate: Gate) -> None:
    world, server = gate.world, gate.world.apis[1]
    client = gate.join(A)
    assert server.get_authenticating_peers() == [A]
    assert client.get_authenticating_peers() == [1]
    assert server.get_peers() == client.get_peers() == []
    assert world.events(1) == [("peer_authenticating", A)]
    assert world.events(A) == [("peer_authenticating", 1)]

    client.send_auth(1, b"password")
    world.settle()
    server.send_auth(A, b"welcome")
    world.settle()
    assert gate.got == [(1, A, b"password"), (A, 1, b"welcome")]

    server.complete_auth(A)
    world.settle()
    assert server.get_authenticating_peers() == [A]
    client.complete_auth(1)
    world.settle()
    assert server.get_authenticating_peers() == client.get_authenticating_peers() == []
    assert world.events(1) == [("peer_connected", A)]
    assert world.events(A) == [("connected_to_server",), ("peer_connected", 1)]
    assert world.do(A, 1, "any_one", 1) == [Called(1, "any_one", (1,), A)]
    assert world.do(1, A, "any_one", 1) == [Called(A, "any_one", (1,), 1)]
    assert not world.invalid


def test_others_hear_of_a_newcomer_when_it_is_admitted(gate: Gate) -> None:
    world = gate.world
    gate.join(A)
    gate.admit(A)
    gate.join(B)
    world.events(A)
    assert world.apis[A].get_peers() == [1]
    assert B not in world.apis[1].get_peers()
    gate.admit(B)
    assert world.events(A) == [("peer_connected", B)]
    assert world.events(B)[-2:] == [("peer_connected", 1), ("peer_connected", A)]
    assert sorted(world.apis[1].get_peers()) == [A, B]
    assert world.do(A, B, "any_one", 1) == [Called(B, "any_one", (1,), A)]
    assert not world.invalid


def test_nothing_reaches_or_leaves_one_that_is_pending(gate: Gate) -> None:
    world = gate.world
    gate.join(A)
    gate.admit(A)
    gate.join(B)
    gate.got.clear()
    assert [call.at for call in world.do(1, 0, "any_one", 1)] == [A]
    assert [call.at for call in world.do(A, 0, "any_one", 1)] == [1]
    world.apis[1].send_bytes(b"all")
    world.apis[A].send_bytes(b"all")
    world.settle()
    told = [what for what, *_ in world.events(B)]
    assert "peer_packet" not in told
    for to in (1, A, -A):
        error = error_of(world.call, B, to, "any_one", 1)
        assert error.code == Error.ERR_INVALID_PARAMETER
    for packet in world.forged(GAME, "any_one", [1]):
        world.inject(B, 1, packet)
    world.settle()
    assert not world.calls
    assert world.rejected()["not_authenticated"] == 2
    gate.admit(B)
    assert [call.at for call in world.do(1, 0, "any_one", 1)] == [A, B]


def test_refused(gate: Gate) -> None:
    world, server = gate.world, gate.world.apis[1]
    gate.react[1] = lambda peer, _: server.disconnect_peer(peer)
    client = gate.join(A)
    client.send_auth(1, b"wrong")
    world.settle()
    assert gate.got == [(1, A, b"wrong")]
    assert server.get_authenticating_peers() == server.get_peers() == []
    told = world.events(A)
    assert told == [
        ("peer_authenticating", 1),
        ("peer_authentication_failed", 1),
        ("server_disconnected",),
    ]
    assert "peer_connected" not in [what for what, *_ in world.events(1)]


def test_too_late(gate: Gate) -> None:
    world, server = gate.world, gate.world.apis[1]
    assert server.auth_timeout == 3.0
    assert server.next_deadline() == math.inf
    client = gate.join(A)
    assert server.next_deadline() == 3.0
    assert client.next_deadline() == 3.0
    client.auth_timeout = 100
    world.network.time = 2.9
    gate.join(B)
    assert server.get_authenticating_peers() == [A, B]
    world.network.time = 3.0
    world.settle()
    assert server.get_authenticating_peers() == [B]
    assert server.next_deadline() == pytest.approx(5.9)
    assert world.events(1) == [
        ("peer_authenticating", A),
        ("peer_authenticating", B),
        ("peer_authentication_failed", A),
    ]
    assert ("server_disconnected",) in world.events(A)
    ((peer, told),) = world.peers[1].expelled
    assert (peer, told.partition(":")[0]) == (A, TOO_LATE)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([], f"{TOO_LATE}: this server expects it; does this client set auth_callback?"),
        ([b"guess"], TOO_LATE),
        ([b""], TOO_LATE),
    ],
    ids=["nothing", "credentials", "that it is complete"],
)
def test_a_server_tells_who_is_late_why_it_goes(
    gate: Gate, caplog: pytest.LogCaptureFixture, said: list[bytes], told: str
) -> None:
    caplog.set_level(logging.INFO, "multiplayer.scene.peers")
    world = gate.world
    gate.join(A)
    for data in said:
        world.inject(A, 1, world.wire.authenticate(data))
    world.settle()
    world.network.time = 3.0
    world.apis[1].poll()
    assert world.peers[1].expelled == [(A, told)]
    assert len(told.encode()) <= 123  # what a close frame has room for
    (line,) = caplog.messages
    assert line.startswith(f"peer {A}: its authentication took longer than 3 s")
    assert ("does it set auth_callback?" in line) == (not said)
    assert ("auth_callback has not called complete_auth()" in line) == (said == [b""])


def test_no_limit(gate: Gate) -> None:
    gate.world.apis[1].auth_timeout = 0
    gate._next.append(A)
    gate.world.add(A).auth_timeout = 0
    gate.world.peers[A].link()
    gate.world.network.time = 1e9
    gate.world.settle()
    assert gate.world.apis[1].get_authenticating_peers() == [A]
    assert gate.world.apis[1].next_deadline() == math.inf


def test_a_client_that_leaves_while_pending(gate: Gate) -> None:
    gate.join(A)
    gate.world.events(1)
    gate.world.leave(A)
    assert gate.world.events(1) == [("peer_authentication_failed", A)]
    assert gate.world.apis[1].get_authenticating_peers() == []
    gate.join(A)
    gate.admit(A)
    assert gate.world.apis[1].get_peers() == [A]


def test_credentials_after_the_other_side_has_seen_enough(gate: Gate) -> None:
    world, server = gate.world, gate.world.apis[1]
    client = gate.join(A)
    client.send_auth(1, b"first")
    server.complete_auth(A)
    server.send_auth(A, b"x")  # that it has completed is its own doing: dropped
    assert server.statistics.drops == {"authenticated": 1}
    client.send_auth(1, b"second")  # it has not heard yet
    world.settle()
    assert [data for _, _, data in gate.got] == [b"first", b"second"]
    client.send_auth(1, b"third")
    assert client.statistics.drops == {"authenticated": 1}
    client.complete_auth(1)
    world.settle()
    assert server.get_peers() == [A]


def test_errors(gate: Gate) -> None:
    server = gate.world.apis[1]
    for call in (server.send_auth, lambda peer, _: server.complete_auth(peer)):
        assert error_of(call, 99, b"x").code == Error.ERR_INVALID_PARAMETER
    client = gate.join(A)
    assert error_of(client.send_auth, 1, b"").code == Error.ERR_INVALID_PARAMETER
    assert error_of(client.send_auth, A, b"x").code == Error.ERR_INVALID_PARAMETER
    client.complete_auth(1)
    client.complete_auth(1)
    gate.world.settle()
    server.complete_auth(A)
    gate.world.settle()
    client.complete_auth(1)
    client.send_auth(1, b"x")
    assert client.statistics.drops == {"authenticated": 1}
    assert server.statistics.rejected == {}
    for call in (server.send_auth, lambda peer, _: server.complete_auth(peer)):
        assert error_of(call, 99, b"x").code == Error.ERR_INVALID_PARAMETER


def test_no_client_authenticates_another(gate: Gate) -> None:
    for peer in (A, B):
        gate.join(peer)
        gate.admit(peer)
    client = gate.world.apis[A]
    assert B in client.get_peers()
    assert error_of(client.send_auth, B, b"x").code == Error.ERR_INVALID_PARAMETER
    assert error_of(client.complete_auth, B).code == Error.ERR_INVALID_PARAMETER


def test_a_password_that_is_sent_again_and_again(gate: Gate) -> None:
    """As a guide's server has it: right ones complete, wrong ones are answered."""
    world, server = gate.world, gate.world.apis[1]

    def check(peer: int, data: bytes) -> None:
        if data == b"swordfish":
            server.complete_auth(peer)
        else:
            server.send_auth(peer, b"wrong")

    server.auth_callback = check
    client = gate.join(A)
    for data in (b"guess", b"swordfish", b"swordfish", b"guess"):
        world.inject(A, 1, world.wire.authenticate(data))
    world.inject(A, 1, world.wire.authenticate(b""))
    for data in (b"swordfish", b"guess"):  # it is admitted by now
        world.inject(A, 1, world.wire.authenticate(data))
    world.settle()
    client.complete_auth(1)
    world.settle()
    assert server.get_peers() == [A]
    assert client.get_peers() == [1]
    assert server.statistics.drops == {"authenticated": 1}
    assert world.rejected() == {Reason.UNEXPECTED_AUTHENTICATION: 2}
    assert [data for whose, _, data in gate.got if whose == A] == [b"wrong"]


def test_one_that_completes_first_and_then_sends_what_is_wrong(gate: Gate) -> None:
    world, server = gate.world, gate.world.apis[1]
    server.auth_callback = lambda peer, _: server.send_auth(peer, b"wrong")
    gate.join(A)
    for data in (b"", b"guess", b"guess"):
        world.inject(A, 1, world.wire.authenticate(data))
    world.settle()
    assert server.get_authenticating_peers() == [A]
    assert server.statistics.drops == {"authenticated": 2}


@pytest.mark.parametrize("seconds", [-1, -0.001, math.nan])
def test_a_timeout_that_makes_no_sense(seconds: float) -> None:
    api = SceneMultiplayer()
    assert error_of(setattr, api, "auth_timeout", seconds).code == Error.ERR_INVALID_PARAMETER
    assert api.auth_timeout == 3.0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
def test_a_client_without_a_callback_is_not_let_in(kind: Kind) -> None:
    gate = Gate(kind, 1)
    client = gate.join(A)
    assert client.get_peers() == [1]
    gate.world.apis[1].send_auth(A, b"hello?")
    gate.world.settle()
    assert gate.world.invalid == [(A, 1, "unexpected_authentication")]
    gate.world.do(A, 1, "any_one", 1)
    assert gate.world.rejected()["not_authenticated"] >= 1
    gate.world.network.time = 3.0
    gate.world.settle()
    assert gate.world.apis[1].get_authenticating_peers() == []
    assert ("peer_authentication_failed", A) in gate.world.events(1)
    assert ("server_disconnected",) in gate.world.events(A)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
def test_a_server_without_a_callback_lets_its_client_wait(kind: Kind) -> None:
    gate = Gate(kind, A)
    client = gate.join(A)
    assert gate.world.apis[1].get_peers() == [A]
    assert client.get_peers() == []
    gate.world.network.time = 3.0
    gate.world.settle()
    assert ("peer_authentication_failed", 1) in gate.world.events(A)
    assert gate.world.apis[1].get_peers() == []
    ((peer, told),) = gate.world.peers[A].expelled
    assert peer == 1
    assert told.endswith(": this client expects it; does this server set auth_callback?")


def test_a_callback_that_fails_loses_nothing(gate: Gate) -> None:
    def fail(peer: int, data: bytes) -> None:
        raise RuntimeError(data.decode())

    gate.react[1] = fail
    client = gate.join(A)
    gate.join(B)
    client.send_auth(1, b"one")
    client.send_auth(1, b"two")
    server = gate.world.apis[1]
    with pytest.raises(RuntimeError, match="one"):
        server.poll()  # the second try comes from somebody who was sent away for the first
    assert server.get_authenticating_peers() == [B]
    assert gate.world.peers[1].expelled == [(A, "its credentials cannot be checked")]
    assert server.get_peers() == []


def test_several_that_fail_at_once_are_all_ended(gate: Gate) -> None:
    server = gate.world.apis[1]
    gate.join(A)
    gate.join(B)

    @server.peer_authentication_failed.connect
    def fail(peer: int) -> None:
        raise RuntimeError(str(peer))

    gate.world.network.time = 10
    with pytest.raises(ExceptionGroup) as caught:
        server.poll()
    assert [str(error) for error in caught.value.exceptions] == [str(A), str(B)]
    assert server.get_authenticating_peers() == []
    gate.world.settle()


@pytest.mark.parametrize("dialect", [GODOT_3, GODOT_4_BETA])
def test_dialects_without_authentication_say_so(dialect: object) -> None:
    api = SceneMultiplayer(Node("root"), dialect)  # type: ignore[arg-type]
    error = error_of(setattr, api, "auth_callback", print)
    assert error.code == Error.ERR_UNAVAILABLE
    assert api.auth_callback is None
    api.auth_callback = None


def test_a_gd_mp_peer_holds_newcomers_while_there_is_a_callback() -> None:
    api, peer = SceneMultiplayer(), LoopbackPeer(Network(relays=True), 1)
    api.multiplayer_peer = peer
    assert not peer.holds_new_peers
    api.auth_callback = print
    assert peer.holds_new_peers
    api.auth_callback = None
    assert not peer.holds_new_peers
    api.auth_callback = print
    api.multiplayer_peer = None
    assert not peer.holds_new_peers
    again = LoopbackPeer(Network(relays=True), 1)
    api.multiplayer_peer = again
    assert again.holds_new_peers


def test_one_that_leaves_before_we_are_admitted_is_never_told() -> None:
    """The gd_mp peer may know of others while the server is not admitted yet."""
    gate = Gate(Kind(NATIVE, gd_mp=True, nodes=False), 1, A)
    world = gate.world
    client = gate.join(A)
    peer = world.peers[A]
    for other in (B, 77):
        peer.peer_connected.emit(other)
    peer.peer_disconnected.emit(B)
    gate.admit(A)
    assert client.get_peers() == [1, 77]
    told = world.events(A)
    assert ("peer_connected", 77) in told
    assert B not in [what[1] for what in told if len(what) > 1]


def test_one_that_was_taken_over_left_and_came_back_is_a_newcomer() -> None:
    """What is kept of it, lest it be admitted twice, must not outlive it."""
    world = World(Kind(NATIVE, gd_mp=True, nodes=False), A)
    api, peer = world.apis[1], world.peers[1]
    api.multiplayer_peer = None
    api.multiplayer_peer = peer  # A is taken over
    assert api.get_peers() == [A]
    world.events(1)
    peer.peer_disconnected.emit(A)
    assert api.get_peers() == []
    peer.peer_connected.emit(A)
    assert api.get_peers() == [A]
    assert world.events(1) == [("peer_disconnected", A), ("peer_connected", A)]


@pytest.mark.parametrize(
    ("name", "value"), [("auth_timeout", 1.0), ("auth_callback", lambda peer, data: None)]
)
def test_a_dialect_without_authentication_says_what_to_leave_out(name: str, value: object) -> None:
    api = SceneMultiplayer(dialect=GODOT_3)
    error = error_of(setattr, api, name, value)
    assert error.code == Error.ERR_UNAVAILABLE
    assert error.message == f"Dialect.GODOT_3 has no authentication; remove {name}"
    setattr(api, name, getattr(api, name))  # what it is already
