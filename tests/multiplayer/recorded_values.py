"""The values that recordings of the engines describe, and what their bytes leave open."""

from __future__ import annotations

import math
import re
from typing import Any

from multiplayer import (
    AABB,
    RID,
    Basis,
    Color,
    EncodedObjectAsID,
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
)
from multiplayer import variant as variant_package

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
    if kind == "Object" and value:
        return EncodedObjectAsID(value["id"])
    assert kind in ("Nil", "bool", "int", "float", "String"), kind
    return number(value) if kind == "float" else value


def masked(data: bytes, unspecified: list[int]) -> bytes:
    return bytes(0 if index in unspecified else byte for index, byte in enumerate(data))


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
    names = {"math": math, "PackedByteArray": lambda *items: bytes(items), **vars(variant_package)}
    return eval("".join(pieces), names)
