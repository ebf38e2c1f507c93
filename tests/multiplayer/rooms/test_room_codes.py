"""``multiplayer.rooms.room_codes``: short, without look-alikes, longer when there are many."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import MultiplayerError
from multiplayer.rooms.room_codes import ALPHABET, SHORTEST, draw_code, length_of, spelled

LOOK_ALIKES = ("0O", "1IL", "2Z", "5S", "8B", "UV")


def test_no_letter_looks_like_another_and_no_word_comes_of_them() -> None:
    for group in LOOK_ALIKES:
        assert len([letter for letter in ALPHABET if letter in group]) <= 1
    assert not {*ALPHABET} & {*"AEIOU"}
    assert len({*ALPHABET}) == len(ALPHABET)


@given(st.integers(0, 10_000_000))
def test_there_are_a_thousand_codes_for_each_room(count: int) -> None:
    length = length_of(count)
    assert length >= SHORTEST
    assert len(ALPHABET) ** length >= 1000 * count
    assert length == SHORTEST or len(ALPHABET) ** (length - 1) < 1000 * count


@given(st.integers(0, 2**32), st.integers(1, 400))
def test_no_code_is_given_twice(seed: int, count: int) -> None:
    bits = random.Random(seed).getrandbits
    codes: set[str] = set()
    for number in range(count):
        codes.add(draw_code(bits, codes.__contains__, number))
    assert len(codes) == count
    assert all(len(code) >= SHORTEST and {*code} <= {*ALPHABET} for code in codes)


def test_all_letters_are_as_likely() -> None:
    bits = random.Random(7).getrandbits
    drawn = "".join(draw_code(bits, lambda _: False, 0) for _ in range(5500))
    for letter in ALPHABET:
        assert 800 < drawn.count(letter) < 1200  # 1000 on average


@pytest.mark.parametrize("bits", [lambda _: 31, lambda _: 3])
def test_bits_that_are_not_random_end(bits: object) -> None:
    assert draw_code(bits, lambda _: False, 0)  # type: ignore[arg-type]
    with pytest.raises(MultiplayerError, match="not random"):
        draw_code(bits, lambda _: True, 0)  # type: ignore[arg-type]


@given(st.text(ALPHABET, min_size=4, max_size=8), st.data())
def test_what_somebody_types_is_the_code(code: str, data: st.DataObject) -> None:
    typed = ""
    for letter in code:
        typed += data.draw(st.sampled_from([letter, letter.lower(), f"-{letter}", f" {letter} "]))
    assert spelled(typed) == code
