"""What goes straight to a method of a NATIVE call is what the codec reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multiplayer import Color, DecodeError, MsgpackCodec, Rect2, Vector2, Vector2i, Vector3
from multiplayer.wire.dialects.flat_values import read_flat_msgpack

from .test_array_of_values import simple

CODEC = MsgpackCodec()


def exact(values: object) -> object:
    """What tells 1 from True and 1.0, -0.0 from 0.0, and NaN from none."""
    assert isinstance(values, list)
    return [(type(value), repr(value)) for value in values]


@given(st.lists(simple, max_size=15))
@example([1, Vector2(1, 2), Vector3(1, 2, 3), Color(1, 0.5, 0.25, 1), "text"])
def test_plain_values_and_vectors_are_read(values: list[Any]) -> None:
    data = CODEC.encode(values)
    read = read_flat_msgpack(b"head" + data, 5, len(values))
    assert exact(read) == exact(CODEC.decode(data))


@given(st.lists(simple, max_size=4), st.data())
@example([Vector2(1, 2)], None)
def test_changed_bytes_are_read_as_by_the_codec_or_not_at_all(values: list[Any], data: Any) -> None:
    packet = bytearray(CODEC.encode(values))
    if data is not None:
        place = data.draw(st.integers(1, max(1, len(packet) - 1)))
        packet[place:place] = data.draw(st.binary(max_size=3))
        del packet[data.draw(st.integers(1, len(packet))) :]
    read = read_flat_msgpack(bytes(packet), 1, len(values))
    if read is not None:
        assert exact(read) == exact(CODEC.decode(packet))


@pytest.mark.parametrize(
    "value",
    [[1], {}, {1: 2}, Vector2i(1, 2), Rect2(1, 2, 3, 4), [Vector2(1, 2)]],
    ids=repr,
)
def test_others_are_not(value: object) -> None:
    assert read_flat_msgpack(CODEC.encode([5, value]), 1, 2) is None


@pytest.mark.parametrize(
    "content",
    [
        "d70500000000000000",
        "c7040500000000",
        "d6ff00000000",
        "d50500",
        "d40500",
        "c7100500" + 15 * "00",
    ],
)
def test_extension_types_that_are_no_vectors_are_not(content: str) -> None:
    data = b"\x91" + bytes.fromhex(content)
    read = read_flat_msgpack(data, 1, 1)
    try:
        expected = CODEC.decode(data)
    except DecodeError:
        assert read is None
    else:
        assert read is None or exact(read) == exact(expected)
