"""Who gets the bytes of a tick when there are not enough for all."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import Error, MultiplayerError
from multiplayer.scene.replication.budget import Budget, check_priority


def served(budget: Budget[str], sizes: dict[str, int], priorities: dict[str, float]) -> list[str]:
    """Who is sent in one tick."""
    budget.begin_tick()
    return budget.take(lambda key: (sizes[key], priorities.get(key, 1)))


def made(size: int, *keys: str) -> Budget[str]:
    budget: Budget[str] = Budget(size)
    for key in keys:
        budget.add(key)
    return budget


def test_with_room_for_all_each_is_sent_once_a_tick() -> None:
    budget = made(100, "a", "b", "c")
    for _ in range(5):
        assert sorted(served(budget, {"a": 10, "b": 20, "c": 30}, {})) == ["a", "b", "c"]


def test_without_room_for_all_they_take_turns() -> None:
    budget = made(20, "a", "b", "c", "d")
    ticks = [served(budget, dict.fromkeys("abcd", 10), {}) for _ in range(4)]
    assert ticks == [["a", "b"], ["c", "d"]] * 2


def test_bytes_are_in_proportion_to_priorities() -> None:
    budget = made(100, "often", "seldom", "large")
    sizes = {"often": 50, "seldom": 50, "large": 200}
    bytes_sent: Counter[str] = Counter()
    for _ in range(4000):
        for key in served(budget, sizes, {"often": 4, "seldom": 1, "large": 1}):
            bytes_sent[key] += sizes[key]
    # "often" could have 4/6 of the bytes, but is sent at most once a tick.
    assert bytes_sent["seldom"] == pytest.approx(bytes_sent["large"], rel=0.05)
    assert bytes_sent["often"] == pytest.approx(200_000, rel=0.02)
    assert sum(bytes_sent.values()) == pytest.approx(400_000, rel=0.01)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from([0.1, 1, 10])), min_size=1, max_size=30)
)
def test_nothing_starves_and_the_average_holds(states: list[tuple[int, float]]) -> None:
    sizes = {str(number): size for number, (size, _) in enumerate(states)}
    priorities = {str(number): priority for number, (_, priority) in enumerate(states)}
    budget = made(100, *sizes)
    sent: Counter[str] = Counter()
    total = 0
    for tick in range(1, 1200):
        for key in served(budget, sizes, priorities):
            sent[key] += 1
            total += sizes[key]
        assert total <= 100 * tick + 400
    # Each gets a good part of its share, though large ones are put off while credit is paid back.
    all_priorities = sum(priorities.values())
    for key, size in sizes.items():
        share = 100 * priorities[key] / all_priorities
        assert sent[key] >= min(1200, 1200 * share / size) * 0.2 - 2


def test_one_that_is_larger_than_the_budget_is_sent_and_paid_for() -> None:
    budget = made(10, "large", "small")
    ticks = [served(budget, {"large": 100, "small": 5}, {}) for _ in range(60)]
    sent = Counter(key for tick in ticks for key in tick)
    assert ticks[0] == ["large"]
    assert sent == {"large": 4, "small": 59}
    assert sum({"large": 100, "small": 5}[key] * sent[key] for key in sent) <= 600 + 100


def test_a_large_one_of_little_priority_takes_from_others_only_its_share() -> None:
    budget = made(100, "often", "large")
    sizes, priorities = {"often": 72, "large": 274}, {"often": 1, "large": 0.1}
    sent = Counter(key for _ in range(1000) for key in served(budget, sizes, priorities))
    # What "often" leaves, 28 bytes a tick, is enough for a large one in about ten ticks.
    assert sent["often"] >= 990
    assert 90 <= sent["large"] <= 103


def test_what_is_not_needed_is_not_saved_up() -> None:
    budget = made(10)
    for _ in range(100):
        served(budget, {}, {})
    for key in "abcdef":
        budget.add(key)
    assert len(served(budget, dict.fromkeys("abcdef", 5), {})) == 2


def test_a_newcomer_begins_with_the_next_and_does_not_take_all() -> None:
    budget = made(10, "a", "b")
    sizes = {"a": 10, "b": 10, "new": 10}
    for _ in range(1001):
        served(budget, sizes, {})
    budget.add("new")
    ticks = [served(budget, sizes, {}) for _ in range(9)]
    assert Counter(key for tick in ticks for key in tick) == {"a": 3, "b": 3, "new": 3}


def test_one_with_nothing_to_say_is_left_out_until_it_is_added_again() -> None:
    budget = made(100, "a", "b")
    asked: list[str] = []

    def measure(key: str) -> tuple[int, float] | None:
        asked.append(key)
        return None if key == "a" else (1, 1)

    for _ in range(2):
        budget.begin_tick()
        budget.take(measure)
    budget.add("a")
    budget.begin_tick()
    budget.take(measure)
    assert Counter(asked) == {"a": 2, "b": 3}


def test_an_interrupt_loses_nobody() -> None:
    budget = made(100, "a", "b", "c")

    def measure(key: str) -> tuple[int, float]:
        if key == "b":
            raise KeyboardInterrupt
        return 1, 1

    budget.begin_tick()
    with pytest.raises(KeyboardInterrupt):
        budget.take(measure)
    assert sorted(served(budget, dict.fromkeys("abc", 1), {})) == ["a", "b", "c"]


def test_a_tick_does_not_walk_over_all() -> None:
    """Of 10 000 states, those are touched that are sent."""
    budget = made(100, *map(str, range(10_000)))
    asked: list[str] = []

    def measure(key: str) -> tuple[int, float]:
        asked.append(key)
        return 25, 1

    for _ in range(10):
        budget.begin_tick()
        assert len(budget.take(measure)) == 4
    assert len(asked) == len(set(asked)) == 40


def test_states_too_large_for_now_are_not_all_looked_at() -> None:
    budget = made(10, *map(str, range(1000)))
    asked: list[str] = []

    def measure(key: str) -> tuple[int, float]:
        asked.append(key)
        return 1000, 1

    for _ in range(1000):
        budget.begin_tick()
        budget.take(measure)
    assert 1000 < len(asked) < 8000


@pytest.mark.parametrize("priority", [0, -1, float("nan"), float("inf"), "1", True, 1e-9, 1e9])
def test_what_is_no_priority(priority: float) -> None:
    with pytest.raises(MultiplayerError, match="priority") as caught:
        check_priority(priority)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_what_is_a_priority() -> None:
    assert [check_priority(priority) for priority in (0.001, 1, 1000)] == [0.001, 1, 1000]
