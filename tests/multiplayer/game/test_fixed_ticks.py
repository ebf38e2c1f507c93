"""``FixedTicks``: exact fractions say which ticks are due."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import Error, MultiplayerError
from multiplayer.game import FixedTicks


@given(
    st.sampled_from([1, 20, 30, 60, 144]),
    st.lists(st.integers(0, 50), max_size=60),
)
def test_each_tick_comes_once_and_in_time(hz: int, steps: list[int]) -> None:
    ticks = FixedTicks(hz, most=10**6)
    begin = now = Fraction(1000)
    given_ticks = [*ticks.due(float(now))]
    for step in steps:
        now += Fraction(step, 1000)
        given_ticks += ticks.due(float(now))
        assert given_ticks == [*range(int((now - begin) * hz) + 1)]
    assert ticks.tick == len(given_ticks)
    assert ticks.skipped == 0
    assert ticks.next_deadline() == pytest.approx(1000 + len(given_ticks) / hz)


def test_a_program_that_was_stopped_does_not_make_up_for_it() -> None:
    ticks = FixedTicks(10, most=3)
    assert [*ticks.due(0.0)] == [0]
    assert [*ticks.due(60.0)] == [1, 2, 3]
    assert ticks.skipped == 600 - 3
    assert [*ticks.due(60.05)] == []
    assert [*ticks.due(60.1)] == [4]
    assert ticks.next_deadline() == pytest.approx(60.2)


def test_a_clock_that_goes_back_gives_no_tick_twice() -> None:
    ticks = FixedTicks(10)
    assert [*ticks.due(5.0), *ticks.due(5.1)] == [0, 1]
    assert [*ticks.due(4.0)] == []
    assert [*ticks.due(5.2)] == [2]


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf, 1e308])
def test_a_clock_that_tells_nonsense_is_a_mistake(nonsense: float) -> None:
    ticks = FixedTicks(10)
    with pytest.raises(MultiplayerError, match="finite") as raised:
        ticks.due(nonsense)
    assert raised.value.code == Error.ERR_INVALID_PARAMETER
    assert [*ticks.due(5.0), *ticks.due(5.1)] == [0, 1]


def test_the_fraction_goes_from_tick_to_tick() -> None:
    ticks = FixedTicks(10)
    assert (ticks.fraction(3.0), ticks.next_deadline()) == (0.0, float("-inf"))
    assert len(ticks.due(3.0)) == 1
    assert ticks.fraction(3.0) == pytest.approx(0.0)
    assert ticks.fraction(3.025) == pytest.approx(0.25)
    assert ticks.fraction(3.2) == 1.0
    assert ticks.fraction(2.0) == 0.0


@pytest.mark.parametrize("arguments", [{"hz": 0}, {"hz": -1}, {"hz": 20, "most": 0}])
def test_what_makes_no_sense_raises(arguments: dict[str, int]) -> None:
    with pytest.raises(MultiplayerError) as raised:
        FixedTicks(**arguments)
    assert raised.value.code == Error.ERR_INVALID_PARAMETER
