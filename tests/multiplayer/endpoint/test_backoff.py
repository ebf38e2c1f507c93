"""``multiplayer.endpoint.backoff``."""

from __future__ import annotations

import random

import pytest

from multiplayer.endpoint.backoff import BITS, LEAST, delay


@pytest.mark.parametrize(
    ("attempt", "bound"), [(0, 0.2), (1, 0.4), (2, 0.8), (3, 1.6), (4, 3.2), (5, 4.0), (999, 4.0)]
)
def test_a_wait_is_any_time_up_to_a_bound_that_doubles(attempt: int, bound: float) -> None:
    assert delay(attempt, 0) == LEAST
    assert delay(attempt, 2**BITS - 1) == pytest.approx(bound)
    assert delay(attempt, 2 ** (BITS - 1)) == pytest.approx(bound / 2)


def test_two_thousand_clients_come_spread_out() -> None:
    """At 400 joins a second, nearly all are back within twice the time that 2 000 joins take."""
    chance = random.Random(1)
    seconds = [0] * 60
    for _ in range(2000):
        at, attempt, done = 0.0, 0, False
        while not done:
            at += delay(attempt, chance.getrandbits(BITS))
            attempt += 1
            done = seconds[int(at)] < 400
            seconds[int(at)] += done
    assert sum(seconds) == 2000
    assert sum(seconds[:12]) >= 0.99 * 2000
