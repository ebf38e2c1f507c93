"""What a peer may try against the bookkeeping: nothing grows, floods the log, or takes long."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from multiplayer import GODOT_4, NATIVE, rpc
from multiplayer.scene.calls.runner import MOST_RUNNING
from tests.kept import peers_kept

from .gathering import Gathering
from .test_asking import Tasks
from .worlds import GAME, A, B, Called, Kind, World

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER, ADA = 1, 2
GODOT_4_WORLD = Kind(GODOT_4, gd_mp=False, nodes=True)


class Game:
    def __init__(self) -> None:
        self.ran = 0

    @rpc("any_peer")
    async def slow(self) -> None:
        self.ran += 1

    @rpc("any_peer")
    def fail(self) -> None:
        raise ValueError("as always")

    @rpc("any_peer")
    def strange(self) -> object:
        return object()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_async_methods_of_one_peer_are_so_many_and_no_more() -> None:
    gathering = Gathering(Game, Game, Game)
    tasks = Tasks()
    server = gathering.apis[SERVER]
    server.spawn = tasks
    for _ in range(MOST_RUNNING + 5):
        gathering.games[ADA].slow.rpc_id(SERVER)
    gathering.settle()
    assert len(tasks.open) == MOST_RUNNING
    assert gathering.reasons(SERVER) == ["too_many_calls"] * 5
    gathering.games[3].slow.rpc_id(SERVER)  # another peer is another matter
    gathering.settle()
    assert len(tasks.open) == MOST_RUNNING + 1
    tasks.step()
    assert gathering.games[SERVER].ran == MOST_RUNNING + 1
    assert not server._session.runner._running
    gathering.games[ADA].slow.rpc_id(SERVER)
    gathering.settle()
    tasks.step()
    assert gathering.games[SERVER].ran == MOST_RUNNING + 2


def test_what_was_never_begun_counts_no_more_when_something_else_runs_it() -> None:
    gathering = Gathering(Game, Game)
    server = gathering.apis[SERVER]
    server.spawn = lambda *_: None  # its nursery has been cancelled
    for _ in range(MOST_RUNNING):
        gathering.games[ADA].slow.rpc_id(SERVER)
    gathering.settle()
    server.spawn = tasks = Tasks()
    gathering.games[ADA].slow.rpc_id(SERVER)
    gathering.settle()
    tasks.step()
    assert gathering.games[SERVER].ran == 1


@pytest.mark.parametrize("method", ["fail", "strange"])
def test_a_question_that_fails_again_and_again_is_logged_once(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    gathering = Gathering(Game, Game)
    for _ in range(50):
        gathering.apis[ADA].call_id(SERVER, gathering.games[ADA], method)
    gathering.settle()
    assert len(warnings(caplog)) == 1
    (line, *below) = caplog.records[0].getMessage().splitlines()
    assert line.startswith("peer ")
    assert below
    assert all(each.startswith("    ") for each in below)
    with caplog.at_level(logging.INFO, "multiplayer"):
        gathering.peer(ADA).drop()
        gathering.poll()
    assert any("50 times" in record.getMessage() for record in caplog.records)


def test_a_server_that_relays_for_ids_it_made_up_fills_neither_memory_nor_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(GODOT_4_WORLD, A)
    relayed = [world.wire.raw(b"x"), b"\x07", b"\xff"]
    for number in range(300):
        world.inject(1, A, world.wire.relay(1000 + number, relayed[number % 3]))
    world.settle()
    assert [at for at, _, _ in world.invalid] == [A] * 300
    assert {peer for _, peer, _ in world.invalid} == {*range(1000, 1300)}
    assert len(warnings(caplog)) <= 3
    assert len(world.apis[A]._session.rejections._faults._counts) <= 1


def test_who_says_that_others_left_makes_nobody_forget_them() -> None:
    for target in (B, 999):
        world = World(GODOT_4_WORLD, A, B)
        world.do(1, A, "any_one", 0)
        paths = world.apis[1]._session.cache.paths
        before = paths.version
        for _ in range(10):
            world.inject(A, 1, world.wire.del_peer(target))
        world.settle()
        assert world.rejected() == {"system_packet_from_client": 10}
        assert paths.version == before  # all that was found out for calls holds


def test_details_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
    details: list[str] = []
    world.apis[1].invalid_packet.connect(lambda *what: details.append(what[2]))
    long = "secret" * 8000
    world.inject_call(A, 1, long, "any_one")
    world.inject_call(A, 1, GAME, long)
    world.settle()
    assert {reason for _, _, reason in world.invalid} == {"unknown_node", "unknown_method"}
    assert all(len(detail) <= 501 for detail in details)
    assert all(len(line) < 1000 for line in warnings(caplog))


def test_names_that_differ_are_cut_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
    world.inject(A, 1, world.wire.announce(1, GAME, ["x" * 30_000]))
    world.settle()
    (line,) = warnings(caplog)
    assert "differ from those of peer" in line
    assert len(line) < 2000


def test_a_checksum_that_is_none_is_escaped_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    world = World(GODOT_4_WORLD, A)
    packet = world.wire.announce(1, GAME, ["other"])
    world.inject(A, 1, packet[:1] + b"\x1b[2J\r\nWARNING".ljust(32, b"x") + packet[33:])
    world.settle()
    (line,) = warnings(caplog)
    assert "there \\x1b[2J\\r\\nWARN" in line
    assert line.isprintable()


def seconds_of(action: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - begun)
    return best


def test_a_disagreement_costs_the_same_however_much_was_announced() -> None:
    times: list[float] = []
    for count in (1, 4000):
        world = World(GODOT_4_WORLD, A)
        for number in range(count):
            world.inject(A, 1, world.wire.announce(number + 1, "Main", ["other"]))
        world.call(1, A, "any_one", 1)
        world.settle()
        confirmation = world.wire.confirm(1, GAME, agrees=False)

        def send(world: World = world, confirmation: bytes = confirmation) -> None:
            for _ in range(200):
                world.inject(A, 1, confirmation)
            world.settle()

        times.append(seconds_of(send))
    assert times[1] < times[0] * 4  # it was 30 times as long when all were looked through


def test_an_answer_that_nobody_waits_for_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(Kind(NATIVE, gd_mp=True, nodes=True), A)
    read: list[object] = []
    monkeypatch.setattr(type(world.wire), "read_value", lambda *what: read.append(what))
    world.inject(A, 1, world.wire.response(7, [1, 2, 3]))
    world.settle()
    assert world.rejected() == {"unexpected_answer": 1}
    assert not read


@pytest.mark.parametrize("gd_mp", [True, False])
def test_nothing_is_kept_of_a_peer_that_left(gd_mp: bool) -> None:
    world = World(Kind(NATIVE, gd_mp=gd_mp, nodes=True), A, B)
    world.do(A, 1, "any_one", 1)
    world.do(1, A, "any_one", 1)
    world.inject(A, 1, world.wire.announce(77, GAME, ["any_one", "other"]))
    world.inject(A, 1, b"\xff")
    api = world.apis[1]
    pending = api.call_id(A, world.game(1), "any_one", [1])
    world.peers[A].forget_arrived()
    world.leave(A)
    world.inject(A, 1, b"")  # the rest of what it sent
    for api_ in world.apis.values():
        api_.poll()
    assert pending.done
    assert A not in peers_kept(api)
    assert world.do(B, 1, "any_one", 1) == [Called(1, "any_one", (1,), B)]
