"""Reads values that are not containers, in one pass: what nearly all calls have.

Plain functions of simple arguments, so that an accelerator can have twins of them. What they do not
know, or what is wrong with the bytes, is for the readers that know everything: they return None.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, cast

import msgpack

from multiplayer.accelerator import accelerated
from multiplayer.variant.python_types import FLOAT_TYPES

from .array_of_values import COUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST_VECTOR: Final = 16
_unpack: Final = cast("Callable[..., list[object]]", msgpack.unpackb)
_VECTORS: Final = {
    (int(number), 4 * count): (struct.Struct(f"<{count}f").unpack, python_type.from_components)
    for number, python_type in FLOAT_TYPES.items()
    if (count := COUNTS.get(python_type))
}
"""By their extension type and their size: how to read their numbers, and to make one of those."""

_FLAT: Final = frozenset((int, float, bool, str, bytes, type(None), *COUNTS))

_int16: Final = struct.Struct("<h").unpack_from
_int32: Final = struct.Struct("<i").unpack_from
_int64: Final = struct.Struct("<q").unpack_from
_float32: Final = struct.Struct("<If").unpack_from
_float64: Final = struct.Struct("<Id").unpack_from
_text: Final = struct.Struct("<II").unpack_from

_LONG_INTS: Final[dict[int, tuple[Callable[[bytes, int], tuple[int, ...]], int]]] = {
    0x42: (_int16, 3),
    0x82: (_int32, 5),
    0xC2: (_int64, 9),
}
"""By first byte: how to read a compact int behind it, and how long it is with it."""

_LEAVES_3: Final[dict[int, tuple[Callable[[bytes, int], tuple[float, ...]], int]]] = {
    2: (_int32, 4),
    0x10002: (_int64, 8),
    3: (struct.Struct("<f").unpack_from, 4),
    0x10003: (struct.Struct("<d").unpack_from, 8),
}
"""By header: how to read a number behind it, and how long it is."""


def read_flat_3(data: bytes, at: int, count: int) -> list[object] | None:
    """Return values of Godot 3, each a whole Variant; see :func:`read_flat`."""
    values: list[object] = []
    try:
        while count > 0:
            count -= 1
            header, size = _text(data, at)
            if header == 4:
                start = at + 8
                at = start + size + (-size & 3)
                if at > len(data):
                    return None
                text = data[start : start + size].decode()
                if "\0" in text or "\ufeff" in text:  # what there is of it, others know
                    return None
                values.append(text)
            elif header in _LEAVES_3:
                read, size = _LEAVES_3[header]
                values.append(read(data, at + 4)[0])
                at += 4 + size
            elif header == 1:
                values.append(size != 0)
                at += 8
            else:
                return None
    except (struct.error, UnicodeDecodeError):
        return None
    return values


@accelerated
def read_flat(data: bytes, at: int, count: int) -> list[object] | None:
    """Return values in Godot 4's compact form.

    They are ints, floats, bools, text without a NUL, and ``None``.

    Args:
        data: a packet.
        at: where they begin in it.
        count: how many there are. Bytes behind them are ignored, as they are elsewhere.

    Returns:
        The values; None if there is anything else among them, or too little.
    """
    values: list[object] = []
    try:
        while count > 0:
            count -= 1
            first = data[at]
            if first == 2:
                value = data[at + 1]
                values.append(value if value < 128 else value - 256)
                at += 2
            elif first == 3:
                if data[at + 2]:
                    header, number = _float64(data, at)
                    at += 12
                    if header != 0x10003:
                        return None
                else:
                    header, number = _float32(data, at)
                    at += 8
                    if header != 3:
                        return None
                values.append(number)
            elif first == 4:
                header, size = _text(data, at)
                start = at + 8
                at = start + size + (-size & 3)
                if header != 4 or at > len(data):
                    return None
                text = data[start : start + size].decode()
                if "\0" in text or "\ufeff" in text:  # what there is of it, others know
                    return None
                values.append(text)
            elif first in _LONG_INTS:
                read, size = _LONG_INTS[first]
                values.append(read(data, at + 1)[0])
                at += size
            elif first & 0x3F == 1:
                values.append(first > 127)
                at += 1
            elif not first and data[at : at + 4] == b"\0\0\0\0":
                values.append(None)
                at += 4
            else:
                return None
    except (IndexError, struct.error, UnicodeDecodeError):
        return None
    return values


@accelerated
def read_flat_msgpack(data: bytes, at: int, count: int) -> list[object] | None:
    """Return the values of a msgpack array whose first byte is just before ``at``.

    Args:
        data: a packet, which ends with them.
        at: where they begin in it.
        count: how many there are; at most 15.

    Returns:
        The values; None if there is anything but ints, floats, bools, text, bytes, None, vectors
        of floats, quaternions and colors among them, or if the bytes are wrong.
    """
    try:
        values: list[object] = _unpack(
            data[at - 1 :],
            max_array_len=count,
            max_map_len=0,
            max_ext_len=_LARGEST_VECTOR,
            ext_hook=_vector,
        )
    except Exception:
        return None
    return values if _FLAT.issuperset(map(type, values)) else None


def _vector(number: int, content: bytes) -> object:
    """Return what consists of a few floats; raise for any other extension type."""
    unpack, make = _VECTORS[number, len(content)]
    return make(unpack(content))
