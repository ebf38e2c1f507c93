"""``multiplayer.rooms.attempts``: how often an address may try, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import MultiplayerError
from multiplayer.rooms.attempts import Attempts, network_of

A, B = "192.0.2.1", "192.0.2.2"
steps = st.lists(st.tuples(st.sampled_from([A, B]), st.floats(0, 30)), max_size=60)


@given(steps, st.floats(0.01, 5), st.integers(1, 8))
def test_no_address_tries_more_often_than_its_bucket_allows(
    tries: list[tuple[str, float]], rate: float, burst: int
) -> None:
    attempts, now = Attempts(rate, burst), 1000.0
    allowed: dict[str, list[float]] = {A: [], B: []}
    for address, pause in tries:
        now += pause
        spent = attempts.is_spent(address, now)
        assert attempts.spend(address, now) is not spent
        if not spent:
            allowed[address].append(now)
        if spent:
            assert 0 < attempts.wait(address, now) <= 1 / rate
    for times in allowed.values():
        for first, begun in enumerate(times):
            for last in range(first, len(times)):
                most = burst + rate * (times[last] - begun) + 1e-6
                assert last - first + 1 <= most


@given(steps)
def test_addresses_do_not_touch_each_other(tries: list[tuple[str, float]]) -> None:
    together, apart, now = Attempts(0.5, 3), Attempts(0.5, 3), 0.0
    for address, pause in tries:
        now += pause
        answer = together.spend(address, now)
        if address == A:
            assert answer == apart.spend(address, now)


def test_who_waits_gets_all_back_and_not_more() -> None:
    attempts = Attempts(1.0, 5)
    assert [attempts.spend(A, 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert attempts.wait(A, 0.0) == 1.0
    assert [attempts.spend(A, 1000.0) for _ in range(6)] == [True] * 5 + [False]


def test_a_clock_that_goes_back_gives_nothing() -> None:
    attempts = Attempts(1.0, 1)
    assert attempts.spend(A, 100.0)
    assert not attempts.spend(A, 50.0)


def test_the_table_is_bounded_and_forgets_the_oldest() -> None:
    attempts = Attempts(0.001, 1, most=100)
    for number in range(1000):
        assert attempts.spend(f"10.0.{number // 256}.{number % 256}", 0.0)
        attempts.spend(A, 0.0)
    assert len(attempts) == 100
    assert attempts.is_spent(A, 0.0)


def test_one_customers_network_is_one_address() -> None:
    assert network_of("2001:db8:1:2::5") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::5") != network_of("2001:db8:1:3::5")
    assert network_of("::ffff:192.0.2.1") == A
    assert network_of("no:address") == "no:address"


def test_nobody_in_particular_and_no_limit() -> None:
    assert all(Attempts(0.1, 1).spend("", 0.0) for _ in range(9))
    free = Attempts(0, 1)
    assert all(free.spend(A, 0.0) for _ in range(9))
    assert not free.is_spent(A, 0.0)
    assert free.wait(A, 0.0) == 0.0


@pytest.mark.parametrize("wrong", [(-1, 1, 1), (1, 0, 1), (1, 1, 0), (float("nan"), 1, 1)])
def test_numbers_that_make_no_sense(wrong: tuple[float, int, int]) -> None:
    with pytest.raises(MultiplayerError):
        Attempts(wrong[0], wrong[1], most=wrong[2])
