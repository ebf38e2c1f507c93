"""Token buckets: the average, the burst, and when patience ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from multiplayer.support.token_bucket import TokenBucket, patience


@given(
    rate=st.floats(0.5, 100),
    pauses=st.lists(st.floats(0, 2), min_size=1, max_size=200),
)
def test_never_more_than_the_rate_and_one_burst(rate: float, pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(rate, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(1, now)
        assert taken <= max(rate, 1.0) + rate * now + 1e-6


@given(rate=st.integers(1, 100), seconds=st.integers(1, 20))
def test_who_keeps_to_the_rate_is_never_refused(rate: int, seconds: int) -> None:
    bucket = TokenBucket(rate, 0.0)
    assert all(bucket.take(1, step / rate) for step in range(rate * seconds))


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(1, 100.0)
    assert bucket.take(1, 100.0)
    assert not bucket.take(1, 50.0)
    assert bucket.take(1, 51.0)


def test_refusals_count_until_the_bucket_is_full_again() -> None:
    bucket = TokenBucket(10, 0.0)
    refused = [bucket.take(1, step / 20) for step in range(200)].count(False)
    assert bucket.refused == refused == 91  # twice the rate: half of it, but for the burst
    assert refused >= patience(bucket) == 50
    assert bucket.take(1, 11.0)
    assert bucket.refused == 0


def test_patience_is_at_least_16() -> None:
    assert patience(TokenBucket(1, 0.0)) == 16
