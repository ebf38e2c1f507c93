"""What must hold for all values and for all bytes."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer import (
    DecodeError,
    MsgpackCodec,
    MultiplayerError,
    VariantCodec,
    Vector2,
    decode_compact_from,
    decode_variant_from,
    encode_compact,
    encode_variant,
)
from multiplayer.variant.compact import compact_encoder

from .strategies import GODOT3_VALUES, GODOT4_VALUES, kinds

if TYPE_CHECKING:
    from collections.abc import Callable

CODECS = {"3": VariantCodec(3), "4": VariantCodec(4), "msgpack": MsgpackCodec()}
VALUES = {"3": GODOT3_VALUES, "4": GODOT4_VALUES, "msgpack": GODOT4_VALUES}

unhurried = settings(deadline=None)
every_codec = pytest.mark.parametrize("name", CODECS)


def outcome(decode: Callable[[], Any]) -> Any:
    """Return what ``decode`` returns, or its DecodeError; anything else fails the test."""
    try:
        return decode()
    except DecodeError as error:
        return error


def check_outcome(name: str, data: bytes) -> None:
    result = outcome(lambda: CODECS[name].decode(data))
    if isinstance(result, DecodeError):
        assert result.reason
        assert 0 <= result.offset <= len(data)
    else:
        assert repr(result)


@every_codec
@unhurried
@given(draw=st.data())
def test_decoding_gives_back_what_was_encoded(name: str, draw: Any) -> None:
    value = draw.draw(VALUES[name])
    decoded = CODECS[name].decode(CODECS[name].encode(value))
    assert decoded == value
    assert kinds(decoded) == kinds(value)


@unhurried
@given(GODOT4_VALUES, st.binary(max_size=5), st.binary(max_size=5))
def test_compact_form_in_the_middle_of_bytes(value: Any, before: bytes, after: bytes) -> None:
    compact = encode_compact(value)
    decoded, end = decode_compact_from(before + compact + after, len(before))
    assert decoded == value
    assert kinds(decoded) == kinds(value)
    assert end == len(before) + len(compact)


@unhurried
@given(st.one_of(GODOT4_VALUES, st.floats().map(lambda x: Vector2(x, 1e300))))
def test_the_encoder_of_one_level_writes_the_compact_form(value: Any) -> None:
    for level in ((4, 0), (4, 4)):
        try:
            expected: Any = encode_compact(value, level=level)
        except MultiplayerError as error:
            expected = error.message
        try:
            written: Any = compact_encoder(level)(value)
        except MultiplayerError as error:
            written = error.message
        assert written == expected


@unhurried
@given(GODOT4_VALUES, st.binary(max_size=5))
def test_buffers_of_all_kinds(value: Any, before: bytes) -> None:
    data = before + encode_variant(value)
    expected = decode_variant_from(data, len(before))
    assert decode_variant_from(bytearray(data), len(before)) == expected
    assert decode_variant_from(memoryview(data), len(before)) == expected
    assert expected == (value, len(data))


@every_codec
@unhurried
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    check_outcome(name, data)


@unhurried
@given(st.binary(max_size=60), st.integers(-3, 70))
def test_arbitrary_compact_bytes(data: bytes, offset: int) -> None:
    result = outcome(lambda: decode_compact_from(data, offset))
    assert isinstance(result, DecodeError) or offset < result[1] <= len(data)


@every_codec
@unhurried
@given(draw=st.data())
def test_every_truncation(name: str, draw: Any) -> None:
    data = CODECS[name].encode(draw.draw(VALUES[name]))
    for length in range(len(data)):
        check_outcome(name, data[:length])


@every_codec
@unhurried
@given(draw=st.data(), byte=st.integers(1, 255))
def test_every_change_of_a_single_byte(name: str, draw: Any, byte: int) -> None:
    data = CODECS[name].encode(draw.draw(VALUES[name]))
    for index in range(len(data)):
        changed = bytearray(data)
        changed[index] ^= byte
        check_outcome(name, bytes(changed))


def peak_of_decoding(name: str, data: bytes) -> int:
    """Return how many bytes were in use at once."""
    tracemalloc.start()
    try:
        outcome(lambda: CODECS[name].decode(data))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def most_memory(name: str, size: int) -> int:
    """Return what decoding may take: a dictionary of one, of 232 bytes, comes as 24 or as 3."""
    if name == "msgpack":
        return 88 * size + 65_536  # msgpack's reader has a fixed stack of 43 kB
    return 32 * size + 16_384


BOMBS = {
    "array of 2^31-1": ("4", bytes.fromhex("1c000000ffffff7f") + bytes(4096)),
    "dictionary of 2^31-1": ("4", bytes.fromhex("1b000000ffffff7f") + bytes(4096)),
    "strings of 2^31-1": ("4", bytes.fromhex("22000000ffffff7f") + bytes(4096)),
    "vectors of 2^31-1": ("4", bytes.fromhex("24000000ffffff7f") + bytes(4096)),
    "path of 2^31-1": ("4", bytes.fromhex("16000000ffffffffffffff7f00000000") + bytes(4096)),
    "arrays in arrays": ("4", bytes.fromhex("1c00000001000000") * 20_000),
    "arrays of 2^31-1 in arrays, 3": ("3", bytes.fromhex("13000000ffffff7f") * 500),
    "empty dictionaries": (
        "4",
        bytes.fromhex("1c000000e8030000") + bytes.fromhex("1b00000000000000") * 1000,
    ),
    "msgpack arrays that all claim the rest": ("msgpack", b"\xdd\x00\x00\x20\x00" * 2000),
    "msgpack arrays of 15": ("msgpack", b"\x9f" * 9000),
    "msgpack maps": ("msgpack", b"\xdf\x00\x00\x20\x00" * 2000),
    "msgpack empty dictionaries": ("msgpack", b"\xdd\x00\x01\x86\xa0" + b"\x80" * 100_000),
    "msgpack dictionaries of one": ("msgpack", b"\xdd\x00\x01\x86\xa0" + b"\x81\xc0\xc0" * 100_000),
    "msgpack arrays in a key": ("msgpack", b"\x81" + b"\x91" * 900 + b"\xc0\xc0"),
    "msgpack long binary": ("msgpack", b"\xc6\x7f\xff\xff\xff" + bytes(4096)),
    "msgpack long extension": ("msgpack", b"\xc9\x7f\xff\xff\xff\x05" + bytes(4096)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_allocate_a_small_multiple_of_their_size(bomb: str) -> None:
    name, data = BOMBS[bomb]
    peak_of_decoding(name, data)  # what is made once only does not count
    assert peak_of_decoding(name, data) < most_memory(name, len(data))


@every_codec
@unhurried
@given(draw=st.data())
def test_damaged_bytes_allocate_a_small_multiple_of_their_size(name: str, draw: Any) -> None:
    data = bytearray(CODECS[name].encode(draw.draw(VALUES[name])))
    for index in draw.draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=8)):
        data[index] = draw.draw(st.sampled_from([0, 1, 0x13, 0x1B, 0x1C, 0x7F, 0xDC, 0xDD, 0xFF]))
    peak_of_decoding(name, bytes(data))
    assert peak_of_decoding(name, bytes(data)) < most_memory(name, len(data))
