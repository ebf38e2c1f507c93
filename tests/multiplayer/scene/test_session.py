"""``SceneMultiplayer`` itself: its peer, its settings, its endings, listeners that fail."""

from __future__ import annotations

import gc
import math
from typing import Any

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4,
    GODOT_4_BETA,
    NATIVE,
    ConnectionStatus,
    Error,
    MultiplayerError,
    Node,
    OfflineMultiplayerPeer,
    SceneMultiplayer,
    TransferMode,
    rpc,
)

from .loopback import LoopbackPeer, Network
from .worlds import GAME, A, B, C, Called, GameNode, Kind, World, each_dialect, error_of


class Speaker(Node):
    @rpc("any_peer", "call_local")
    def say(self, text: str) -> None:
        self.heard = text


# ------------------------------------------------------------------ the peer below


def test_at_first_the_session_is_offline() -> None:
    api = SceneMultiplayer(Node("root"))
    assert isinstance(api.multiplayer_peer, OfflineMultiplayerPeer)
    assert api.has_multiplayer_peer()
    assert (api.get_unique_id(), api.is_server(), api.get_peers()) == (1, True, [])
    assert api.get_remote_sender_id() == 0
    assert api.next_deadline() == math.inf
    assert api.root is not None
    api.root.add_child(speaker := Speaker())
    speaker.say.rpc("alone")
    assert speaker.heard == "alone"
    api.send_bytes(b"to nobody")
    api.poll()


def test_without_a_peer_there_is_no_session() -> None:
    api = SceneMultiplayer(root := Node("root"))
    root.add_child(speaker := Speaker())
    for _ in range(2):
        api.multiplayer_peer = None
        assert not api.has_multiplayer_peer()
    for call in (
        lambda: speaker.say.rpc("x"),
        lambda: api.rpc(0, speaker, "say", ["x"]),
        lambda: api.send_bytes(b"x"),
        lambda: api.send_auth(2, b"x"),
        lambda: api.complete_auth(2),
        lambda: api.rset(0, speaker, "x", 1),
    ):
        assert error_of(call).code == Error.ERR_UNCONFIGURED
    api.poll()


@pytest.mark.parametrize(
    ("dialect", "relays", "fits"),
    [
        (NATIVE, True, True),
        (NATIVE, False, True),
        (GODOT_3, True, True),
        (GODOT_3, False, False),
        (GODOT_4, True, False),
        (GODOT_4, False, True),
        (GODOT_4_BETA, True, True),
        (GODOT_4_BETA, False, False),
    ],
)
def test_the_envelope_has_to_fit(dialect: Any, relays: bool, fits: bool) -> None:
    api, peer = SceneMultiplayer(None, dialect), LoopbackPeer(Network(relays=relays), 1)
    if fits:
        api.multiplayer_peer = peer
        assert api.multiplayer_peer is peer
        return
    before = api.multiplayer_peer
    error = error_of(setattr, api, "multiplayer_peer", peer)
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert "NATIVE" in error.message
    assert dialect.name in error.message
    assert api.multiplayer_peer is before
    api.multiplayer_peer = None
    error_of(setattr, api, "multiplayer_peer", peer)
    assert not api.has_multiplayer_peer()


def test_a_disconnected_peer_is_refused() -> None:
    api, peer = SceneMultiplayer(), LoopbackPeer(Network(), 1)
    peer.status = ConnectionStatus.CONNECTION_DISCONNECTED
    error = error_of(setattr, api, "multiplayer_peer", peer)
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert "listen first" in error.message
    assert api.has_multiplayer_peer()


@each_dialect
def test_the_same_peer_twice_changes_nothing(kind: Kind) -> None:
    world = World(kind, A)
    world.apis[1].multiplayer_peer = world.peers[1]
    assert world.apis[1].get_peers() == [A]
    assert len(world.do(A, 1, "any_one", 1)) == 1


@each_dialect
def test_a_peer_that_was_replaced_is_not_heard_any_more(kind: Kind) -> None:
    world = World(kind, A)
    world.do(A, 1, "any_one", 1)
    api, old = world.apis[1], world.peers[1]
    world.events(1)
    api.multiplayer_peer = LoopbackPeer(Network(relays=kind.gd_mp), 1)
    assert api.get_peers() == []
    old.peer_connected.emit(99)
    world.call(A, 1, "any_one", 2)
    old.peer_packet.emit(A)
    api.poll()
    assert world.events(1) == []
    assert not world.calls


