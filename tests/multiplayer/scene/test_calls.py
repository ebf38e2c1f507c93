"""The same calls for nodes and added objects, in every dialect and envelope."""

from __future__ import annotations

import gc
import weakref

import pytest

from multiplayer import Error, TransferMode
from multiplayer.scene.calls import outgoing_calls

from .worlds import GAME, A, B, C, Called, Kind, World, each_kind, error_of

pytestmark = each_kind


@pytest.fixture
def world(kind: Kind) -> World:
    return World(kind, A, B, C)


def test_to_the_server(world: World) -> None:
    assert world.do(A, 1, "any_one", 5) == [Called(1, "any_one", (5,), A)]


def test_to_one_client(world: World) -> None:
    assert world.do(1, B, "any_one", "x") == [Called(B, "any_one", ("x",), 1)]


def test_client_to_client(world: World) -> None:
    for _ in range(2):  # before and after the node's number is known
        assert world.do(A, B, "any_one", 1) == [Called(B, "any_one", (1,), A)]
        assert world.do(B, A, "any_one", 2) == [Called(A, "any_one", (2,), B)]


@pytest.mark.parametrize("sender", [1, A, C])
def test_to_all(world: World, sender: int) -> None:
    others = [peer for peer in (1, A, B, C) if peer != sender]
    for _ in range(3):
        ran = world.do(sender, 0, "any_one", 7)
        assert ran == [Called(at, "any_one", (7,), sender) for at in others]


@pytest.mark.parametrize(("sender", "but"), [(1, A), (A, 1), (A, B), (B, B), (1, 1)])
def test_to_all_but_one(world: World, sender: int, but: int) -> None:
    others = [peer for peer in (1, A, B, C) if peer not in (sender, but)]
    for _ in range(2):
        ran = world.do(sender, -but, "any_one", None)
        assert ran == [Called(at, "any_one", (None,), sender) for at in others]


def test_rpc_without_id_is_to_all(world: World) -> None:
    world.game(A).any_two.rpc(1)
    world.settle()
    assert world.took() == [Called(at, "any_two", (1, "default"), A) for at in (1, B, C)]


def test_the_interface_by_name_is_the_same(world: World) -> None:
    world.apis[A].rpc(1, world.game(A), "any_two", [1, 2])
    world.settle()
    assert world.took() == [Called(1, "any_two", (1, 2), A)]


def test_call_local_runs_here_with_the_own_id_as_sender(world: World) -> None:
    expected = [Called(at, "local_one", (1,), A) for at in (1, A, B, C)]
    assert world.do(A, 0, "local_one", 1) == expected
    assert world.do(A, -1, "local_one", 1) == expected[1:]
    assert world.do(A, -A, "local_one", 1) == [expected[0], *expected[2:]]
    assert world.do(A, A, "local_one", 1) == [expected[1]]
    assert world.do(A, B, "local_one", 1) == [expected[2]]


def test_a_call_to_oneself_needs_call_local(world: World) -> None:
    error = error_of(lambda: world.call(A, A, "any_one", 1))
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert "call_local" in error.message
    assert not world.took()


def test_the_authority_may_call_and_nobody_else(world: World) -> None:
    assert world.do(1, 0, "auth_one", 1) == [Called(at, "auth_one", (1,), 1) for at in (A, B, C)]
    assert world.do(A, 0, "auth_one", 1) == []
    assert sorted(world.invalid) == [(at, A, "not_allowed") for at in (1, B, C)]


def test_the_authority_can_be_a_client(world: World) -> None:
    for peer in (1, A, B, C):
        world.set_authority(peer, B)
    assert world.do(B, 0, "auth_one", 1) == [Called(at, "auth_one", (1,), B) for at in (1, A, C)]
    assert world.do(1, 0, "auth_one", 1) == []
    assert sorted(world.invalid) == [(at, 1, "not_allowed") for at in (A, B, C)]


