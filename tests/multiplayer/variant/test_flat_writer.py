"""``write_flat`` writes what ``encode_compact`` writes, or leaves it to that."""

from __future__ import annotations

from enum import IntEnum
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer import (
    Color,
    MultiplayerError,
    Quaternion,
    StringName,
    Vector2,
    Vector3i,
    encode_compact,
)
from multiplayer.variant.flat_writer import write_flat

from .strategies import GODOT4_VALUES

WIDTHS = [edge for bits in (7, 8, 15, 16, 31, 32, 63, 64) for edge in (1 << bits, -(1 << bits))]
NUMBERS = [each + more for each in WIDTHS for more in (-1, 0, 1)]
PLAIN: list[Any] = [
    *(number for number in NUMBERS if -(1 << 63) <= number < 1 << 63),
    *(0, 0.0, -0.0, 1.5, 0.1, 1e300, 3.4028234663852886e38, 3.4028235677973366e38, inf, -inf, nan),
    *("", "a", "abcd", "é", "x" * 252, "𝄞", True, False, None),
    *(Vector2(1, 2), Vector3i(1, -2, 3), Color(0.1, 0.2, 0.3, 1), Quaternion(0, 0, 0, 1)),
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_have_the_same_bytes(value: object) -> None:
    assert write_flat(b"head", [value]) == b"head" + encode_compact(value)


class Team(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [1 << 63, "a\0b", "\ud800", "x" * 253, b"", [1], {}, Team.RED, StringName("a"), object()],
    ids=lambda value: type(value).__name__,
)
def test_the_rest_is_left_to_the_other_way(value: object) -> None:
    assert write_flat(b"", [1, value, 2]) is None


@given(st.lists(GODOT4_VALUES, max_size=6))
@settings(deadline=None)
def test_any_values_are_written_alike_or_not_at_all(values: list[Any]) -> None:
    written = write_flat(b"", values)
    try:
        expected = b"".join(map(encode_compact, values))
    except MultiplayerError:
        assert written is None
    else:
        assert written in (None, expected)