@each_dialect
def test_a_session_that_was_up_before_is_taken_over(kind: Kind) -> None:
    world = World(kind)
    network = world.network
    world.apis[1].multiplayer_peer = None
    for client in (A, B):
        world.add(client)
        world.apis[client].multiplayer_peer = None
        world.peers[client].link()
    for peer in (1, A, B):
        world.apis[peer].multiplayer_peer = world.peers[peer]
    assert sorted(world.apis[1].get_peers()) == [A, B]
    assert world.apis[A].get_peers()[0] == 1
    assert "peer_connected" not in [what for what, *_ in world.events(1)]
    world.settle()
    assert sorted(world.apis[A].get_peers()) == [1, B]
    assert sorted(world.apis[B].get_peers()) == [1, A]
    assert network.peers.keys() == {1, A, B}
    for sender in (1, A, B):
        others = [peer for peer in (1, A, B) if peer != sender]
        assert [call.at for call in world.do(sender, 0, "any_one", 1)] == others
    world.leave(A)
    assert ("peer_disconnected", A) in world.events(1)


@each_dialect
def test_packets_that_came_before_are_not_lost(kind: Kind) -> None:
    world = World(kind, A)
    api = SceneMultiplayer(None, kind.dialect)
    got: list[object] = []
    api.peer_packet.connect(lambda peer, data: got.append((peer, data)))
    world.apis[1].multiplayer_peer = None
    world.apis[A].send_bytes(b"early", 1)
    api.multiplayer_peer = world.peers[1]
    api.poll()
    assert got == [(A, b"early")]


# ------------------------------------------------------------------ endings


@each_dialect
def test_a_client_whose_server_goes(kind: Kind) -> None:
    world = World(kind, A, B)
    world.do(A, 0, "any_one", 1)
    api = world.apis[A]
    world.events(A)
    world.apis[1].disconnect_peer(A)
    assert world.apis[1].get_peers() == [B]
    world.settle()
    assert world.events(A)[-1] == ("server_disconnected",)
    assert api.get_peers() == []
    assert "peer_disconnected" not in [what for what, *_ in world.events(1)]
    assert ("peer_disconnected", A) in world.events(B)
    assert error_of(world.call, A, 1, "any_one", 1).code == Error.ERR_UNCONFIGURED
    assert error_of(api.send_bytes, b"x").code == Error.ERR_UNCONFIGURED
    api.poll()
    assert world.events(A) == []


def test_a_client_that_never_came_up() -> None:
    api, peer = SceneMultiplayer(), LoopbackPeer(Network(), 5)
    peer.status = ConnectionStatus.CONNECTION_CONNECTING
    told: list[str] = []
    api.connection_failed.connect(lambda: told.append("connection_failed"))
    api.server_disconnected.connect(lambda: told.append("server_disconnected"))
    api.multiplayer_peer = peer
    assert error_of(api.send_bytes, b"x").code == Error.ERR_UNCONFIGURED
    peer.status = ConnectionStatus.CONNECTION_DISCONNECTED
    api.poll()
    api.poll()
    assert told == ["connection_failed"]


@each_dialect
def test_disconnect_peer(kind: Kind) -> None:
    world = World(kind, A, B)
    server = world.apis[1]
    assert error_of(server.disconnect_peer, 99).code == Error.ERR_DOES_NOT_EXIST
    assert server.get_peers() == [A, B]
    server.disconnect_peer(A)
    world.settle()
    assert server.get_peers() == [B]
    assert world.apis[B].get_peers() == [1]


@each_dialect
def test_clear_forgets_the_session(kind: Kind) -> None:
    world = World(kind, A)
    world.do(A, 1, "any_one", 1)
    world.do(1, A, "any_one", 1)
    world.apis[1].clear()
    assert world.apis[1].get_peers() == []
    assert world.do(A, 1, "any_one", 2) == []
    assert world.rejected() == {"unknown_peer": 1}


