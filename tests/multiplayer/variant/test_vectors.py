"""The bytes of real engines: every recorded encoding and every recorded answer to bad bytes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from multiplayer import (
    AABB,
    RID,
    Basis,
    Color,
    DecodeError,
    NodePath,
    PackedColorArray,
    PackedFloat32Array,
    PackedInt32Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    Plane,
    Quaternion,
    Rect2,
    Transform2D,
    Transform3D,
    Vector2,
    Vector3,
    decode_compact_from,
    decode_variant,
    decode_variant_from,
    encode_compact,
    encode_variant,
)
from multiplayer import variant as variant_package

VECTORS = Path(__file__).parents[2] / "vectors"


def json_lines(name: str) -> list[dict[str, Any]]:
    text = (VECTORS / "godot3" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


GODOT3 = json_lines("variant.jsonl")
GODOT3_DECODE = json_lines("variant_decode.jsonl")
GODOT4 = json.loads((VECTORS / "godot4" / "variants.json").read_text(encoding="utf-8"))
MATH = {
    "Vector2": Vector2,
    "Rect2": Rect2,
    "Vector3": Vector3,
    "Transform2D": Transform2D,
    "Plane": Plane,
    "Quat": Quaternion,
    "AABB": AABB,
    "Basis": Basis,
    "Transform": Transform3D,
    "Color": Color,
}
PACKED = {
    "PoolIntArray": PackedInt32Array,
    "PoolRealArray": PackedFloat32Array,
    "PoolStringArray": PackedStringArray,
}
GROUPS = {
    "PoolVector2Array": (PackedVector2Array, Vector2),
    "PoolVector3Array": (PackedVector3Array, Vector3),
    "PoolColorArray": (PackedColorArray, Color),
}


def number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value


def python_value(tagged: dict[str, Any]) -> Any:
    """Return the value that the record of an engine's value describes."""
    kind, value = tagged["t"], tagged["v"]
    if kind in MATH:
        return MATH[kind].from_components(tuple(map(number, value)))
    if kind == "PoolStringArray":
        return PackedStringArray(value)
    if kind in PACKED:
        return PACKED[kind](map(number, value))
    if kind in GROUPS:
        array_type, item_type = GROUPS[kind]
        return array_type(item_type(*map(number, item)) for item in value)
    if kind == "Dictionary":
        return {python_value(key): python_value(item) for key, item in value}
    if kind == "Array":
        return [python_value(item) for item in value]
    if kind == "NodePath":
        parts = tuple(value["names"]), tuple(value["subnames"])
        return NodePath.from_parts(*parts, absolute=value["absolute"])
    if kind == "PoolByteArray":
        return bytes.fromhex(value)
    if kind == "RID":
        return RID()
    assert kind in ("Nil", "bool", "int", "float", "String"), kind
    return number(value) if kind == "float" else value


def masked(data: bytes, unspecified: list[int]) -> bytes:
    return bytes(0 if index in unspecified else byte for index, byte in enumerate(data))


def has_nan(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_nan(key) or has_nan(item) for key, item in value.items())
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return False
    return any(map(has_nan, value))


WORDS = {"null": "None", "true": "True", "false": "False", "INF": "math.inf", "NAN": "math.nan"}


def from_expression(text: str) -> Any:
    """Return the value of a GDScript expression that is almost Python, or raise."""
    if "TYPE_" in text or "node" in text or ".new" in text or "instance" in text:
        raise LookupError(text)
    text = re.sub(r'\^("[^"]*")', r"NodePath(\1)", text)
    text = re.sub(r'&("[^"]*")', r"StringName(\1)", text)
    pieces = re.split(r'("[^"]*")', text)
    pieces[::2] = [
        re.sub(r"\b(null|true|false|INF|NAN)\b", lambda word: WORDS[word[0]], piece)
        for piece in pieces[::2]
    ]
    return eval("".join(pieces), {"math": math, **vars(variant_package)})


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
    null = record["ok"] and record["type"] == "Object" and record["str"] == "[Object:null]"
    if null:
        assert decode_variant_from(data, 0, 3) == (None, len(data))
        return
    if not record["ok"] or record["allow_objects"]:  # whole objects are never decoded
        with pytest.raises(DecodeError):
            decode_variant(data, 3)
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
