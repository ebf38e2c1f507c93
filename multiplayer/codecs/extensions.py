"""Godot's types as msgpack extension types.

The extension's number is the type's number in Godot 4, its content the Variant without the header.
Typed containers keep their header in the content, since it says what they hold.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import TYPE_CHECKING, cast

import msgpack

from multiplayer.errors import DecodeError
from multiplayer.variant import VariantType, decode_variant_from
from multiplayer.variant.encoder import encoder_for
from multiplayer.variant.failure import UnencodableError
from multiplayer.variant.python_types import VARIANT_TYPES, base_in_table

if TYPE_CHECKING:
    from collections.abc import Callable

_BY_ITSELF = (type(None), bool, int, float, str, bytes, list, dict)
"""What msgpack can write by itself."""

CONTAINERS = (VariantType.ARRAY, VariantType.DICTIONARY)
"""Types whose content is other values."""

_NATIVE = (
    VariantType.NIL,
    VariantType.BOOL,
    VariantType.INT,
    VariantType.FLOAT,
    VariantType.STRING,
    VariantType.PACKED_BYTE_ARRAY,
)
_HEADERS = {
    int(kind): struct.pack("<I", kind | (1 << 16 if kind is VariantType.OBJECT else 0))
    for kind in VariantType
    if kind not in _NATIVE and kind not in CONTAINERS
}
_HEADERS.update({int(kind): b"" for kind in CONTAINERS})
_encode = encoder_for(4).encode_part


def to_msgpack(value: object, max_depth: int) -> object:
    """Return what msgpack writes for ``value``, which it cannot write by itself.

    Raises:
        UnencodableError: the value, or something in it, has no counterpart.
    """
    base = base_in_table(type(value))
    if base in (tuple, list):
        return list(cast("list[object]", value))
    if base is dict:
        return dict(cast("dict[object, object]", value))
    if base is str:
        return str.__str__(cast("str", value))
    if base in (int, float, bytes, bytearray):  # a subclass, as enums are
        return cast("Callable[[object], object]", base)(value)
    if base is None and isinstance(value, Enum):
        inner: object = value.value
        return inner if type(inner) in _BY_ITSELF else to_msgpack(inner, max_depth)
    if base is None:
        message = f"{type(value).__name__} has no msgpack counterpart"
        raise UnencodableError(message)
    number = VARIANT_TYPES[base]
    return msgpack.ExtType(number, _encode(value, max_depth)[len(_HEADERS[number]) :])


def from_extension(number: int, content: bytes, *, max_depth: int) -> object:
    """Return the value of an extension type.

    Raises:
        DecodeError: there is no such extension, or its content is not exactly one value of that
            type; the offset counts from the start of the content.
    """
    header = _HEADERS.get(number)
    if header is None:
        raise DecodeError(f"there is no extension type {number}")
    try:
        value, end = decode_variant_from(header + content, max_depth=max_depth)
    except DecodeError as error:
        reason = f"extension type {number}: {error.reason}"
        raise DecodeError(reason, max(error.offset - len(header), 0)) from None
    if end != len(header) + len(content) or (not header and content[0] != number):
        reason = f"extension type {number}: its content is not exactly one value of that type"
        raise DecodeError(reason)
    return value
