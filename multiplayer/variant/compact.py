"""The compact form of Godot 4: RPC arguments, spawn arguments and replicated properties.

Mirrors ``encode_and_compress_variant`` of the engine's multiplayer module: a bool takes one byte
and an int two, three, five or nine; anything else is an ordinary Variant. Values follow each other
without padding.

The caller handles the number of arguments, and the rule that a call without arguments, or with a
``PackedByteArray`` as its only one, says so in its header and has the bare bytes instead.
"""

from __future__ import annotations

import struct
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING

from multiplayer.errors import DecodeError

from .buffers import flat
from .decoder import decode_variant_from
from .encoder import DEFAULT_LEVEL, DEFAULT_MAX_DEPTH, encode_variant, encoder_for
from .leaf_writers import components_packers
from .type_numbers import GODOT4_NUMBERS, VariantType

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

_TYPE_MASK: Final = 0x3F
_TRUE = b"\x81"
_FALSE = b"\x01"
_NULL_OBJECT = struct.pack("<I", VariantType.OBJECT)
_components_of = attrgetter("components")
_INTEGERS = (
    (-0x80, 0x7F, struct.Struct("<Bb")),
    (-0x8000, 0x7FFF, struct.Struct("<Bh")),
    (-0x8000_0000, 0x7FFF_FFFF, struct.Struct("<Bi")),
    (-0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, struct.Struct("<Bq")),
)
"""By mode (bits 6 and 7 of the first byte): smallest, largest, first byte with number."""


def encode_compact(
    value: object,
    *,
    level: tuple[int, int] = DEFAULT_LEVEL,
    max_depth: int = DEFAULT_MAX_DEPTH,
) -> bytes:
    """Return ``value`` in compact form.

    Args:
        value: as for :func:`encode_variant`.
        level: as for :func:`encode_variant`.
        max_depth: as for :func:`encode_variant`.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: as for :func:`encode_variant`.
    """
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, int):
        for mode, (smallest, largest, form) in enumerate(_INTEGERS):
            if smallest <= value <= largest:
                return form.pack(VariantType.INT | mode << 6, value)
    if isinstance(value, Enum):  # its value may be an int or a bool, which are compact
        return encode_compact(value.value, level=level, max_depth=max_depth)
    return encode_variant(value, 4, level=level, max_depth=max_depth)


def compact_encoder(level: tuple[int, int]) -> Callable[[object], bytes]:
    """Return :func:`encode_compact` for one level; floats, vectors and the like take it less time.

    Args:
        level: as for :func:`encode_variant`.
    """
    packers = components_packers(GODOT4_NUMBERS)
    encode_float = encoder_for(4, level).encode

    def encode(value: object) -> bytes:
        kind = type(value)
        pack = packers.get(kind)
        if pack is not None:
            try:
                return pack(*_components_of(value))
            except (OverflowError, struct.error):  # the other way says why, or makes it infinite
                return encode_compact(value, level=level)
        if kind is float:
            return encode_float(value, DEFAULT_MAX_DEPTH)
        return encode_compact(value, level=level)

    return encode


def decode_compact_each(
    buffer: bytes, offset: int, count: int, max_depth: int = DEFAULT_MAX_DEPTH
) -> list[object]:
    """Return so many values in compact form, from ``offset`` of ``buffer`` on.

    Raises:
        DecodeError: one cannot be decoded, or is missing.
    """
    values: list[object] = []
    for _ in range(count):
        value, offset = decode_compact_from(buffer, offset, max_depth)
        values.append(value)
    return values


def decode_compact_from(
    buffer: bytes | bytearray | memoryview,
    offset: int = 0,
    max_depth: int = DEFAULT_MAX_DEPTH,
) -> tuple[object, int]:
    """Return the value in compact form at ``offset`` of ``buffer``, and the offset after it.

    The engine writes an Object that is null as the header of a whole object and nothing else.
    That is read as ``None``; a real whole object, which engines send only if told to, begins in the
    same way.

    Raises:
        DecodeError: there is no such value; the offset counts from the start of ``buffer``.
    """
    if type(buffer) is not bytes:
        buffer = flat(buffer)
    if 0 <= offset < len(buffer):
        first = buffer[offset]
        if first & _TYPE_MASK == VariantType.BOOL:
            return first & 0x80 != 0, offset + 1
        if first & _TYPE_MASK == VariantType.INT:
            form = _INTEGERS[first >> 6][2]
            end = offset + form.size
            if end > len(buffer):
                reason = f"an int of {form.size - 1} bytes, but {len(buffer) - offset - 1} are left"
                raise DecodeError(reason, offset)
            return form.unpack_from(buffer, offset)[1], end
        if bytes(buffer[offset : offset + 4]) == _NULL_OBJECT:
            return None, offset + 4
    return decode_variant_from(buffer, offset, 4, max_depth=max_depth)
