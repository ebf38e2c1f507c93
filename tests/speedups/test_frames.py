"""Compiled reading and masking of frames, held against what is written in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer.accelerator import pure
from peers.websocket import common_frames

if TYPE_CHECKING:
    from types import ModuleType

payloads = st.binary(max_size=140)
firsts = st.sampled_from([0x82, 0x82, 0x82, 0x82, 0x81, 0x02, 0x80, 0x88, 0x89, 0xC2])
lengths = st.one_of(st.none(), st.none(), st.none(), st.integers(0, 255))


@st.composite
def frames(draw: st.DrawFn, *, masked: bool) -> bytes:
    """A frame: most are common, some are of another kind, have another length or another mask."""
    payload = draw(payloads)
    length = draw(lengths)
    mask = masked if draw(st.integers(0, 19)) else not masked
    second = (len(payload) & 0x7F | (0x80 if mask else 0)) if length is None else length
    key = draw(st.binary(min_size=4, max_size=4)) if mask else b""
    return bytes((draw(firsts), second)) + key + payload


@st.composite
def streams(draw: st.DrawFn, *, masked: bool) -> bytes:
    """Frames, with an incomplete one at the end."""
    data = b"".join(draw(st.lists(frames(masked=masked), max_size=12)))
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


def both(
    fast: ModuleType, name: str, data: bytes, at: int, longest: int, room: int
) -> list[tuple[int, list[bytes]]]:
    found: list[tuple[int, list[bytes]]] = []
    for read in (pure[name], getattr(fast, name)):
        for source in (data, bytearray(data)):
            packets = [b"before"]
            found.append((read(source, at, len(data), longest, room, packets), packets))
    return found


@pytest.mark.parametrize("name", ["read_masked", "read_unmasked"])
@given(st.data())
def test_the_same_frames_are_read(fast: ModuleType, name: str, drawn: Any) -> None:
    data = drawn.draw(streams(masked=name == "read_masked"))
    at = drawn.draw(st.integers(0, len(data)))
    longest = drawn.draw(st.sampled_from([125, 125, 125, 7, 1]))
    room = drawn.draw(st.sampled_from([256, 256, 3, 1, 0]))
    first, *others = both(fast, name, data, at, longest, room)
    assert others == [first] * 3


def test_they_are_those_that_the_frames_use() -> None:
    assert {"read_masked", "read_unmasked"} <= {*pure}
    assert pure["read_masked"].__module__ == common_frames.__name__


@pytest.mark.parametrize("name", ["read_masked", "read_unmasked"])
def test_nothing_is_read_beyond_what_there_is(fast: ModuleType, name: str) -> None:
    read = getattr(fast, name)
    frame = b"\x82\xfd" + bytes(60) if name == "read_masked" else b"\x82\x7d" + bytes(60)
    for end in (-5, 0, 1, 5, 7, 62, 10_000, 1 << 62):
        assert read(frame, 0, end, 125, 256, []) == 0
        assert read(frame, 1 << 62, end, 125, 256, []) == 1 << 62
        assert read(frame, -3, end, 1 << 40, 256, []) == -3
    with pytest.raises(TypeError):
        read(memoryview(frame), 0, 62, 125, 256, [])


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_a_mask_is_applied(fast: ModuleType, data: bytes, key: bytes) -> None:
    masked = bytes(byte ^ key[place % 4] for place, byte in enumerate(data))
    assert fast.masked(data, key) == fast.masked(bytearray(data), bytearray(key)) == masked
    assert pure["masked"](data, key) == masked


@given(st.binary(max_size=130), st.integers(0, (1 << 32) - 1))
def test_a_common_frame_is_written(fast: ModuleType, data: bytes, key: int) -> None:
    if len(data) > 125:
        with pytest.raises(ValueError, match="at most 125 bytes"):
            fast.write_masked(data, key)
        return
    frame = fast.write_masked(data, key)
    assert frame == pure["write_masked"](data, key)
    assert frame == bytes((0x82, 0x80 | len(data))) + (mask := key.to_bytes(4)) + pure["masked"](
        data, mask
    )


class Octets(bytes):
    """As a program may have them."""


class Three(Octets):
    def __len__(self) -> int:
        return 3


class Four(Octets):
    def __len__(self) -> int:
        return 4


def test_nothing_is_believed_of_how_long_it_says_it_is(fast: ModuleType) -> None:
    key = b"\1\2\3\4"
    assert fast.masked(Octets(b"hello"), key) == pure["masked"](b"hello", key)
    with pytest.raises(OverflowError):  # as without speedups
        pure["masked"](Three(b"hello"), key)
    with pytest.raises(OverflowError):
        fast.masked(Three(b"hello"), key)
    with pytest.raises(TypeError):
        fast.masked(b"hello", Four(key))
    for source in (Octets(b"\x82\1a"), Four(b"\x82\1ab")):
        with pytest.raises(TypeError):
            fast.read_unmasked(source, 0, 4, 125, 256, [])


def test_what_is_no_mask_is_left_to_the_other(fast: ModuleType) -> None:
    assert fast.masked(b"\x03\xe8", bytes(2)) == b"\x03\xe8"
