"""Writes plain values in compact form, all of a call in one pass: those that nearly all calls have.

What is not plain (containers, packed arrays, enums, whatever cannot be sent) has ``compact`` and
``encoder``, which also word what is wrong. The bytes are the same.
"""

from __future__ import annotations

import struct
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, cast

from multiplayer.accelerator import accelerated

from .leaf_writers import WIDE, components_packers
from .type_numbers import GODOT4_NUMBERS, VariantType

if TYPE_CHECKING:
    from collections.abc import Iterable

_INT: Final = GODOT4_NUMBERS[VariantType.INT]
_FLOAT: Final = GODOT4_NUMBERS[VariantType.FLOAT]
_STRING: Final = GODOT4_NUMBERS[VariantType.STRING]

_BYTES: Final = [bytes((_INT, number & 0xFF)) for number in range(-0x80, 0x80)]
"""Ints of one byte: that of 0 is in the middle."""
_pack_int16: Final = struct.Struct("<Bh").pack
_pack_int32: Final = struct.Struct("<Bi").pack
_pack_int64: Final = struct.Struct("<Bq").pack
_pack_float32: Final = struct.Struct("<If").pack
_pack_float64: Final = struct.Struct("<Id").pack
_unpack_float32: Final = struct.Struct("<f").unpack_from
_TEXT_PACKERS: Final = [struct.Struct(f"<II{size}s").pack for size in range(0, 256, 4)]
"""By how many words text takes, padding included."""
_LONGEST_TEXT: Final = 252
_LARGEST_FLOAT32: Final = 3.4028234663852886e38
_INFINITY: Final = float("inf")
_CONSTANTS: Final[dict[object, bytes]] = {None: bytes(4), True: b"\x81", False: b"\x01"}
_OF_CONSTANTS: Final = frozenset((type(None), bool))
_packer_of: Final = components_packers(GODOT4_NUMBERS).get
_components_of: Final = attrgetter("components")


@accelerated
def write_flat(out: bytes, values: Iterable[object]) -> bytes | None:
    """Return ``out`` with the compact forms of all values behind it; None if one is not plain.

    Plain are ints of at most 64 bits, floats, text of at most 252 bytes, bools, None, and what
    consists of numbers, such as vectors and colors; each of exactly that type.
    """
    for value in values:
        kind = type(value)
        if kind is int:
            number = cast("int", value)
            if -0x80 <= number < 0x80:
                out += _BYTES[number + 0x80]
            elif -0x8000 <= number < 0x8000:
                out += _pack_int16(_INT | 0x40, number)
            elif -0x8000_0000 <= number < 0x8000_0000:
                out += _pack_int32(_INT | 0x80, number)
            elif -0x8000_0000_0000_0000 <= number < 0x8000_0000_0000_0000:
                out += _pack_int64(_INT | 0xC0, number)
            else:
                return None
        elif kind is float:
            fraction = cast("float", value)
            if -_LARGEST_FLOAT32 <= fraction <= _LARGEST_FLOAT32:
                single = _pack_float32(_FLOAT, fraction)
                if _unpack_float32(single, 4)[0] == fraction:
                    out += single
                    continue
            elif fraction in (_INFINITY, -_INFINITY):
                out += _pack_float32(_FLOAT, fraction)
                continue
            out += _pack_float64(_FLOAT | WIDE, fraction)
        elif kind is str:
            text = cast("str", value)
            try:
                data = text.encode()
            except UnicodeEncodeError:
                return None
            size = len(data)
            if size > _LONGEST_TEXT or "\0" in text:
                return None
            out += _TEXT_PACKERS[size + 3 >> 2](_STRING, size, data)
        elif kind in _OF_CONSTANTS:
            out += _CONSTANTS[value]
        else:
            pack = _packer_of(cast("type[Any]", kind))
            if pack is None:
                return None
            try:
                out += pack(*_components_of(value))
            except (OverflowError, struct.error):
                return None
    return out