def test_authority_and_call_local(world: World) -> None:
    assert [call.at for call in world.do(1, 0, "auth_local", 1)] == [1, A, B, C]
    # As in the engine: who is not the authority runs it on its own side only.
    assert [call.at for call in world.do(A, 0, "auth_local", 1)] == [A]


def test_two_calls_before_the_first_is_confirmed_arrive_in_order(world: World) -> None:
    for number in range(5):
        world.call(A, B, "any_one", number)
    world.settle()
    world.call(A, B, "any_one", 5)
    world.settle()
    assert [call.args[0] for call in world.took()] == list(range(6))
    assert not world.invalid


def test_an_answer_from_inside_a_call(world: World) -> None:
    ran = world.do(A, 0, "reply", "ping")
    assert [call for call in ran if call.method == "any_one"] == [
        Called(A, "any_one", ("ping",), peer) for peer in (1, B, C)
    ]
    for api in world.apis.values():
        assert api.get_remote_sender_id() == 0


def test_channel_and_mode_are_those_of_the_method(world: World) -> None:
    world.do(A, 1, "channelled", 1)
    world.network.log.clear()
    assert len(world.do(A, 1, "channelled", 1)) == 1
    (sent,) = world.network.log
    assert (sent.mode, sent.channel) == (TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED, 3)
    world.do(A, 1, "any_one", 1)
    sent = world.network.log[-1]
    assert (sent.mode, sent.channel) == (TransferMode.TRANSFER_MODE_RELIABLE, 0)


def test_an_object_that_appears_late(world: World) -> None:
    path = "Main/Late"
    world.place(A, path)
    for _ in range(2):
        world.call(A, 1, "any_one", 1, path=path)
        world.settle()
    assert world.took() == []
    assert {(at, peer, reason.value) for at, peer, reason in world.invalid} == {
        (1, A, "unknown_node")
    }
    world.place(1, path)
    for number in range(3):
        world.call(A, 1, "any_one", number, path=path)
        world.settle()
        assert world.took() == [Called(1, "any_one", (number,), A)]


def test_an_object_that_is_renamed_on_both_sides(world: World) -> None:
    assert len(world.do(A, 1, "any_one", 1)) == 1
    for peer in (1, A):
        world.rename(peer, GAME, "Main/Renamed")
    for _ in range(2):
        world.call(A, 1, "any_one", 2, path="Main/Renamed")
        world.settle()
        assert world.took() == [Called(1, "any_one", (2,), A)]
    assert not world.invalid


def test_an_object_that_is_renamed_at_the_receiver_alone(world: World) -> None:
    assert len(world.do(A, 1, "any_one", 1)) == 1
    world.rename(1, GAME, "Main/Renamed")
    assert world.do(A, 1, "any_one", 2) == []
    assert world.invalid == [(1, A, "unknown_node")]
    world.rename(1, "Main/Renamed", GAME)
    assert world.do(A, 1, "any_one", 3) == [Called(1, "any_one", (3,), A)]


@pytest.mark.parametrize("who", [(1,), (A,), (1, A)])
def test_an_object_that_is_removed_and_added_again(world: World, who: tuple[int, ...]) -> None:
    assert len(world.do(A, 1, "any_one", 1)) == 1
    made = [world.displace(peer, GAME) for peer in who]
    for peer, object_ in zip(who, made, strict=True):
        world.place(peer, GAME, made=object_)
    for _ in range(2):
        assert world.do(A, 1, "any_one", 2) == [Called(1, "any_one", (2,), A)]
        assert world.do(1, A, "any_one", 3) == [Called(A, "any_one", (3,), 1)]
    assert not world.invalid


def test_one_that_was_removed_cannot_be_called_through(world: World) -> None:
    made = world.displace(A, GAME)
    error = error_of(lambda: made.any_one.rpc(1))
    assert error.code == Error.ERR_UNCONFIGURED
    error = error_of(lambda: world.apis[A].rpc(0, made, "any_one", [1]))
    assert error.code == Error.ERR_UNCONFIGURED


