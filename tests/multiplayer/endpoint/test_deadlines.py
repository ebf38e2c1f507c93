"""``multiplayer.endpoint.deadlines``: who wants to be checked, and when."""

from __future__ import annotations

import math
from typing import Any

from multiplayer.endpoint.deadlines import Deadlines
from multiplayer.endpoint.pressure import STALL, grace


class Waiting:
    """A channel that has a deadline, and nothing else."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline

    def wait_until(self, deadline: float | None) -> None:
        self.deadline = deadline


def noted(*channels: Waiting) -> Deadlines[Any]:
    deadlines = Deadlines[Any]()
    for channel in channels:
        deadlines.note(channel)
    return deadlines


def test_the_soonest_comes_first_and_each_once() -> None:
    late, soon, never = Waiting(1.1), Waiting(1.0), Waiting(None)
    deadlines = noted(late, soon, never)
    assert deadlines.due == 1.0
    assert [*deadlines.passed(0.5)] == []
    assert [*deadlines.passed(1.05)] == [soon]
    assert [*deadlines.passed(1.2)] == [late]
    assert [*deadlines.passed(1.2)] == []


def test_a_deadline_that_was_changed_holds_no_more() -> None:
    channel = Waiting(1.0)
    deadlines = noted(channel)
    channel.deadline = 5.0
    deadlines.note(channel)
    assert deadlines.due == 5.0
    assert [*deadlines.passed(1.0)] == []
    channel.deadline = None
    deadlines.note(channel)
    assert deadlines.due == math.inf
    assert [*deadlines.passed(10.0)] == []


def test_what_was_missed_because_nobody_looked_is_moved_once() -> None:
    channel = Waiting(1.0)
    deadlines = noted(channel)
    now = 1.0 + 2 * STALL
    assert [*deadlines.passed(now)] == []
    moved = channel.deadline
    assert moved == now + grace(2 * STALL)
    assert [*deadlines.passed(moved + 2 * STALL)] == [channel]


def test_who_is_gone_is_not_excused_and_is_not_there() -> None:
    channel = Waiting(1.0)
    deadlines = noted(channel)
    deadlines.forget(channel)
    channel.deadline = None  # as a channel that is over has none
    assert channel not in deadlines.noted
    assert [*deadlines.passed(10.0)] == []


def test_old_deadlines_do_not_pile_up() -> None:
    channel = Waiting(0.0)
    deadlines = noted(channel)
    for when in range(1000):
        channel.deadline = float(when)
        deadlines.note(channel)
    assert len(deadlines.heap) < 100
    deadlines.begin_anew([channel])
    assert [each for _, _, each in deadlines.heap] == [channel]
