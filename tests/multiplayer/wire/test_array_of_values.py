"""The short way to write states and arguments writes what the codec writes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from multiplayer import Color, MsgpackCodec, Quaternion, Rect2, Vector2, Vector2i, Vector3, Vector4
from multiplayer.wire.dialects.array_of_values import array_of

CODEC = MsgpackCodec()

floats = st.floats(width=32)
simple = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(st.characters(codec="utf-8")),
    st.binary(),
    st.builds(Vector2, floats, floats),
    st.builds(Vector3, floats, floats, floats),
    st.builds(Vector4, floats, floats, floats, floats),
    st.builds(Quaternion, floats, floats, floats, floats),
    st.builds(Color, floats, floats, floats, floats),
)


@given(st.binary(max_size=8), st.lists(simple, max_size=15))
def test_simple_values_are_as_the_codec_writes_them(out: bytes, values: list[Any]) -> None:
    assert array_of(out, values) == out + CODEC.encode(values)
    assert array_of(out, tuple(values)) == out + CODEC.encode(values)


def test_others_take_the_codec() -> None:
    for value in ([1], {}, Vector2i(1, 2), Rect2(1, 2, 3, 4), 2**64, "\ud800", object()):
        assert array_of(b"", [5, value]) is None
    assert array_of(b"", [5] * 15) is not None
    assert array_of(b"", [5] * 16) is None


def test_floats_too_large_for_32_bits() -> None:
    values = [Vector2(1e300, 0)]
    assert array_of(b"", values) in (None, CODEC.encode(values))
