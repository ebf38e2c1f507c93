"""The table of the speed that is aimed at, and what it is made of, with our own builds only."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from benchmarks import profiling
from benchmarks.builds import FAST, HERE, OLD, PURE, fetch_old
from benchmarks.contestants import OURS_GODOT4_POLLED, RECEIVER
from benchmarks.programs import measure, running
from benchmarks.receiving import KINDS
from benchmarks.targets import GOALS, UNITS, figures, goals
from tests.programs import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the load generators use epoll")


@pytest.mark.parametrize("kind", KINDS)
def test_a_raw_client_calls_and_is_answered(kind: str) -> None:
    with running(RECEIVER, kind) as (port, pid):
        found = measure("receive_load", port, kind, 0.05, pid, limit=30)
    assert found["rate"] > 0
    assert found["work"] > 0


def test_what_a_received_call_and_one_to_the_outbox_cost_is_measured() -> None:
    assert len(measure("receive_work", "mixed", 3, 4, limit=30)["times"]) == 40
    assert len(measure("send_work", "NATIVE", limit=30)["times"]) == 60


def test_the_first_version_is_taken_out_of_the_history() -> None:
    if not fetch_old():
        pytest.skip("this clone does not reach back to 0.1.0")
    with running(replace(RECEIVER, build=OLD), "uniform") as (port, pid):
        assert measure("receive_load", port, "uniform", 0.05, pid, limit=30)["rate"] > 0
    assert len(measure("receive_work", "mixed", 2, 4, limit=30, build=OLD)["times"]) == 40


def test_three_clients_hear_of_each_other_where_the_server_is_polled() -> None:
    with running(OURS_GODOT4_POLLED, "relay") as (port, _):
        found = measure("relay_load", port, "godot4", 3, 1, 0.05, limit=30)
    assert found["deliveries"] == 3 * 2


def test_a_goal_says_what_was_missed() -> None:
    found = {goal.what: {PURE: [8.0, 4.0, 6.0]} for goal in GOALS}
    found["uniform"] |= {OLD: [1.0], "Godot 4.6.3": [6.0], FAST: [12.0]}
    found["crowd 1"] |= {OLD: [9.0], FAST: [3.0]}
    rows = {words: cells for words, *cells in goals(found, [PURE, FAST])}
    assert rows["GODOT_4 received, one client : 0.1.0"] == ["≥ 5", "6.00", "≥ 18", "12.00, missed"]
    assert rows["of native Godot 4.6.3"] == ["≥ 0.25", "1.00", "≥ 0.9", "2.00"]
    assert rows["100 clients x 1 call a poll : 0.1.0"] == ["≥ 2", "1.50, missed", "≥ 2.5", "3.00"]
    assert rows["`rpc_id` to outbox, GODOT_4, µs"] == ["≤ 4", "6.00, missed", "≤ 2.5", "-"]
    assert {goal.what for goal in GOALS} == {*UNITS}
    assert figures(found, [PURE, OLD])[0][1:] == ["6", "1"]


@pytest.mark.parametrize("subject", profiling.SUBJECTS)
def test_a_profile_names_our_functions(subject: str) -> None:
    rows = profiling.rows(profiling.profile(subject, 2))
    assert any("multiplayer/" in where for where, _, _ in rows)
    assert not any("statistics" in where for where, _, _ in rows), "what waits for it counts"


def test_a_profile_says_what_it_measures_and_of_which_build() -> None:
    helped = run("-m", "benchmarks.profiling", "--help", within=30)
    assert all(f"{name} " in helped.stdout for name in profiling.SUBJECTS)
    wrong = run("-m", "benchmarks.profiling", "crowds", within=30)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.endswith("no such subject: crowds; there are received, crowd, sent\n")
    with pytest.MonkeyPatch.context() as patch:
        for used in (True, False):
            patch.setattr(profiling, "is_accelerated", lambda used=used: used)
            assert profiling.build().startswith("With speedups" if used else "Pure Python")


def test_a_build_runs_with_its_own_packages() -> None:
    assert HERE.python("module", 1)[-3:] == ["-m", "module", "1"]
    assert "GDPEERS_PURE=1" in PURE.python("module")