def test_leave_and_come_back_with_another_id(world: World) -> None:
    world.do(A, 0, "any_one", 1)
    world.leave(A)
    assert A not in world.apis[1].get_peers()
    assert A not in world.apis[B].get_peers()
    again = 50
    world.join(again)
    for _ in range(2):
        for sender, to in ((again, 0), (B, 0), (1, 0), (B, again), (again, B)):
            others = [p for p in (1, B, C, again) if p != sender] if to == 0 else [to]
            assert [call.at for call in world.do(sender, to, "any_one", 1)] == others
    assert not world.invalid


def test_leave_and_come_back_with_the_same_id(world: World) -> None:
    world.do(A, 0, "any_one", 1)
    world.do(B, 0, "any_one", 1)
    world.leave(A)
    world.join(A)
    for sender in (A, B, 1):
        others = [peer for peer in (1, A, B, C) if peer != sender]
        assert [call.at for call in world.do(sender, 0, "any_one", 1)] == others
    assert not world.invalid


def test_raw_bytes(world: World) -> None:
    for peer in (1, A, B, C):
        world.events(peer)
    world.apis[A].send_bytes(b"\0\1\2", 0, TransferMode.TRANSFER_MODE_UNRELIABLE, 2)
    world.apis[A].send_bytes(b"one", B)
    world.apis[1].send_bytes(b"but", -C)
    world.settle()
    assert world.events(1) == [("peer_packet", A, b"\0\1\2")]
    assert world.events(A) == [("peer_packet", 1, b"but")]
    assert sorted(world.events(B)) == [
        ("peer_packet", 1, b"but"),
        ("peer_packet", A, b"\0\1\2"),
        ("peer_packet", A, b"one"),
    ]
    assert world.events(C) == [("peer_packet", A, b"\0\1\2")]
    first = world.network.log[-6:]
    assert any(
        (sent.mode, sent.channel) == (TransferMode.TRANSFER_MODE_UNRELIABLE, 2) for sent in first
    )


def test_an_unknown_target_is_an_error_and_nothing_is_sent(world: World) -> None:
    world.network.log.clear()
    for to in (99, -99, 2**31 - 1):
        error = error_of(world.call, A, to, "local_one", 1)
        assert error.code == Error.ERR_INVALID_PARAMETER
        error = error_of(world.apis[A].send_bytes, b"x", to)
        assert error.code == Error.ERR_INVALID_PARAMETER
    assert not world.network.log
    assert not world.calls


def test_wrong_arguments_are_an_error_and_nothing_is_sent(world: World) -> None:
    world.network.log.clear()
    api, game = world.apis[A], world.game(A)
    for method, args in (
        ("any_one", []),
        ("any_one", [1, 2]),
        ("any_two", []),
        ("no_such", []),
        ("undeclared", []),
        ("a_property", []),
        ("any_one", [object()]),
    ):
        error = error_of(api.rpc, 0, game, method, args)
        assert error.code == Error.ERR_INVALID_PARAMETER, method
    assert not world.network.log
    assert not world.calls


def test_statistics_count_calls(world: World) -> None:
    world.do(A, 0, "any_one", 1)
    world.do(A, 0, "any_one", 1)
    assert world.apis[A].statistics.calls_sent == 2
    for peer in (1, B, C):
        assert world.apis[peer].statistics.calls_received == 2
        assert not world.rejected(peer)
    copy = world.apis[A].statistics
    copy.rejected["x"] += 1
    assert not world.rejected(A)


def test_notes_of_calls_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_calls, "_MOST_ROUTES", 2)
    routes = world.apis[1]._session.outgoing._routes
    most = 0
    for _ in range(3):
        for to in (A, B, 0, -A):
            assert world.do(1, to, "any_one", 1)
            most = max(most, len(routes))
    assert most == 2


def test_notes_of_calls_hold_nothing_that_has_gone(world: World) -> None:
    for _ in range(2):
        assert world.do(1, A, "any_one", 1)
    gone = weakref.ref(world.displace(1, GAME))
    gc.collect()
    assert gone() is None
