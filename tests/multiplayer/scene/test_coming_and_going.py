"""Nodes that come and go in a long session: their numbers are given back, or given up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4,
    GODOT_4_BETA,
    NATIVE,
    Error,
    Limits,
    MultiplayerError,
    Node,
)
from multiplayer.wire.dialects.api_packets import Forget

from .worlds import GAME, A, B, Called, Kind, World

if TYPE_CHECKING:
    from collections.abc import Callable

MORE_THAN_FIT = Limits().max_rpc_paths + 104

native_kinds = pytest.mark.parametrize(
    "kind",
    [
        Kind(NATIVE, gd_mp=True, nodes=True),
        Kind(NATIVE, gd_mp=False, nodes=True),
        Kind(NATIVE, gd_mp=True, nodes=False),
    ],
    ids=lambda kind: kind.label,
)
godot_kinds = pytest.mark.parametrize(
    "kind",
    [
        Kind(GODOT_3, gd_mp=True, nodes=True),
        Kind(GODOT_4, gd_mp=False, nodes=True),
        Kind(GODOT_4_BETA, gd_mp=True, nodes=True),
    ],
    ids=lambda kind: kind.label,
)


def place(world: World, path: str, *ids: int) -> None:
    for own_id in ids:
        world.place(own_id, path)


def live_short(
    world: World, caller: int, to: int, count: int, *, at_a_time: int = 1, start: int = 0
) -> int:
    """Let nodes come, be called twice each, and go; return how many calls ran."""
    ran = 0
    for begin in range(start, start + count, at_a_time):
        paths = [f"Main/N{n}" for n in range(begin, min(begin + at_a_time, start + count))]
        for path in paths:
            place(world, path, caller, to)
            world.call(caller, to, "any_one", path, path=path)
        world.settle()
        for path in paths:
            world.call(caller, to, "any_one", path, path=path)
        world.settle()
        for path in paths:
            world.displace(caller, path)
            world.displace(to, path)
        ran += len(world.took())
    world.settle()
    return ran


@native_kinds
@pytest.mark.parametrize(("caller", "to"), [(1, A), (A, 1), (A, B)], ids=str)
def test_numbers_are_given_back(kind: Kind, caller: int, to: int) -> None:
    world = World(kind, A, B)
    world.call(caller, to, "any_one", 0)
    assert live_short(world, caller, to, MORE_THAN_FIT, at_a_time=50) == 2 * MORE_THAN_FIT + 1
    assert world.invalid == []
    assert not world.peers[1].expelled
    assert len(world.apis[to]._session.cache.paths._heard[caller]) == 1
    assert len(world.apis[to]._session.cache.paths._newest[caller]) == 1
    assert world.apis[caller]._session.cache.paths._told[to] == {1: True}
    assert world.apis[to].statistics.stale_numbers == 0
    assert world.do(caller, to, "any_one", "after") == [Called(to, "any_one", ("after",), caller)]


@native_kinds
def test_what_they_take_is_given_back_too(kind: Kind) -> None:
    world = World(kind, A, B)
    paths = world.apis[1]._session.cache.paths
    for path in (GAME, "Main/X"):
        if path != GAME:
            place(world, path, 1, A)
        world.call(A, 1, "any_one", 1, path=path)
        world.settle()
        if path == GAME:
            before = paths._heard_bytes[A]
    assert paths._heard_bytes[A] > before
    world.displace(A, "Main/X")
    world.settle()
    assert paths._heard_bytes[A] == before


@native_kinds
def test_only_who_was_told_is_told(kind: Kind) -> None:
    world = World(kind, A, B)
    place(world, "Main/X", 1, A, B)
    place(world, "Main/Silent", 1)
    world.call(1, A, "any_one", 1, path="Main/X")
    world.settle()
    sent = world.network.log
    sent.clear()
    world.displace(1, "Main/Silent")
    assert sent == []
    world.displace(1, "Main/X")
    ((target, packet),) = [(line.target, line.payload) for line in sent]
    assert (target, world.wire.read(packet)) == (A, Forget((1,)))
    world.settle()
    assert world.apis[A].statistics.stale_numbers == 0


def test_many_at_once_need_few_packets() -> None:
    world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
    count = 2500
    for number in range(count):
        place(world, f"Main/N{number}", 1, A)
        world.call(1, A, "any_one", number, path=f"Main/N{number}")
    world.settle()
    world.network.log.clear()
    root = world.apis[1].root
    assert root is not None
    root.remove_child(root.get_node("Main"))
    packets = [world.wire.read(sent.payload) for sent in world.network.log]
    forgotten = [packet.nodes for packet in packets if isinstance(packet, Forget)]
    assert [len(nodes) for nodes in forgotten] == [1024, 1024, 452]
    assert sorted(sum(forgotten, ())) == list(range(1, count + 1))
    world.settle()
    assert not world.apis[A]._session.cache.paths._heard[1]
    assert world.invalid == []


@native_kinds
def test_a_new_name_has_a_new_number(kind: Kind) -> None:
    world = World(kind, A, B)
    place(world, "Main/X", 1, A)
    for name in ("Main/X", "Main/Y", "Main/X"):
        world.call(1, A, "any_one", name, path=name)
        world.settle()
        new = "Main/Y" if name == "Main/X" else "Main/X"
        for own_id in (1, A):
            world.rename(own_id, name, new)
        world.settle()
    assert [call.args for call in world.took()] == [("Main/X",), ("Main/Y",), ("Main/X",)]
    assert world.invalid == []
    assert not world.apis[A]._session.cache.paths._heard[1]


def test_who_cannot_be_told_keeps_no_node_in_the_tree() -> None:
    for break_off in (
        lambda world: world.peers[A].drop(),
        lambda world: setattr(world.peers[1], "put_packet", fail),
    ):
        world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
        place(world, "Main/X", 1, A)
        world.call(1, A, "any_one", 1, path="Main/X")
        world.settle()
        break_off(world)
        world.displace(1, "Main/X")
        assert not world.apis[1]._session.cache.paths._told[A]


def fail(_: bytes) -> None:
    raise MultiplayerError(Error.FAILED, "no way")


def quiet(world: World, caplog: pytest.LogCaptureFixture, packets: list[bytes]) -> None:
    """Packets that have no effect but a count."""
    caplog.clear()
    before = world.apis[1].statistics
    with caplog.at_level(logging.INFO):
        for packet in packets:
            world.inject(A, 1, packet)
        world.settle()
    assert world.invalid == []
    assert not caplog.records
    now = world.apis[1].statistics
    assert now.stale_numbers == before.stale_numbers + len(packets)
    assert now.rejected == before.rejected
    assert world.do(B, 1, "any_one", 1) == [Called(1, "any_one", (1,), B)]


@native_kinds
def test_numbers_that_mean_nothing_are_counted_quietly(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(kind, A, B)
    quiet(world, caplog, [world.wire.forget([n]) for n in (0, 7, 2**32 - 1, 7)])
    announce, call = world.forged(GAME, "any_one", [1])
    world.inject(A, 1, announce)
    world.inject(A, 1, world.wire.forget([world._number]))
    world.settle()
    assert world.apis[1].statistics.stale_numbers == 4
    quiet(world, caplog, [world.wire.forget([world._number])])
    world.inject(A, 1, call)
    world.settle()
    assert world.invalid == [(1, A, "unknown_number")]
    world.inject(A, 1, announce)
    world.inject(A, 1, call)
    world.settle()
    assert world.took() == [Called(1, "any_one", (1,), A)]


@godot_kinds
def test_confirmations_of_nothing_are_counted_quietly(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(kind, A, B)
    confirm = [world.wire.confirm(n, f"Main/N{n}", agrees=n % 2 == 0) for n in range(500, 540)]
    quiet(world, caplog, confirm)
    place(world, "Main/X", 1, A)
    world.call(1, A, "any_one", 1, path="Main/X")
    world.displace(1, "Main/X")  # before the client has confirmed it
    world.settle()
    assert world.apis[1].statistics.stale_numbers == 41
    assert world.invalid == []


# ------------------------------------------------------------------ Godot's dialects


@godot_kinds
@pytest.mark.parametrize(("caller", "to"), [(1, A), (B, A)], ids=str)
def test_a_client_gives_up_the_numbers_of_what_has_gone(kind: Kind, caller: int, to: int) -> None:
    world = World(kind, A, B)
    world.call(caller, to, "any_one", 0)
    assert live_short(world, caller, to, MORE_THAN_FIT, at_a_time=50) == 2 * MORE_THAN_FIT + 1
    assert world.invalid == []
    statistics = world.apis[to].statistics
    assert statistics.numbers_given_up == MORE_THAN_FIT + 1 - Limits().max_rpc_paths
    assert len(world.apis[to]._session.cache.paths._heard[caller]) == Limits().max_rpc_paths
    assert world.do(caller, to, "any_one", "after") == [Called(to, "any_one", ("after",), caller)]


@godot_kinds
def test_a_client_keeps_the_numbers_of_what_is_there(kind: Kind) -> None:
    world = World(kind, A, B)
    world.peers[A].limits = Limits(max_rpc_paths=50)
    stay = [f"Main/Stays{number}" for number in range(45)]
    for path in stay:
        place(world, path, 1, A)
        world.call(1, A, "any_one", path, path=path)
    world.settle()
    live_short(world, 1, A, 500, at_a_time=3)
    for path in stay:
        world.call(1, A, "any_one", path, path=path)
    world.settle()
    assert [call.args for call in world.took()] == [(path,) for path in stay]
    assert world.invalid == []
    assert len(world.apis[A]._session.cache.paths._heard[1]) == 50


@godot_kinds
def test_of_many_that_are_there_the_oldest_is_given_up(kind: Kind) -> None:
    world = World(kind, A, B)
    world.peers[A].limits = Limits(max_rpc_paths=50)
    stay = [f"Main/Stays{number}" for number in range(51)]
    for _ in range(2):
        for path in stay:
            if (A, path) not in world._objects:
                place(world, path, 1, A)
            world.call(1, A, "any_one", path, path=path)
            world.settle()
        ran = [call.args for call in world.took()]
    assert ran == [(path,) for path in stay[1:]]
    assert world.invalid == [(A, 1, "unknown_number")]


@godot_kinds
def test_a_path_that_came_again_needs_its_last_number_only(kind: Kind) -> None:
    world = World(kind, A, B)
    world.peers[A].limits = Limits(max_rpc_paths=10)
    world.call(1, A, "any_one", 0)
    for number in range(100):
        place(world, "Main/Again", 1, A)
        world.call(1, A, "any_one", number, path="Main/Again")
        world.settle()
        world.call(1, A, "any_one", number, path="Main/Again")
        world.call(1, A, "any_one", "old")
        world.settle()
        world.displace(1, "Main/Again")
        world.displace(A, "Main/Again")
    assert len(world.took()) == 301
    assert world.invalid == []
    assert len(world.apis[A]._session.cache.paths._heard[1]) == 10


@godot_kinds
def test_text_of_what_has_gone_is_given_up_too(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiplayer.scene.cache.path_cache.MOST_PATH_BYTES", 1000)
    world = World(kind, A, B)
    assert live_short(world, 1, A, 200) == 400
    assert world.invalid == []
    assert world.apis[A]._session.cache.paths._heard_bytes[1] <= 1000
    too_long = "Main/" + "x" * 2000
    place(world, too_long, A)
    world.inject(1, A, world.wire.announce(9999, too_long, ["any_one"]))
    world.settle()
    assert world.invalid == [(A, 1, "too_many_paths")]


@godot_kinds
def test_a_server_refuses_until_it_is_told_to_take_more(kind: Kind) -> None:
    world = World(kind, A, B)
    with pytest.raises(MultiplayerError, match="there is no session"):
        live_short(world, A, 1, MORE_THAN_FIT, at_a_time=50)
    assert [peer for peer, _ in world.peers[1].expelled][:1] == [A]
    assert world.apis[1].statistics.numbers_given_up == 0
    world = World(kind, A, B)
    world.peers[1].limits = Limits(max_rpc_paths=MORE_THAN_FIT)
    assert live_short(world, A, 1, MORE_THAN_FIT, at_a_time=50) == 2 * MORE_THAN_FIT
    assert not world.peers[1].expelled


def test_a_client_of_ours_refuses_what_is_not_given_back() -> None:
    world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
    world.peers[A].limits = Limits(max_rpc_paths=50)
    for number in range(51):
        world.inject(1, A, world.wire.announce(number, f"Main/N{number}", ["any_one"]))
    world.settle()
    assert world.invalid == [(A, 1, "too_many_paths")]
    assert world.apis[A].statistics.numbers_given_up == 0


# ------------------------------------------------------------------ differences


def test_differences_of_what_has_gone_are_not_kept() -> None:
    world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
    told: list[str] = []
    world.apis[1].rpc_mismatch.connect(lambda mismatch: told.append(mismatch.path))
    kept = world.apis[1]._session.mismatches._told
    for number in range(1, 4):
        world.inject(A, 1, world.wire.announce(number, GAME, ["other"]))
        world.settle()
        assert list(kept[A]) == [GAME]
        world.inject(A, 1, world.wire.forget([number]))
        world.settle()
        assert not kept[A]
    assert told == [GAME] * 3


def test_differences_of_what_is_given_up_are_not_kept() -> None:
    world = World(Kind(GODOT_4, gd_mp=False, nodes=True), A)
    world.peers[A].limits = Limits(max_rpc_paths=3)
    kept = world.apis[A]._session.mismatches._told
    for number in range(1, 30):
        path = f"Main/N{number}"
        place(world, path, A)
        world.inject(1, A, world.wire.announce(number, path, ["other"]))
        world.settle()
        world.displace(A, path)
    assert len(kept[1]) == 3
    assert world.apis[A]._session.cache.paths.checksum_heard(1, "Main/N1") is None
    assert world.apis[A]._session.cache.paths.checksum_heard(1, "Main/N29") is not None


def test_a_tree_that_is_taken_away_gives_back_all() -> None:
    changes: list[Callable[[World], object]] = [
        lambda world: setattr(world.apis[1], "root", Node("other")),
        lambda world: setattr(world.apis[1], "root_path", "/root/Main"),
    ]
    for change in changes:
        world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
        world.call(1, A, "any_one", 1)
        world.settle()
        assert len(world.apis[A]._session.cache.paths._heard[1]) == 1
        change(world)
        world.settle()
        assert not world.apis[A]._session.cache.paths._heard[1]
