"""The numbers of Godot's types on the wire, and which generation knows which type.

Mirrors ``Variant::Type`` of the engine.
"""

from __future__ import annotations

from enum import IntEnum


class VariantType(IntEnum):
    """Godot 4's ``Variant.Type``, with the engine's names and numbers."""

    NIL = 0
    BOOL = 1
    INT = 2
    FLOAT = 3
    STRING = 4
    VECTOR2 = 5
    VECTOR2I = 6
    RECT2 = 7
    RECT2I = 8
    VECTOR3 = 9
    VECTOR3I = 10
    TRANSFORM2D = 11
    VECTOR4 = 12
    VECTOR4I = 13
    PLANE = 14
    QUATERNION = 15
    AABB = 16
    BASIS = 17
    TRANSFORM3D = 18
    PROJECTION = 19
    COLOR = 20
    STRING_NAME = 21
    NODE_PATH = 22
    RID = 23
    OBJECT = 24
    CALLABLE = 25
    SIGNAL = 26
    DICTIONARY = 27
    ARRAY = 28
    PACKED_BYTE_ARRAY = 29
    PACKED_INT32_ARRAY = 30
    PACKED_INT64_ARRAY = 31
    PACKED_FLOAT32_ARRAY = 32
    PACKED_FLOAT64_ARRAY = 33
    PACKED_STRING_ARRAY = 34
    PACKED_VECTOR2_ARRAY = 35
    PACKED_VECTOR3_ARRAY = 36
    PACKED_COLOR_ARRAY = 37
    PACKED_VECTOR4_ARRAY = 38


GODOT4_NUMBERS: dict[VariantType, int] = {kind: kind.value for kind in VariantType}

_NOT_IN_GODOT3 = {
    VariantType.VECTOR2I,
    VariantType.RECT2I,
    VariantType.VECTOR3I,
    VariantType.VECTOR4,
    VariantType.VECTOR4I,
    VariantType.PROJECTION,
    VariantType.STRING_NAME,
    VariantType.CALLABLE,
    VariantType.SIGNAL,
    VariantType.PACKED_INT64_ARRAY,
    VariantType.PACKED_FLOAT64_ARRAY,
    VariantType.PACKED_VECTOR4_ARRAY,
}

GODOT3_NUMBERS: dict[VariantType, int] = {
    kind: number
    for number, kind in enumerate(kind for kind in VariantType if kind not in _NOT_IN_GODOT3)
}
"""Godot 3's types come in the same order, without those that it lacks."""
