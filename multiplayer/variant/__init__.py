"""Godot's types that Python lacks, and the binary form of all its values.

``docs/values.md`` has the table of Python values and their Variants.
"""

from __future__ import annotations

from .color import Color
from .compact import decode_compact_from, encode_compact
from .decoder import decode_variant, decode_variant_from
from .encoder import encode_variant
from .names import NodePath, StringName
from .packed import (
    PackedColorArray,
    PackedFloat32Array,
    PackedFloat64Array,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
)
from .placeholders import RID, CallableRef, EncodedObjectAsID, SignalRef
from .rects import AABB, Rect2, Rect2i
from .transforms import Basis, Plane, Projection, Quaternion, Transform2D, Transform3D
from .type_numbers import VariantType
from .typed import TypedArray, TypedDictionary
from .vectors import Vector2, Vector2i, Vector3, Vector3i, Vector4, Vector4i

__all__ = [
    "AABB",
    "RID",
    "Basis",
    "CallableRef",
    "Color",
    "EncodedObjectAsID",
    "NodePath",
    "PackedColorArray",
    "PackedFloat32Array",
    "PackedFloat64Array",
    "PackedInt32Array",
    "PackedInt64Array",
    "PackedStringArray",
    "PackedVector2Array",
    "PackedVector3Array",
    "PackedVector4Array",
    "Plane",
    "Projection",
    "Quaternion",
    "Rect2",
    "Rect2i",
    "SignalRef",
    "StringName",
    "Transform2D",
    "Transform3D",
    "TypedArray",
    "TypedDictionary",
    "VariantType",
    "Vector2",
    "Vector2i",
    "Vector3",
    "Vector3i",
    "Vector4",
    "Vector4i",
    "decode_compact_from",
    "decode_variant",
    "decode_variant_from",
    "encode_compact",
    "encode_variant",
]
