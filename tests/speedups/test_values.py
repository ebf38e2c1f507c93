"""Compiled writing of plain values, held against what is written in Python."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from multiplayer import Color, Vector2, Vector3i
from multiplayer.accelerator import pure
from multiplayer.variant import flat_writer

if TYPE_CHECKING:
    from types import ModuleType

edges = [
    sign * ((1 << bits) + more)
    for bits in (7, 15, 31, 63)
    for sign in (1, -1)
    for more in (-1, 0, 1)
]
doubles = st.binary(min_size=8, max_size=8).map(lambda data: struct.unpack("<d", data)[0])
singles = st.binary(min_size=4, max_size=4).map(lambda data: struct.unpack("<f", data)[0])
text = st.one_of(
    st.text(st.characters(), max_size=80),
    st.integers(0, 260).map("x".__mul__),
    st.integers(120, 130).map("é".__mul__),
)
plain = st.one_of(
    st.sampled_from([*edges, 0, 1 << 70, True, False, None, 3.4028234663852886e38, 3.5e38]),
    st.integers(-(1 << 66), 1 << 66),
    doubles,
    singles,
    text,
    st.builds(Vector2, singles, singles),
    st.just(Color(1, 0.5, 0.25)),
    st.builds(Vector3i, st.integers(-(1 << 33), 1 << 33), st.just(1), st.just(2)),
    st.sampled_from([b"bytes", [1], {}, object(), 1j]),
)


class Whole(int):
    """Not an int to those who look for exactly that."""


@given(st.binary(max_size=8), st.lists(plain, max_size=12))
@example(b"", ["x" * 252] * 12)
@example(
    b"h" * 2000, [1, Vector2(1, 2), "x" * 250, 1.5, "x" * 250, None, "x" * 252, "x" * 252, 1.1]
)
@example(b"", [Whole(3)])
@example(b"", ["\ud800"])
@example(b"", ["a\0"])
def test_the_same_bytes_are_written(fast: ModuleType, out: bytes, values: list[object]) -> None:
    expected = pure["write_flat"](out, values)
    assert fast.write_flat(out, values) == expected
    assert fast.write_flat(out, tuple(values)) == expected


def test_it_is_the_one_that_calls_are_written_with() -> None:
    assert pure["write_flat"].__module__ == flat_writer.__name__
