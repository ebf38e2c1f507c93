"""The real Godot 4.6 reads what we write and writes what we read."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import DecodeError, MultiplayerError, TypedDictionary, VariantCodec, VariantType
from tests.interop.values import damaged, has_path, values

if TYPE_CHECKING:
    from tests.interop.godot4.engine import Godot4

pytestmark = pytest.mark.native4

VERSION = 4
CODEC = VariantCodec(VERSION)

IN_ARRAY = struct.pack("<II", VariantType.ARRAY, 1)
"""The values are read out of an array, since null is what the engine makes of bytes it refuses."""

ANSWER = """
var answers := []
for bytes in args:
	var found = bytes_to_var(bytes)
	answers.append(null if found == null else var_to_bytes(found).hex_encode())
return JSON.stringify(answers)
"""


async def answers(godot: Godot4, encodings: list[bytes]) -> list[bytes | None]:
    """Return how the engine encodes what it decodes ``encodings`` to; None where it refuses."""
    text = await godot.do(ANSWER, *(IN_ARRAY + encoding for encoding in encodings))
    found: list[str | None] = json.loads(json.loads(text))
    assert len(found) == len(encodings)
    return [None if answer is None else bytes.fromhex(answer)[len(IN_ARRAY) :] for answer in found]


async def test_values_there_and_back(godot4: Godot4) -> None:
    sent = values(VERSION)
    assert len(sent) >= 400
    encodings = [CODEC.encode(value) for value in sent]
    assert {encoding[0] for encoding in encodings} == {*VariantType} - {VariantType.OBJECT}
    returned = await answers(godot4, encodings)
    for value, encoding, answer in zip(sent, encodings, returned, strict=True):
        assert answer is not None, repr(value)
        assert repr(CODEC.decode(answer)) == repr(value)
        if not has_path(value):  # the engine leaves a NodePath's padding as it was in memory
            assert answer == encoding, repr(value)


ODD = {
    "text cut at NUL before bad UTF-8": "04000000040000006100ffff",
    "NUL inside a character": "0400000004000000c3006161",
    "surrogates": "0400000004000000eda0bd00",
    "overlong form": "0400000004000000c1810000",
    "text without its padding": "040000000100000061",
    "path without its padding": "160000000100008000000000000000000100000061",
    "path with a subname more": "1600000001000080000000000200000001000000610000000100000062000000",
    "path with all flags": "160000000100008000000000ff00000001000000610000000100000062000000",
    "old path": "160000000100000061000000",
    "bytes without padding in an array": "1c000000010000001d00000001000000ff",
    "string array with NUL inside": "22000000010000000400000061006200",
    "string array without NUL": "22000000010000000400000061626364",
    "negative bytes": "1d000000ffffffff",
    "negative string array": "22000000ffffffff",
    "text of length -1": "04000000ffffffff",
    "array that was shared": "1c000000010000800200000001000000",
    "no such type": "27000000",
    "no such element type": "1c0001002700000000000000",
    "no element type": "1c000100000000000100000002000000ff000000",
    "array of a class": "1c000200040000004e6f646500000000",
    "wide int": "02000100010000000200000003",
    "same key twice": "1b0000000200000002000000010000000200000005000000020000000100000002000000"
    "06000000",
}


def value_or_error(data: bytes) -> Any:
    try:
        return CODEC.decode(data)
    except DecodeError as error:
        return error


async def test_bad_bytes_are_refused_as_by_the_engine(godot4: Godot4) -> None:
    encodings = [CODEC.encode(value) for value in values(VERSION)]
    inputs = [*map(bytes.fromhex, ODD.values()), *damaged(encodings)]
    refused = 0
    for data, answer in zip(inputs, await answers(godot4, inputs), strict=True):
        value = value_or_error(data)
        assert isinstance(value, DecodeError) == (answer is None), (data.hex(), value)
        refused += answer is None
        if answer is not None:
            assert repr(CODEC.decode(answer)) == repr(value), data.hex()
    assert refused > 200
    assert len(inputs) - refused > 100


def typed_dictionary(key: object, value: object) -> bytes:
    """Return an encoded Dictionary[int, int] of {7: 8} and this pair, fit or not."""
    pairs = [*map(CODEC.encode, (7, 8, key, value))]
    head = struct.pack(
        "<IIII", 5 << 16 | VariantType.DICTIONARY, VariantType.INT, VariantType.INT, 2
    )
    return b"".join([head, *pairs])


async def text_of(godot: Godot4, data: bytes) -> str:
    return " ".join((await godot.do("return bytes_to_var(args[0])", data)).split())


async def test_unfit_keys_of_a_typed_dictionary_are_dropped(godot4: Godot4) -> None:
    for key in ("x", None, [1]):
        data = typed_dictionary(key, 1)
        assert await text_of(godot4, data) == "Dictionary[int, int]({ 7: 8 })"
        assert CODEC.decode(data) == TypedDictionary(VariantType.INT, VariantType.INT, {7: 8})


async def test_unfit_values_of_a_typed_dictionary_are_kept(godot4: Godot4) -> None:
    for value, text in (("x", '"x"'), (None, "null"), ([1], "[1]")):
        data = typed_dictionary(9, value)
        assert await text_of(godot4, data) == f"Dictionary[int, int]({{ 7: 8, 9: {text} }})"
        found = CODEC.decode(data)
        assert found == TypedDictionary(VariantType.INT, VariantType.INT, {7: 8, 9: value})
        assert (await answers(godot4, [data])) == [data]
        with pytest.raises(MultiplayerError, match=r"at \[9\]: .* does not fit"):
            CODEC.encode(found)
