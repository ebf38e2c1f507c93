"""Chance: the published generator, tables that are what they claim, the same everywhere."""

from __future__ import annotations

import math

from multiplayer.testing.simulation.chance import EXPONENTIAL, EXPONENTIAL_MEAN, MILLION, Chance


def reference_words(state: int, count: int) -> list[int]:
    """The C code of the paper, with its 64-bit unsigned arithmetic."""
    words: list[int] = []
    for _ in range(count):
        state ^= state >> 12
        state = (state ^ (state << 25)) % 2**64
        state ^= state >> 27
        words.append(state * 2685821657736338717 % 2**64)
    return words


def test_its_words_are_those_of_the_published_generators() -> None:
    """SplitMix64's first output for 0 is published with it; then xorshift64*, step by step."""
    chance = Chance(0)
    assert chance._state == 0xE220A8397B1DCDAF
    assert [chance.word() for _ in range(100)] == reference_words(0xE220A8397B1DCDAF, 100)


def test_the_vector() -> None:
    """What must never change, on any machine and Python."""
    chance = Chance(0)
    words = [chance.word() for _ in range(4)]
    expected = (0x7BBCB40D550682D0, 0xDE7FE413D00CC9FD, 0xB3C638353C668C91, 0xE073AFC0949195FC)
    assert words == [*expected]
    chance = Chance(3)
    assert [chance.below(10) for _ in range(12)] == [8, 2, 7, 4, 1, 3, 6, 4, 1, 5, 0, 5]
    assert [chance.exponential(1000) for _ in range(6)] == [504, 259, 1727, 1869, 1029, 770]
    assert [chance.happens(300_000) for _ in range(8)] == [*map(bool, (0, 0, 0, 0, 1, 1, 0, 0))]
    assert Chance(7).branch(1, 2).word() == 16109897522317054145
    assert Chance(7).branch(2, 1).word() == 11561316359760188287


def test_the_table_is_the_exponential_distribution() -> None:
    """Written out, because ``log`` may differ in its last bit; not by a whole unit, though."""
    steps = len(EXPONENTIAL)
    for place, value in enumerate(EXPONENTIAL):
        quantile = -math.log(1 - (place + 0.5) / steps) * EXPONENTIAL_MEAN
        assert abs(value - quantile) <= 1
    assert abs(sum(EXPONENTIAL) / steps - EXPONENTIAL_MEAN) < 2


def test_each_is_as_likely_as_it_should_be() -> None:
    """Within five standard deviations, of one seed: it cannot fail by chance."""
    chance = Chance(11)
    tries = 20_000
    found = sum(chance.happens(MILLION // 50) for _ in range(tries))
    assert abs(found - tries / 50) < 5 * math.sqrt(tries * 0.02 * 0.98)
    dice = [chance.below(6) for _ in range(tries)]
    for side in range(6):
        assert abs(dice.count(side) - tries / 6) < 5 * math.sqrt(tries / 6 * 5 / 6)
    drawn = [chance.exponential(50_000) for _ in range(tries)]
    assert abs(sum(drawn) / tries - 50_000) < 5 * 50_000 / math.sqrt(tries)
    assert min(drawn) >= 0
    assert max(drawn) < 6.3 * 50_000


def test_what_never_and_what_always_happens() -> None:
    chance = Chance(1)
    assert not any(chance.happens(0) for _ in range(1000))
    assert all(chance.happens(MILLION) for _ in range(1000))
    assert {chance.pick("abc") for _ in range(100)} == {*"abc"}


def test_a_branch_does_not_depend_on_what_was_drawn_from_others() -> None:
    root = Chance(5)
    first, second = root.branch(1), root.branch(2)
    first.word()
    assert second.word() == Chance(5).branch(2).word()
    assert Chance(5).branch(1).word() != Chance(5).branch(2).word()
