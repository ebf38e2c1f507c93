"""Compiled reading and writing of plain values, held against what is written in Python."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multiplayer import Color, Vector2, Vector3i
from multiplayer.accelerator import pure
from multiplayer.variant import flat_writer
from multiplayer.variant.compact import decode_compact_each, encode_compact
from multiplayer.wire.dialects import array_of_values, flat_values

if TYPE_CHECKING:
    from types import ModuleType

edges = [
    sign * ((1 << bits) + more)
    for bits in (5, 7, 8, 15, 16, 31, 32, 63, 64)
    for sign in (1, -1)
    for more in (-1, 0, 1)
]
doubles = st.binary(min_size=8, max_size=8).map(lambda data: struct.unpack("<d", data)[0])
singles = st.binary(min_size=4, max_size=4).map(lambda data: struct.unpack("<f", data)[0])
text = st.one_of(
    st.text(st.characters(), max_size=80),
    st.integers(0, 260).map("x".__mul__),
    st.integers(120, 130).map("é".__mul__),
    st.sampled_from(["x" * 70_000, "é" * 16]),
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

readable = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([0, -1, 127, -128, 128, 40_000, True, False, None, b"bytes", [2]]),
    doubles,
    singles,
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.just("\ufeffmark"),
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


@given(st.binary(max_size=8), st.lists(plain, max_size=17))
@example(
    b"h" * 2000, [1, Vector2(1, 2), "x" * 250, 1.5, "x" * 250, b"x" * 500, "x" * 252, "x" * 253]
)
@example(b"", ["x" * 252] * 15)
@example(b"", [Whole(3)])
@example(b"", ["\ud800"])
@example(b"", ["a\0", {}])
@example(b"", [[]] * 15)
def test_the_same_arrays_are_written(fast: ModuleType, out: bytes, values: list[object]) -> None:
    expected = pure["array_of"](out, values)
    assert fast.array_of(out, values) == expected
    assert fast.array_of(out, tuple(values)) == expected


@pytest.mark.parametrize("name", ["write_flat", "array_of"])
@pytest.mark.parametrize("wrong", [(b"",), (b"", 5), (b"", None), (b"", [1], 2), ()])
def test_wrong_arguments_are_refused(
    fast: ModuleType, name: str, wrong: tuple[object, ...]
) -> None:
    for function in (pure[name], getattr(fast, name)):
        with pytest.raises(TypeError):
            function(*wrong)


def test_they_are_those_that_calls_are_written_with() -> None:
    assert pure["write_flat"].__module__ == flat_writer.__name__
    assert pure["array_of"].__module__ == array_of_values.__name__


@st.composite
def encoded(draw: st.DrawFn) -> bytes:
    """Values in compact form, often with a byte changed or cut off."""
    data = bytearray()
    for value in draw(st.lists(readable, max_size=6)):
        data += encode_compact(value)
    if data and draw(st.booleans()):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


def exact(values: list[object] | None) -> object:
    """What tells 1 from True and 1.0, -0.0 from 0.0, and NaN from none."""
    return values and [(type(value), repr(value)) for value in values]


@given(st.one_of(encoded(), st.binary(max_size=40)), st.integers(0, 6), st.integers(-1, 8))
@example(bytes(3), 0, 1)
@example(b"\x04\0\0\0\xff\xff\xff\xff", 0, 1)
@example(b"\x04\0\0\0\x03\0\0\0\xef\xbb\xbf\0", 0, 1)
@example(b"\x04\0\0\0\x02\0\0\0\xff\xbb\xbf\0", 0, 1)
def test_the_same_values_are_read(fast: ModuleType, data: bytes, at: int, count: int) -> None:
    expected = pure["read_flat"](data, at, count)
    assert exact(fast.read_flat(data, at, count)) == exact(expected)


@given(encoded())
def test_what_is_read_is_what_the_slow_way_reads(fast: ModuleType, data: bytes) -> None:
    for count in range(5):
        values = fast.read_flat(data, 0, count)
        if values is not None:
            assert exact(values) == exact(decode_compact_each(data, 0, count))


def test_nothing_is_read_before_or_behind_the_bytes(fast: ModuleType) -> None:
    data = b"\x02\x07" * 3
    assert fast.read_flat(data, 2, 2) == [7, 7]
    for at in (-1, -(1 << 40), 6, 7, 1 << 40):
        assert fast.read_flat(data, at, 1) is None
    assert fast.read_flat(data, 0, 1 << 40) is None


def test_it_is_the_one_that_calls_are_read_with() -> None:
    assert pure["read_flat"].__module__ == flat_values.__name__