# ------------------------------------------------------------------ settings


def test_refuse_new_connections_is_the_peer_s() -> None:
    api, peer = SceneMultiplayer(), LoopbackPeer(Network(), 1)
    api.multiplayer_peer = peer
    api.refuse_new_connections = True
    assert peer.refuse_new_connections
    peer.refuse_new_connections = False
    assert not api.refuse_new_connections


@pytest.mark.parametrize("dialect", [NATIVE, GODOT_4])
def test_without_server_relay_clients_know_the_server_alone(dialect: Any) -> None:
    kind = Kind(dialect, gd_mp=False, nodes=True)
    world = World(kind, A, B, before=lambda api: setattr(api, "server_relay", False))
    assert world.apis[A].get_peers() == [1]
    assert sorted(world.apis[1].get_peers()) == [A, B]
    assert [call.at for call in world.do(A, 0, "any_one", 1)] == [1]
    assert [call.at for call in world.do(1, 0, "any_one", 1)] == [A, B]
    assert error_of(world.call, A, B, "any_one", 1).code == Error.ERR_INVALID_PARAMETER
    world.inject(A, 1, world.wire.relay(B, world.wire.raw(b"x")))
    world.inject(1, A, world.wire.add_peer(B))
    world.settle()
    assert world.invalid == [(1, A, "relay_refused"), (A, 1, "system_packet_from_client")]


def test_a_gd_mp_client_without_server_relay_takes_the_server_alone() -> None:
    """Whatever it is told of others: what it sends to all is for the server, as theirs is not."""
    kind = Kind(NATIVE, gd_mp=True, nodes=True)
    world = World(kind, A, B, before=lambda api: None)
    recluse = world.apis[A]
    peer, recluse.multiplayer_peer = world.peers[A], None
    recluse.server_relay = False
    recluse.multiplayer_peer = peer
    assert recluse.get_peers() == [1]
    assert world.apis[B].get_peers() == [1, A]
    assert [call.at for call in world.do(A, 0, "any_one", 1)] == [1]
    assert [call.at for call in world.do(1, 0, "any_one", 1)] == [A, B]
    assert error_of(world.call, A, B, "any_one", 1).code == Error.ERR_INVALID_PARAMETER
    world.invalid.clear()
    assert world.do(B, A, "any_one", 1) == []
    assert {(at, reason) for at, _, reason in world.invalid} == {(A, "unknown_peer")}
    world.peers[A].peer_disconnected.emit(B)
    world.peers[A].peer_connected.emit(B)
    assert recluse.get_peers() == [1]


def test_server_relay_is_set_before() -> None:
    api, peer = SceneMultiplayer(), LoopbackPeer(Network(), 1)
    assert api.server_relay
    api.server_relay = False
    api.multiplayer_peer = peer
    assert error_of(setattr, api, "server_relay", True).code == Error.ERR_ALREADY_IN_USE
    assert not api.server_relay
    api.multiplayer_peer = None
    api.server_relay = True


@pytest.mark.parametrize("path", ["Main", ".", "root/Main"])
def test_root_path_is_absolute(path: str) -> None:
    api = SceneMultiplayer()
    assert error_of(setattr, api, "root_path", path).code == Error.ERR_INVALID_PARAMETER
    assert api.root_path == ""


@each_dialect
def test_root_path_is_where_paths_begin(kind: Kind) -> None:
    world = World(kind, A)
    for peer in (1, A):
        world.do(peer, 0, "any_one", 0)
        world.apis[peer].root_path = "/root/Main"
    world.network.log.clear()
    for _ in range(2):
        assert world.do(A, 1, "any_one", 1) == [Called(1, "any_one", (1,), A)]
    assert not any(GAME.encode() in sent.payload for sent in world.network.log)
    assert any(b"Game" in sent.payload for sent in world.network.log)
    outside = world.apis[A].root
    assert error_of(world.apis[A].rpc, 0, outside, "any_one", [1]).code == Error.ERR_UNCONFIGURED
    world.apis[1].root_path = "/root/Nowhere"
    assert world.do(A, 1, "any_one", 1) == []


