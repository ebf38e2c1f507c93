"""How deep msgpack values are nested: found out quickly, and right."""

from __future__ import annotations

from typing import cast

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import DecodeError, MsgpackCodec, MultiplayerError, TypedArray, VariantType
from multiplayer.codecs import nesting

VALUES = st.recursive(
    st.none() | st.integers(0, 300) | st.binary(max_size=5) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 9), inner),
    max_leaves=60,
)


def depth_of(value: object) -> int:
    """How many containers the innermost thing is inside of, by the plainest way to count."""
    parts: list[object] = []
    if isinstance(value, dict):
        parts = [*cast("dict[object, object]", value).values()]
    elif isinstance(value, list):
        parts = cast("list[object]", value)
    return 1 + max(map(depth_of, parts)) if parts else 0


@given(VALUES, st.integers(1, 8))
def test_as_deep_as_it_may_be_and_no_deeper(value: object, max_depth: int) -> None:
    data = msgpack.packb([*range(20), value])
    codec = MsgpackCodec(max_depth=max_depth)
    if depth_of(value) + 1 <= max_depth:
        assert codec.decode(data) == [*range(20), value]
        assert codec.encode([*range(20), value]) == data
        return
    with pytest.raises(DecodeError, match=f"nested deeper than {max_depth}"):
        codec.decode(data)
    with pytest.raises(MultiplayerError, match=f"nested deeper than {max_depth}|contains itself"):
        codec.encode([*range(20), value])


@pytest.mark.parametrize("max_depth", [1, 63, 64, 500, 1022])
def test_every_level_counts(max_depth: int) -> None:
    codec, long = MsgpackCodec(max_depth=max_depth), b"\xd9\xc8" + b"x" * 200
    for innermost in (long, b"\x90", b"\x80"):
        at_most = b"\x92\x01" * max_depth + innermost
        codec.decode(at_most)
        with pytest.raises(DecodeError, match="nested"):
            codec.decode(b"\x92" + long + at_most.replace(b"\x90", b"\x91\x01"))
        codec.decode(at_most)  # what was too deep leaves nothing behind


def test_keys_and_map_values_count() -> None:
    codec = MsgpackCodec(max_depth=4)
    filling = b"\xd9\xc8" + b"x" * 200
    codec.decode(b"\x92" + filling + b"\x81\x01" * 3 + b"\x02")
    for too_deep in (b"\x81\x01" * 4 + b"\x02", b"\x81\x01\x91\x81\x91\x91\x07\x08"):
        with pytest.raises(DecodeError, match="nested"):
            codec.decode(b"\x92" + filling + too_deep)


def test_extension_types_count_also_among_much_else() -> None:
    wide, narrow = MsgpackCodec(max_depth=10), MsgpackCodec(max_depth=3)
    fits = [[*range(100)], [TypedArray(VariantType.ARRAY, [[]])]]
    assert narrow.decode(narrow.encode(fits)) == fits
    too_deep = [[*range(100)], [TypedArray(VariantType.ARRAY, [[1]])]]
    data = wide.encode(too_deep)
    with pytest.raises(DecodeError, match="nested"):
        narrow.decode(data)
    with pytest.raises(MultiplayerError, match="nested"):
        narrow.encode(too_deep)


def test_a_msgpack_that_counts_differently_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nesting, "_counts_levels", lambda: False)
    codec = MsgpackCodec(max_depth=3)
    assert codec.decode(b"\x91\x92\x91\x01\x02") == [[[1], 2]]
    with pytest.raises(DecodeError, match="nested"):
        codec.decode(b"\x91\x92\x91\x91\x01\x02")


def test_this_msgpack_is_trusted() -> None:
    if msgpack.Unpacker.__module__ == "msgpack.fallback":
        pytest.skip("msgpack without C does not count levels")
    assert nesting._counts_levels()
