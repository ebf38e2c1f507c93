"""Which Python type stands for which Variant type: the table behind ``docs/values.md``."""

from __future__ import annotations

from types import NoneType

from .color import Color
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

FLOAT_TYPES = {
    VariantType.VECTOR2: Vector2,
    VariantType.RECT2: Rect2,
    VariantType.VECTOR3: Vector3,
    VariantType.TRANSFORM2D: Transform2D,
    VariantType.VECTOR4: Vector4,
    VariantType.PLANE: Plane,
    VariantType.QUATERNION: Quaternion,
    VariantType.AABB: AABB,
    VariantType.BASIS: Basis,
    VariantType.TRANSFORM3D: Transform3D,
    VariantType.PROJECTION: Projection,
    VariantType.COLOR: Color,
}
"""Types that consist of floats, in the order of ``FloatComponents.components``."""

INTEGER_TYPES = {
    VariantType.VECTOR2I: Vector2i,
    VariantType.RECT2I: Rect2i,
    VariantType.VECTOR3I: Vector3i,
    VariantType.VECTOR4I: Vector4i,
}

NUMERIC_ARRAYS = {
    VariantType.PACKED_INT32_ARRAY: PackedInt32Array,
    VariantType.PACKED_INT64_ARRAY: PackedInt64Array,
    VariantType.PACKED_FLOAT32_ARRAY: PackedFloat32Array,
    VariantType.PACKED_FLOAT64_ARRAY: PackedFloat64Array,
    VariantType.PACKED_VECTOR2_ARRAY: PackedVector2Array,
    VariantType.PACKED_VECTOR3_ARRAY: PackedVector3Array,
    VariantType.PACKED_COLOR_ARRAY: PackedColorArray,
    VariantType.PACKED_VECTOR4_ARRAY: PackedVector4Array,
}

VARIANT_TYPES: dict[type, VariantType] = {
    NoneType: VariantType.NIL,
    bool: VariantType.BOOL,
    int: VariantType.INT,
    float: VariantType.FLOAT,
    str: VariantType.STRING,
    StringName: VariantType.STRING_NAME,
    NodePath: VariantType.NODE_PATH,
    RID: VariantType.RID,
    EncodedObjectAsID: VariantType.OBJECT,
    CallableRef: VariantType.CALLABLE,
    SignalRef: VariantType.SIGNAL,
    dict: VariantType.DICTIONARY,
    TypedDictionary: VariantType.DICTIONARY,
    list: VariantType.ARRAY,
    tuple: VariantType.ARRAY,
    TypedArray: VariantType.ARRAY,
    bytes: VariantType.PACKED_BYTE_ARRAY,
    bytearray: VariantType.PACKED_BYTE_ARRAY,
    memoryview: VariantType.PACKED_BYTE_ARRAY,
    PackedStringArray: VariantType.PACKED_STRING_ARRAY,
    **{python_type: kind for kind, python_type in FLOAT_TYPES.items()},
    **{python_type: kind for kind, python_type in INTEGER_TYPES.items()},
    **{python_type: kind for kind, python_type in NUMERIC_ARRAYS.items()},
}


def base_in_table(python_type: type) -> type | None:
    """Return the class in the table that ``python_type`` is or inherits from, if any."""
    return next((base for base in python_type.__mro__ if base in VARIANT_TYPES), None)


def fitted(value: object, kind: VariantType) -> object:
    """Return ``value`` as an element of a container of ``kind``, converted where Godot converts.

    Godot converts int to float, and String and StringName to each other. A container of objects
    takes ``None``, one of ``NIL`` anything.

    Raises:
        TypeError: the value does not fit.
    """
    base = base_in_table(type(value))
    actual = None if base is None else VARIANT_TYPES[base]
    if kind in (VariantType.NIL, actual) or (kind is VariantType.OBJECT and value is None):
        return value
    if kind is VariantType.FLOAT and isinstance(value, int) and actual is VariantType.INT:
        return float(value)
    if kind is VariantType.STRING and isinstance(value, StringName):
        return str(value)
    if kind is VariantType.STRING_NAME and isinstance(value, str):
        return StringName(value)
    message = f"{type(value).__name__} does not fit a container of {kind.name}"
    raise TypeError(message)