@each_dialect
def test_what_is_above_the_root_path_changes(kind: Kind) -> None:
    """The same path may lead to something else then, with other methods."""
    world = World(kind, A)
    api = world.apis[A]
    api.root_path = "/root/Main"
    world.apis[1].root_path = "/root/Main"
    assert len(world.do(A, 1, "any_one", 1)) == 1
    assert api.root is not None
    main = api.root.get_node("Main")

    class Other(Node):
        @rpc("any_peer")
        def aaa(self) -> None: ...

        @rpc("any_peer")
        def any_none(self) -> None: ...

    above = api.root
    api.root = None
    above.remove_child(main)
    above.add_child(other := Node("Main"))
    other.add_child(game := Other("Game"))
    api.root = above
    game.any_none.rpc()
    world.settle()
    if world.wire.methods_by == "sender":
        assert world.took() == [Called(1, "any_none", (), A)]


def test_another_root() -> None:
    api = SceneMultiplayer(first := Node("first"))
    first.add_child(speaker := Speaker())
    api.root = second = Node("second")
    assert api.root is second
    assert error_of(speaker.say.rpc, "x").code == Error.ERR_UNCONFIGURED
    SceneMultiplayer(first)
    assert error_of(setattr, api, "root", first).code == Error.ERR_ALREADY_IN_USE
    assert api.root is second
    assert second.multiplayer is api


# ------------------------------------------------------------------ errors of methods


@each_dialect
def test_send_bytes(kind: Kind) -> None:
    world = World(kind, A)
    send = world.apis[A].send_bytes
    world.network.log.clear()
    assert error_of(send, b"").code == Error.ERR_INVALID_DATA
    assert error_of(send, b"x", A).code == Error.ERR_INVALID_PARAMETER
    assert error_of(send, b"x", 77).code == Error.ERR_INVALID_PARAMETER
    assert error_of(send, b"x", 1, 9).code == Error.ERR_INVALID_PARAMETER
    mode = TransferMode.TRANSFER_MODE_RELIABLE
    for channel in (-1, 256):
        assert error_of(send, b"x", 1, mode, channel).code == Error.ERR_INVALID_PARAMETER
    assert not world.network.log


@each_dialect
def test_rset_needs_godot_3_and_a_declared_property(kind: Kind) -> None:
    world = World(kind, A)
    error = error_of(world.apis[A].rset, 0, world.game(A), "own_id", 3)
    expected = Error.ERR_INVALID_PARAMETER if world.wire.assigns else Error.ERR_UNAVAILABLE
    assert error.code == expected


def test_statistics_are_a_copy() -> None:
    api = SceneMultiplayer()
    api.statistics.calls_sent = 9
    assert api.statistics.calls_sent == 0


# ------------------------------------------------------------------ failing listeners


@each_dialect
@pytest.mark.parametrize("in_order", [False, True])
def test_a_method_that_fails_loses_nothing(kind: Kind, in_order: bool) -> None:
    world = World(kind, A, B, in_order=in_order)
    world.do(A, 1, "any_one", 0)  # so that the number is known, and confirmed
    for text in ("one", "two"):
        world.call(A, 1, "fail", text)
    world.call(B, 1, "any_one", 3)
    api = world.apis[1]
    with pytest.raises(ExceptionGroup) as caught:
        api.poll()
    assert [str(error) for error in caught.value.exceptions] == ["one", "two"]
    assert api.get_remote_sender_id() == 0
    assert [call.args for call in world.took()] == [("one",), ("two",), (3,)]


@each_dialect
def test_all_listeners_are_called_then_poll_raises(kind: Kind) -> None:
    world = World(kind, A)
    api = world.apis[1]

    def fail(*args: object) -> None:
        raise RuntimeError("listener")

    def fail_too(*args: object) -> None:
        raise KeyError("listener")

    got: list[object] = []
    for listener in (fail, fail_too, lambda *args: got.append(args)):
        api.peer_packet.connect(listener)
    world.apis[A].send_bytes(b"x", 1)
    world.apis[A].send_bytes(b"y", 1)
    with pytest.raises(ExceptionGroup) as caught:
        api.poll()
    kinds = [type(error) for error in caught.value.exceptions]
    assert kinds == [RuntimeError, KeyError, RuntimeError, KeyError]
    assert got == [(A, b"x"), (A, b"y")]
    api.poll()


