"""The bytes of real engines: every recorded encoding and every recorded answer to bad bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from multiplayer import (
    DecodeError,
    decode_compact_from,
    decode_variant,
    decode_variant_from,
    encode_compact,
    encode_variant,
)
from tests.multiplayer.recorded_values import from_expression, masked, python_value

VECTORS = Path(__file__).parents[2] / "vectors"


def json_lines(name: str) -> list[dict[str, Any]]:
    text = (VECTORS / "godot3" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


GODOT3 = json_lines("variant.jsonl")
GODOT3_DECODE = json_lines("variant_decode.jsonl")
GODOT4 = json.loads((VECTORS / "godot4" / "variants.json").read_text(encoding="utf-8"))


def has_nan(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_nan(key) or has_nan(item) for key, item in value.items())
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return False
    return any(map(has_nan, value))


def expressions() -> list[tuple[dict[str, Any], Any]]:
    pairs: list[tuple[dict[str, Any], Any]] = []
    for record in GODOT4["encode"]:
        try:
            pairs.append((record, from_expression(record["expr"])))
        except (LookupError, NameError, SyntaxError, AttributeError, TypeError, ValueError):
            continue
    return pairs


EXPRESSIONS = [
    (record, value)
    for record, value in expressions()
    if "nul\\u" not in record["expr"]
    and "PackedByteArray" not in record["expr"]
    and "range" not in record["expr"]
    and not record["expr"].startswith('Color("')
]


def test_most_expressions_are_compared() -> None:
    assert len(EXPRESSIONS) > 70


@pytest.mark.parametrize(
    ("record", "value"), EXPRESSIONS, ids=[record["expr"] for record, _ in EXPRESSIONS]
)
def test_godot4_expression(record: dict[str, Any], value: Any) -> None:
    data = bytes.fromhex(record["var_to_bytes_hex"])
    assert masked(encode_variant(value), record.get("unspecified_offsets", [])) == data
    decoded = decode_variant(data)
    assert type(decoded) is type(value)
    assert decoded == decode_variant(encode_variant(value)) or has_nan(value)


@pytest.mark.parametrize("record", GODOT3, ids=lambda record: record["expr"])
def test_godot3_value(record: dict[str, Any]) -> None:
    data = bytes.fromhex(record["hex"])
    if data[:4] == b"\x11\0\0\0":
        with pytest.raises(DecodeError, match="never decoded"):
            decode_variant(data, 3)
        return
    value = python_value(record["value"])
    assert encode_variant(value, 3) == data
    decoded, end = decode_variant_from(data, 0, 3)
    assert end == len(data)
    assert type(decoded) is type(value)
    assert repr(decoded) == repr(value)
    assert decoded == value or has_nan(value)


@pytest.mark.parametrize("record", GODOT3_DECODE, ids=lambda record: record["note"])
def test_godot3_takes_and_refuses(record: dict[str, Any]) -> None:
    data = bytes.fromhex(record["hex"])
    if not record["ok"] or record["allow_objects"]:  # whole objects are never decoded
        with pytest.raises(DecodeError):
            decode_variant(data, 3)
        return
    if record["type"] == "Object" and record["str"] == "[Object:null]":
        assert decode_variant_from(data, 0, 3) == (None, len(data))
        return
    value = decode_variant(data, 3)
    # NodePath's padding is what happened to be in the engine's buffer: compared after decoding.
    again = bytes.fromhex(record["reencoded"])
    assert value == decode_variant(again, 3)
    assert len(encode_variant(value, 3)) == len(again)
    if "value" in record:
        assert value == python_value(record["value"])
    if record["type"] != "NodePath":
        assert encode_variant(value, 3) == again


@pytest.mark.parametrize("record", GODOT4["encode"], ids=lambda record: record["expr"])
def test_godot4_value(record: dict[str, Any]) -> None:
    unspecified = record.get("unspecified_offsets", [])
    data = bytes.fromhex(record["var_to_bytes_hex"])
    value, end = decode_variant_from(data)
    assert end == len(data)
    assert masked(encode_variant(value), unspecified) == data


@pytest.mark.parametrize("record", GODOT4["encode"], ids=lambda record: record["expr"])
def test_godot4_argument(record: dict[str, Any]) -> None:
    packet = bytes.fromhex(record["rpc_hex"])
    value = decode_variant(bytes.fromhex(record["var_to_bytes_hex"]))
    if packet[0] & 0x80:  # a lone PackedByteArray stands bare
        assert packet[3:] == value
        return
    argument = packet[4:]
    decoded, end = decode_compact_from(packet, 4)
    assert end == len(packet)
    assert decoded == value or has_nan(value)
    if argument != b"\x18\0\0\0":  # what the engine makes of an Object that is null; we write null
        unspecified = [offset - 4 for offset in record.get("rpc_unspecified_offsets", [])]
        assert masked(encode_compact(value), unspecified) == argument


@pytest.mark.parametrize("record", GODOT4["decode"], ids=lambda record: record["note"])
def test_godot4_takes_and_refuses(record: dict[str, Any]) -> None:
    data = bytes.fromhex(record["decode_hex"].replace("-", ""))
    if not record["decode_var_size"]:
        with pytest.raises(DecodeError):
            decode_variant(data)
        return
    value, end = decode_variant_from(data)
    assert end == record["decode_var_size"]
    if record["type"] != "Object":  # the engine passes on an id of its own
        assert encode_variant(value) == bytes.fromhex(record["encoded_again_hex"])


def test_nan_survives() -> None:
    nan = decode_variant(encode_variant(math.nan))
    assert isinstance(nan, float)
    assert math.isnan(nan)
