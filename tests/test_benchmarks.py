"""The benchmarks' own parts, with our server only: the others are not installed for tests."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio

from benchmarks import (
    arena,
    conditions,
    fairness,
    rooms_directory,
    rooms_resume,
    rooms_workers,
    simulation,
)
from benchmarks.__main__ import NAMES, about
from benchmarks.contestants import OURS, OURS_GODOT4, OURS_POLLED, RECEIVER, Contestant
from benchmarks.processes import used
from benchmarks.programs import measure, running
from benchmarks.replication import OURS as OURS_REPLICATES
from benchmarks.replication import Case, Server
from benchmarks.tables import median_and_spread, number, ratio, table
from multiplayer.testing import Conditions
from peers.cluster.memory_directory import MemoryDirectory
from tests.programs import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the load generators use epoll")


@pytest.mark.parametrize("contestant", [OURS, OURS_POLLED, OURS_GODOT4], ids=lambda each: each.name)
def test_everybody_gets_what_all_others_send(contestant: Contestant) -> None:
    with running(contestant, "relay") as (port, _):
        found = measure("relay_load", port, contestant.dialect, 5, 3, 0.05, limit=30)
    assert found["deliveries"] == 5 * 4 * 3
    assert all(0 < taken < 30 for taken in found["times"])


@pytest.mark.parametrize("envelope", ["gd_mp", "godot4"])
def test_a_burst_is_passed_on(envelope: str) -> None:
    times = measure("relay_work", envelope, 3, limit=30)["times"]
    assert len(times) == 20
    assert all(0 < taken < 1e6 for taken in times)


@pytest.mark.parametrize("envelope", ["gd_mp", "godot4"])
def test_calls_to_a_group_arrive(envelope: str) -> None:
    found = measure("group_work", envelope, 2, 4, limit=30)
    assert {*found} == {"group", "list", "loop", "all"}
    assert all(0 < taken < 1e6 for taken in found.values())


@pytest.mark.parametrize(("job", "dialect"), [("hold", "gd_mp"), ("silent", "silent")])
def test_many_connect_and_are_told(job: str, dialect: str) -> None:
    with running(OURS, job) as (port, pid):
        found = measure("hold_load", port, dialect, 100, pid, limit=40)
    assert found["handshakes"] > 0
    assert (found["told"] > 0) == (job == "hold")
    assert found["memory"] < 100_000


@pytest.mark.parametrize("way", ["up", "down"])
def test_large_messages_go_both_ways(way: str) -> None:
    with running(OURS, "large") as (port, _):
        assert measure("large_load", port, way, 1 << 20, 0.05, limit=30)["rate"] > 0


def test_a_hundred_are_answered_also_beside_a_busy_one() -> None:
    found = {how: fairness.once(RECEIVER, how, 0.05) for how in (fairness.ALONE, fairness.BUSY)}
    assert all(len(times) >= 100 for times in found.values())
    cells = [float(cell) for cell in fairness.row("ours", found)[1:]]
    for median, p99, worst in (cells[:3], cells[3:]):
        assert 0 < median <= p99 <= worst < 30_000


def test_players_of_the_arena_play() -> None:
    found = arena.play(3, 1.0, settling=0.0)
    assert (found["players"], found["matches"]) == (3, 1)
    assert found["ticks"] > 0
    assert all(found[name] > 0 for name in ("up", "down", "cpu"))
    assert "3, 1" in table(["", ""], arena.rows(found))


async def test_players_come_back_and_lose_nothing() -> None:
    times, lost, twice = await rooms_resume.measure(2, players=2)
    assert (len(times), lost, twice) == (4, 0, 0)
    assert times[0] > 0


def test_a_game_in_the_box() -> None:
    runs = [simulation.Game(trace=True) for _ in range(2)]
    for game in runs:
        game.play(1.0)
    assert runs[0].network.trace() == runs[1].network.trace()
    assert runs[0].heard == runs[1].heard > 800
    assert "the game" in simulation.where(0.5, trace=False)


def test_a_server_replicates_to_those_who_came_early_and_late() -> None:
    for late in (False, True):
        found = Server(OURS_REPLICATES, Case("few", 3, 6, 4, late=late)).measured(0.5)
        assert 0 < found["used"] < 1
        assert found["least"] > 20 * 4 * 20 * 0.5  # a SYNC of four nodes in each of twenty ticks
    assert 0 < measure("replication_work", 10, 0.5, limit=30)["client"] < 1


def test_tables() -> None:
    assert table(("a", "b"), [("x", "1")]) == "| a | b |\n|---|--:|\n| x | 1 |"
    assert [number(value) for value in (1.234, 12345, 2_000_000)] == ["1.23", "12.3 k", "2 M"]
    assert median_and_spread([3, 1, 2]) == "2 (1 to 3)"
    assert (ratio([4, 2, 9], [2]), ratio([], [1])) == ("2.00", "-")


def test_a_game_over_sockets_and_the_same_in_the_box() -> None:
    late = Conditions(latency=0.05)
    games = (
        trio.run(conditions.over_sockets, late, 0.2, 1),
        conditions.in_a_box(late, 0.2, 1),
    )
    for game in games:
        rows = game.rows("here")
        assert [row[-1] for row in rows] == ["0.0 %"] * 4
        assert all(int(point) >= 50 for row in rows for point in row[2:-1])


def test_players_come_to_rooms_ask_and_leave() -> None:
    with running(rooms_workers.Way("passed"), "") as (port, front):
        children = rooms_workers.workers_of(front)
        assert len(children) >= 1
        assert measure("rooms_work", "joins", 0.2, 20, port, limit=30)["found"] == 4
        assert measure("rooms_work", "calls", 0.2, 2, port, limit=30)["found"] == 24
        (times,) = measure("rooms_work", "trips", 0.2, port, limit=30)["found"]
        assert len(times) >= 6
        assert sum(map(used, children)) > 0


async def test_rooms_in_a_directory() -> None:
    directory = MemoryDirectory()
    assert await rooms_directory.joins(directory, 100) > 0
    assert await rooms_directory.new_rooms(directory, 100) > 0
    assert await rooms_directory.doubles(directory, 10) == 0


def test_their_help_needs_nothing_and_says_what_they_measure() -> None:
    def without_libraries(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", "-m", "benchmarks", *arguments]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
        )

    text = without_libraries("--help").stdout
    for name in NAMES:
        assert f"  {name:<12} {about(name)}\n" in text
        assert 20 < len(about(name)) < 100
        assert f"| `{name}.py` |" in (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    wrong = without_libraries("relays")
    assert wrong.returncode == 2
    assert "no such benchmark: relays; there are targets, relay," in wrong.stderr
