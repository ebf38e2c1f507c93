"""The real Godot 4.6 reads what we write and writes what we read."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import DecodeError, VariantCodec, VariantType, decode_variant
from tests.interop.values import damaged, has_path, values

if TYPE_CHECKING:
    from tests.interop.godot4.engine import Godot4

pytestmark = pytest.mark.godot4

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
