"""``SnapshotBuffer``: what is shown is on the way that was walked, and goes on."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import Error, MultiplayerError
from multiplayer.game import SnapshotBuffer
from multiplayer.variant import Vector2


def played(
    lateness: list[float], *, interval: float = 0.05, fps: int = 60, **settings: float
) -> tuple[SnapshotBuffer[float], list[tuple[float, float]]]:
    """Push a snapshot of the time itself each interval, so late; show it at each frame."""
    buffer = SnapshotBuffer[float](**settings)  # type: ignore[arg-type]
    coming = sorted(
        (index * interval + late, index * interval) for index, late in enumerate(lateness)
    )
    shown: list[tuple[float, float]] = []
    for frame in range(int(len(lateness) * interval * fps)):
        now = frame / fps
        while coming and coming[0][0] <= now:
            _, time = coming.pop(0)
            buffer.push(time, time, now)
        value = buffer.at(now)
        if value is not None:
            shown.append((now, value))
    return buffer, shown


def test_an_even_walk_is_shown_evenly_one_interval_and_the_lateness_ago() -> None:
    buffer, shown = played([0.03] * 200)
    late = [(now, value) for now, value in shown if now > 1]
    assert buffer.interval == pytest.approx(0.05)
    # Each is seen at the next frame, so up to a 60th later.
    assert 0.08 <= buffer.delay <= 0.08 + 1 / 60
    assert all(now - value == pytest.approx(buffer.delay, abs=1e-3) for now, value in late)
    assert buffer.late == 0
    assert buffer.starved <= 3  # before there was a second one


def test_the_delay_is_what_most_snapshots_need() -> None:
    chance = random.Random(4)
    lateness = [chance.uniform(0.02, 0.12) for _ in range(1000)]
    buffer, shown = played(lateness, quantile=0.95)
    usual = quantiles(lateness, n=20)[-1]
    assert buffer.delay == pytest.approx(usual + 0.05, abs=0.02)
    assert buffer.starved < 0.05 * len(shown)
    steps = [after - before for (_, before), (_, after) in pairwise(shown)]
    assert min(steps) >= 0
    assert max(steps[120:]) < 3 / 60


@given(st.lists(st.floats(0, 0.4), min_size=2, max_size=120), st.floats(0.01, 0.3))
def test_time_never_goes_back_and_never_ahead(lateness: list[float], interval: float) -> None:
    _, shown = played(lateness, interval=interval, fps=30)
    values = [value for _, value in shown]
    # Between other snapshots the same time is blended anew, which rounds the last digit anew.
    assert all(after >= before - 1e-12 for before, after in pairwise(values))
    assert all(value <= now for now, value in shown)


def test_vectors_are_blended_and_jumps_are_not() -> None:
    buffer = SnapshotBuffer[Vector2](least=0.5, most=0.5)
    assert buffer.at(0.0) is None
    buffer.push(0.0, Vector2(0, 0), 0.1)
    buffer.push(1.0, Vector2(10, 20), 1.1)
    buffer.push(2.0, Vector2(100, 100), 1.2, cut=True)
    assert buffer.at(0.75) == Vector2(2.5, 5)
    assert buffer.at(1.5) == Vector2(10, 20)
    assert buffer.at(2.4) == Vector2(10, 20)
    assert buffer.at(2.5) == Vector2(100, 100)
    assert buffer.starved == 0
    assert len(buffer) == 1  # what was played is forgotten


def test_what_is_missing_stands_still_or_goes_on_for_a_while() -> None:
    still = SnapshotBuffer[float](least=0, most=0)
    ahead = SnapshotBuffer[float](least=0, most=0, ahead=0.2)
    for buffer in (still, ahead):
        buffer.push(0.0, 0.0, 0.0)
        buffer.push(1.0, 1.0, 0.0)
    assert [still.at(now) for now in (0.5, 1.0, 1.1, 5.0)] == [0.5, 1.0, 1.0, 1.0]
    assert [ahead.at(now) for now in (0.5, 1.0, 1.1, 5.0)] == pytest.approx([0.5, 1.0, 1.1, 1.2])
    assert (still.starved, ahead.starved) == (2, 2)


def test_snapshots_may_come_in_any_order_and_twice() -> None:
    buffer = SnapshotBuffer[float](least=1, most=1)
    for time in (0.0, 3.0, 1.0, 2.0, 1.0):
        buffer.push(time, time * time, time)
    assert buffer.times == [0, 1, 2, 3]
    assert [buffer.at(now) for now in (1.0, 2.0, 2.5, 4.0)] == [0, 1, 2.5, 9]
    buffer.push(1.5, 0.0, 4.0)
    assert buffer.late == 1
    assert buffer.times == [3.0]


@pytest.mark.parametrize(
    "settings", [{"least": 2.0}, {"quantile": 1.5}, {"slew": 1.0}, {"ahead": -1.0}]
)
def test_what_makes_no_sense_raises(settings: dict[str, float]) -> None:
    with pytest.raises(MultiplayerError) as raised:
        SnapshotBuffer[float](**settings)  # type: ignore[arg-type]
    assert raised.value.code == Error.ERR_INVALID_PARAMETER
    with pytest.raises(MultiplayerError):
        SnapshotBuffer[float]().push(math.nan, 0.0, 0.0)
