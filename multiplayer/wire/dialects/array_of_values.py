"""A few simple values as a msgpack array, as :class:`MsgpackCodec` writes it, in less time.

Calls have arguments, and states are encoded for each synchronizer at each tick. Nearly all of both
consist of numbers, text and vectors, which need no search for their type.
"""

from __future__ import annotations

import struct
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

import msgpack

from multiplayer.accelerator import accelerated
from multiplayer.codecs.msgpack_codec import pack_plain
from multiplayer.variant import Color, Quaternion, Vector2, Vector3, Vector4
from multiplayer.variant.python_types import FLOAT_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.variant.components import FloatComponents

_LONGEST: Final = 15
"""How many elements an array has at most whose count is in its first byte."""

_EMPTY_ARRAY: Final = 0x90
_SCALARS: Final = frozenset((NoneType, bool, int, float, str, bytes))
_FIXED_SIZES: Final = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}
_ANY_SIZE: Final = 0xC7

_HEADS: Final = tuple([bytes((_EMPTY_ARRAY + count,)) for count in range(_LONGEST + 1)])
_pack: Final[Callable[[Any], bytes]] = msgpack.packb


def _writer(number: int, count: int) -> Callable[[Any], bytes]:
    """Return what writes values of so many floats as the extension type of that number."""
    size = 4 * count
    first = _FIXED_SIZES.get(size)
    head = bytes((_ANY_SIZE, size, number)) if first is None else bytes((first, number))
    pack = struct.Struct(f"<{count}f").pack

    def write(value: FloatComponents) -> bytes:
        return head + pack(*value.components)

    return write


COUNTS: Final[dict[type, int]] = {Vector2: 2, Vector3: 3, Vector4: 4, Quaternion: 4, Color: 4}
"""Of how many floats what travels often consists."""

_WRITERS: Final[dict[type, Callable[[Any], bytes]]] = {
    **dict.fromkeys(_SCALARS, _pack),
    **{
        python_type: _writer(number, COUNTS[python_type])
        for number, python_type in FLOAT_TYPES.items()
        if python_type in COUNTS
    },
}
"""By exact type."""


@accelerated
def array_of(out: bytes, values: Sequence[object]) -> bytes | None:
    """Return ``out`` with ``values`` as a msgpack array behind it; None if that takes a codec.

    So it does for other types, for more than 15, and for what cannot be encoded, where the codec
    says why.
    """
    count = len(values)
    if count > _LONGEST:
        return None
    if _SCALARS.issuperset(map(type, values)):
        data = pack_plain([*values])
        return out + data if data else None
    try:
        parts = [_WRITERS[type(value)](value) for value in values]
    except (KeyError, OverflowError, ValueError, struct.error):
        return None
    return out + _HEADS[count] + b"".join(parts)
