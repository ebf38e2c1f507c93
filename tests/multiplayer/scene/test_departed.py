"""What an API is to do with a peer that has left a moment ago: dropped, counted, never raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError, PeerLeft, Reason, SceneMultiplayer, rset

from .worlds import (
    GAME,
    A,
    B,
    C,
    Called,
    Kind,
    World,
    api_relays,
    authenticates,
    dialects,
    each_dialect,
    each_kind,
    error_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

STRANGER = 12345


class Thing:
    health = rset("remotesync", default=100)


each_asking = dialects(lambda kind: kind.dialect.name == "NATIVE")


def after_a_visit(kind: Kind) -> World:
    """A server with A and B, where C has been and has left."""
    world = World(kind, A, B, C)
    world.call(1, C, "any_one", "welcome")
    world.settle()
    world.leave(C)
    for own_id in (1, A, B):
        world.events(own_id)
    world.calls.clear()
    world.invalid.clear()
    return world


def drops(world: World, own_id: int) -> dict[str, int]:
    return dict(world.apis[own_id].statistics.drops)


@each_kind
@pytest.mark.parametrize("caller", [1, A])
def test_a_call_of_one_that_has_left(kind: Kind, caller: int) -> None:
    world = after_a_visit(kind)
    sent = len(world.network.log)
    world.call(caller, C, "any_one", "late")
    world.call(caller, C, "channelled", "late")
    world.settle()
    assert world.took() == []
    assert drops(world, caller) == {"departed": 2}
    assert len(world.network.log) == sent
    assert world.invalid == []


@each_kind
@pytest.mark.parametrize("caller", [1, A])
def test_everybody_but_one_that_has_left_is_everybody(kind: Kind, caller: int) -> None:
    world = after_a_visit(kind)
    others = sorted({1, A, B} - {caller})
    for _ in range(2):  # by path and announcement, then by number
        expected = [Called(other, "any_one", ("all",), caller) for other in others]
        assert world.do(caller, -C, "any_one", "all") == expected
    called = sorted({1, A, B})
    expected = [Called(at, "local_one", ("all",), caller) for at in called]
    assert world.do(caller, -C, "local_one", "all") == expected
    assert drops(world, caller) == {}
    assert world.invalid == []


@each_dialect
@pytest.mark.parametrize("caller", [1, A])
def test_bytes_for_one_that_has_left(kind: Kind, caller: int) -> None:
    world = after_a_visit(kind)
    api = world.apis[caller]
    api.send_bytes(b"late", C)
    world.settle()
    assert [world.events(own_id) for own_id in (1, A, B) if own_id != caller] == [[], []]
    assert drops(world, caller) == {"departed": 1}
    api.send_bytes(b"all", -C)
    world.settle()
    for other in {1, A, B} - {caller}:
        assert ("peer_packet", caller, b"all") in world.events(other)


@each_dialect
def test_what_is_wrong_for_anybody_raises_also_for_one_that_has_left(kind: Kind) -> None:
    world = after_a_visit(kind)
    game, api = world.game(1), world.apis[1]
    for wrong in (
        lambda: api.rpc(C, game, "undeclared"),
        lambda: api.rpc(C, game, "any_one"),
        lambda: api.rpc(C, game, "any_one", [object()]),
    ):
        assert error_of(wrong).code == Error.ERR_INVALID_PARAMETER
    assert error_of(api.send_bytes, b"", C).code == Error.ERR_INVALID_DATA
    assert drops(world, 1) == {}


@each_dialect
def test_an_id_that_never_was_is_a_mistake(kind: Kind) -> None:
    world = after_a_visit(kind)
    game, api = world.game(1), world.apis[1]
    for target in (STRANGER, -STRANGER):
        assert error_of(api.rpc, target, game, "any_none").code == Error.ERR_INVALID_PARAMETER
        assert error_of(api.send_bytes, b"x", target).code == Error.ERR_INVALID_PARAMETER
    assert error_of(api.disconnect_peer, STRANGER).code == Error.ERR_DOES_NOT_EXIST
    for call in (lambda: api.send_auth(STRANGER, b"x"), lambda: api.complete_auth(STRANGER)):
        assert error_of(call).code == Error.ERR_INVALID_PARAMETER


@each_dialect
def test_throwing_out_one_that_has_left(kind: Kind) -> None:
    world = after_a_visit(kind)
    world.apis[1].disconnect_peer(C)
    assert drops(world, 1) == {"departed": 1}
    world.apis[1].disconnect_peer(B)  # gone for this API at once
    world.apis[1].disconnect_peer(B)
    world.call(1, B, "any_one", "late")
    assert drops(world, 1) == {"departed": 3}


@each_asking
@pytest.mark.parametrize("asker", [1, A])
def test_asking_one_that_has_left(kind: Kind, asker: int) -> None:
    world = after_a_visit(kind)
    api, game = world.apis[asker], world.game(asker)
    pending = api.call_id(C, game, "any_one", ["late"])
    assert pending.done
    assert (pending.peer, pending.what) == (C, f"{GAME}: any_one()")
    told: list[object] = []
    pending.on_done(told.append)
    assert told == [pending]
    for _ in range(2):
        with pytest.raises(PeerLeft) as caught:
            pending.result()
        assert caught.value.peer == C
    pending.cancel()
    assert drops(world, asker) == {"departed": 1}
    assert error_of(api.call_id, C, game, "any_one", [object()]).code == (
        Error.ERR_INVALID_PARAMETER
    )
    for peer in (STRANGER, -C, 0):
        with pytest.raises(MultiplayerError) as raised:
            api.call_id(peer, game, "any_one", ["x"])
        assert raised.value.code == Error.ERR_INVALID_PARAMETER
        assert not isinstance(raised.value, PeerLeft)


@dialects(lambda kind: kind.dialect.name == "GODOT_3")
def test_setting_a_property_at_one_that_has_left(kind: Kind) -> None:
    world = after_a_visit(kind)
    things = {own_id: Thing() for own_id in world.apis}
    for own_id, api in world.apis.items():
        api.add("Thing", things[own_id])
    api = world.apis[1]
    api.rset(C, things[1], "health", 1)
    world.settle()
    assert [thing.health for thing in things.values()] == [100, 100, 100]
    assert drops(world, 1) == {"departed": 1}
    api.rset(-C, things[1], "health", 2)
    world.settle()
    assert [thing.health for thing in things.values()] == [2, 2, 2]
    assert error_of(api.rset, C, things[1], "health", object()).code == (
        Error.ERR_INVALID_PARAMETER
    )
    assert drops(world, 1) == {"departed": 1}


@dialects(api_relays)
def test_relaying_to_one_that_has_left(kind: Kind) -> None:
    """A client may not have heard of it yet."""
    world = after_a_visit(kind)
    packet = world.wire.relay(C, world.wire.raw(b"late"))
    world.inject(A, 1, packet)
    world.settle()
    assert drops(world, 1) == {"departed": 1}
    assert world.invalid == []
    world.inject(A, 1, world.wire.relay(STRANGER, world.wire.raw(b"late")))
    world.settle()
    assert world.invalid == [(1, A, Reason.UNKNOWN_TARGET)]


@dialects(authenticates)
def test_credentials_for_one_that_left_before_it_was_admitted(kind: Kind) -> None:
    def before(api: SceneMultiplayer) -> None:
        api.auth_callback = lambda peer, data: None

    world = World(kind, A, before=before)
    server = world.apis[1]
    assert server.get_authenticating_peers() == [A]
    world.leave(A)
    late: list[Callable[[], object]] = [
        lambda: server.send_auth(A, b"late"),
        lambda: server.complete_auth(A),
        lambda: server.disconnect_peer(A),
        lambda: server.send_bytes(b"late", A),
    ]
    for count, do in enumerate(late, 1):
        do()
        assert drops(world, 1) == {"departed": count}


@dialects(authenticates)
def test_credentials_for_one_that_took_too_long(kind: Kind) -> None:
    def before(api: SceneMultiplayer) -> None:
        api.auth_callback = lambda peer, data: None

    world = World(kind, A, before=before)
    world.network.time += 3.5
    world.settle()
    assert world.apis[1].get_authenticating_peers() == []
    world.apis[1].complete_auth(A)
    world.apis[1].send_auth(A, b"late")
    assert drops(world, 1) == {"departed": 2}


@each_dialect
def test_who_has_come_back_is_there(kind: Kind) -> None:
    world = after_a_visit(kind)
    world.join(C)
    expected = [Called(C, "any_one", ("back",), 1)]
    assert world.do(1, C, "any_one", "back") == expected
    assert drops(world, 1) == {}


@each_dialect
def test_another_session_knows_nothing_of_it(kind: Kind) -> None:
    world = after_a_visit(kind)
    world.apis[1].clear()
    game = world.game(1)
    assert error_of(world.apis[1].rpc, C, game, "any_none").code == Error.ERR_INVALID_PARAMETER


@each_dialect
def test_the_last_4096_are_remembered(kind: Kind) -> None:
    world = after_a_visit(kind)
    api, peer = world.apis[1], world.peers[1]
    for newcomer in range(100_000, 100_000 + 4095):
        peer.peer_connected.emit(newcomer)
        peer.peer_disconnected.emit(newcomer)
    world.call(1, C, "any_none")
    peer.peer_connected.emit(99)
    peer.peer_disconnected.emit(99)
    assert error_of(api.rpc, C, world.game(1), "any_none").code == Error.ERR_INVALID_PARAMETER
    world.call(1, 99, "any_none")
    assert drops(world, 1) == {"departed": 2}
