"""The engine as a contestant of the benchmarks: what it is to do, it does."""

from __future__ import annotations

import sys

import pytest

from benchmarks.contestants import GODOT4
from benchmarks.programs import measure, running
from benchmarks.receiving import KINDS
from benchmarks.rpc import WITH_GODOT, Caller

SCENARIOS = False
pytestmark = [
    pytest.mark.native4,
    pytest.mark.skipif(sys.platform != "linux", reason="the load generators use epoll"),
]


def test_everybody_gets_what_all_others_send() -> None:
    with running(GODOT4, "relay") as (port, _):
        found = measure("relay_load", port, GODOT4.dialect, 5, 3, 0.05, limit=30)
    assert found["deliveries"] == 5 * 4 * 3
    assert all(0 < taken < 30 for taken in found["times"])


@pytest.mark.parametrize("caller", WITH_GODOT, ids=lambda each: each.name)
def test_calls_from_and_to_an_engine_are_handled(caller: Caller) -> None:
    assert caller.calls_a_second(0.05) > 0


def test_what_passing_a_burst_on_costs_is_measured() -> None:
    assert 0 < measure("relay_work_engine", 3, limit=50)["mean"] < 1e6


def test_an_engine_receives_the_calls_of_a_raw_client() -> None:
    for kind in KINDS:
        with running(GODOT4, kind) as (port, pid):
            assert measure("receive_load", port, kind, 0.05, pid, limit=30)["rate"] > 0