@each_dialect
def test_a_listener_of_joins_and_leaves_that_fails(kind: Kind) -> None:
    world = World(kind, A)
    api = world.apis[1]

    def fail(peer: int) -> None:
        raise RuntimeError(str(peer))

    api.peer_disconnected.connect(fail)
    world.do(1, A, "any_one", 1)
    world.peers[A].drop()
    with pytest.raises(RuntimeError):
        api.poll()
    assert api.get_peers() == []
    assert not api._session.cache.paths.has_told(A, 1)
    del world.apis[A], world.peers[A]
    world.join(A)
    assert len(world.do(1, A, "any_one", 1)) == 1


@each_dialect
def test_poll_inside_a_call_is_refused(kind: Kind) -> None:
    world = World(kind, A)
    api = world.apis[1]
    errors: list[Error] = []

    def listener(peer: int, data: bytes) -> None:
        errors.append(error_of(api.poll).code)

    api.peer_packet.connect(listener)
    for data in (b"one", b"two"):
        world.apis[A].send_bytes(data, 1)
    world.settle()
    assert errors == [Error.ERR_BUSY] * 2
    assert [event for event in world.events(1) if event[0] == "peer_packet"] == [
        ("peer_packet", A, b"one"),
        ("peer_packet", A, b"two"),
    ]


@each_dialect
def test_a_method_may_end_the_session(kind: Kind) -> None:
    world = World(kind, A, B)
    api = world.apis[1]
    game = world.game(1)
    game.took = lambda *_: setattr(api, "multiplayer_peer", None)  # type: ignore[method-assign]
    for number in range(3):
        world.call(A, 1, "any_one", number)
    api.poll()
    api.poll()
    assert not api.has_multiplayer_peer()
    assert api.get_peers() == []


@each_dialect
def test_a_method_may_take_its_own_object_away(kind: Kind) -> None:
    world = World(kind, A)
    game = world.game(1)
    assert isinstance(game, GameNode)
    game.took = lambda *_: world.displace(1, GAME)  # type: ignore[method-assign]
    for number in range(3):
        world.call(A, 1, "any_one", number)
    world.settle()
    assert {line[2].value for line in world.invalid} <= {"unknown_node", "unknown_number"}
    assert world.invalid
    assert game.parent is None


@each_dialect
def test_a_listener_may_send_away_who_just_came(kind: Kind) -> None:
    world = World(kind, A)
    world.apis[1].peer_connected.connect(world.apis[1].disconnect_peer)
    world.add(C)
    world.peers[C].link()
    world.settle()
    assert world.apis[1].get_peers() == [A]
    assert C not in world.apis[A].get_peers()


def test_a_peer_belongs_to_one_api() -> None:
    network = Network(relays=True)
    peer = LoopbackPeer(network, 1)
    first, second = SceneMultiplayer(), SceneMultiplayer()
    first.multiplayer_peer = peer
    before = second.multiplayer_peer
    with pytest.raises(MultiplayerError) as caught:
        second.multiplayer_peer = peer
    assert caught.value.code == Error.ERR_ALREADY_IN_USE
    assert second.multiplayer_peer is before
    first.multiplayer_peer = peer  # the same again
    first.multiplayer_peer = None
    second.multiplayer_peer = peer
    assert second.multiplayer_peer is peer


def test_the_dialect_cannot_be_changed() -> None:
    api = SceneMultiplayer(dialect=GODOT_4)
    with pytest.raises(AttributeError):
        api.dialect = NATIVE  # type: ignore[misc]
    assert api.dialect is GODOT_4


def test_an_object_of_an_api_that_was_dropped_can_be_added_again() -> None:
    class Ball:
        @rpc
        def roll(self) -> None: ...

    ball, api = Ball(), SceneMultiplayer()
    api.add("Ball", ball)
    with pytest.raises(MultiplayerError, match=r"gc\.collect") as caught:
        SceneMultiplayer().add("Ball", ball)
    assert caught.value.code == Error.ERR_ALREADY_IN_USE
    del api, caught
    gc.collect()
    SceneMultiplayer().add("Ball", ball)
