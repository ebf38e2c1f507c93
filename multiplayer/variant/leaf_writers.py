"""Writes the values that hold no other values; ``encoder`` adds the containers.

Each writer takes the type's number, the buffer that it appends to, the value, and the number of
levels that a container could still hold, which matters only to containers.
"""

from __future__ import annotations

import struct
from array import array
from functools import partial
from typing import TYPE_CHECKING, Any

from .failure import UnencodableError, inside
from .packed import to_little_endian
from .python_types import FLOAT_TYPES, INTEGER_TYPES, NUMERIC_ARRAYS
from .type_numbers import VariantType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .components import Components
    from .names import NodePath
    from .packed import NumericArray, PackedArray
    from .placeholders import RID, EncodedObjectAsID, SignalRef

    Write = Callable[[bytearray, Any, int], None]

WIDE = 1 << 16
"""Header flag: the number has 64 bits, or the object is sent as its id."""
NODE_PATH_MARK = 0x8000_0000
"""Bit of the count of names that distinguishes a NodePath from the earliest engines' form."""

_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
"""The padding that fills the last word, by length modulo 4."""

pack_word = struct.Struct("<I").pack
pack_two_words = struct.Struct("<II").pack
_pack_int32 = struct.Struct("<Ii").pack
_pack_int64 = struct.Struct("<Iq").pack
_pack_float32 = struct.Struct("<If").pack
_pack_float64 = struct.Struct("<Id").pack
_pack_id = struct.Struct("<IQ").pack
_pack_bare_id = struct.Struct("<Q").pack
_unpack_float = struct.Struct("<f").unpack_from


def append_string(out: bytearray, text: str, *, header: bytes = b"", end: bytes = b"") -> None:
    """Append ``header``, length, UTF-8 and padding of ``text``; ``end`` counts as part of it."""
    if "\0" in text:
        message = "text with a NUL character cannot be sent: every reader would cut it there"
        raise UnencodableError(message)
    data = text.encode() + end
    length = len(data)
    out += header + pack_word(length) + data + _PADDING[length & 3]


def _nothing(number: int, out: bytearray, _value: object, _depth: int) -> None:
    out += pack_word(number)


def _bool(number: int, out: bytearray, value: bool, _depth: int) -> None:
    out += pack_two_words(number, value)


def _int(number: int, out: bytearray, value: int, _depth: int) -> None:
    if -0x8000_0000 <= value <= 0x7FFF_FFFF:
        out += _pack_int32(number, value)
    elif -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
        out += _pack_int64(number | WIDE, value)
    else:
        message = "an int needs more than 64 bits"
        raise UnencodableError(message)


def _float(number: int, out: bytearray, value: float, _depth: int) -> None:
    try:
        single = _pack_float32(number, value)
    except OverflowError:
        pass
    else:
        if _unpack_float(single, 4)[0] == value:
            out += single
            return
    out += _pack_float64(number | WIDE, value)


def _string(number: int, out: bytearray, value: str, _depth: int) -> None:
    append_string(out, value, header=pack_word(number))


def _node_path(number: int, out: bytearray, value: NodePath, _depth: int) -> None:
    out += pack_two_words(number, len(value.names) | NODE_PATH_MARK)
    out += pack_two_words(len(value.subnames), value.absolute)
    for name in value.names + value.subnames:
        append_string(out, name)


def _rid(number: int, out: bytearray, value: RID, _depth: int) -> None:
    out += _pack_id(number, value.id)


def _object_id(number: int, out: bytearray, value: EncodedObjectAsID, _depth: int) -> None:
    out += _pack_id(number | WIDE, value.object_id)


def _signal(number: int, out: bytearray, value: SignalRef, _depth: int) -> None:
    out += pack_word(number)
    append_string(out, value.name)
    out += _pack_bare_id(value.object_id)


def _bytes(number: int, out: bytearray, value: bytes | bytearray | memoryview, _depth: int) -> None:
    data = value.tobytes() if isinstance(value, memoryview) else value
    out += pack_two_words(number, len(data))
    out += data
    out += _PADDING[len(data) & 3]


def _numeric_array(
    number: int, out: bytearray, value: NumericArray[object, float], _depth: int
) -> None:
    out += pack_two_words(number, len(value))
    out += value.wire


def _string_array(number: int, out: bytearray, value: PackedArray[str], _depth: int) -> None:
    out += pack_two_words(number, len(value))
    for index, text in enumerate(value):
        try:
            append_string(out, text, end=b"\0")
        except (UnencodableError, UnicodeEncodeError) as error:
            raise inside(error, index) from None


def _components_writer(value_type: type[Components[Any]], code: str) -> Callable[..., None]:
    count = len(value_type().components)
    pack = struct.Struct(f"<I{count}{code}").pack

    def write(number: int, out: bytearray, value: Components[float], _depth: int) -> None:
        try:
            out += pack(number, *value.components)
        except OverflowError:  # struct refuses what the engine and array make infinite
            out += pack_word(number) + to_little_endian(array(code, value.components))

    return write


def components_packers(
    numbers: Mapping[VariantType, int],
) -> dict[type, Callable[..., bytes]]:
    """Return what packs the components of values that consist of numbers, by their exact types.

    Each takes the components one by one, and raises ``struct.error`` or ``OverflowError`` for those
    that ``struct`` does not take.
    """
    packers: dict[type, Callable[..., bytes]] = {}
    for types, code in ((FLOAT_TYPES, "f"), (INTEGER_TYPES, "i")):
        for kind, value_type in types.items():
            count = len(value_type().components)
            packers[value_type] = partial(struct.Struct(f"<I{count}{code}").pack, numbers[kind])
    return packers


_WRITERS: dict[VariantType, Callable[..., None]] = {
    VariantType.NIL: _nothing,
    VariantType.BOOL: _bool,
    VariantType.INT: _int,
    VariantType.FLOAT: _float,
    VariantType.STRING: _string,
    VariantType.STRING_NAME: _string,
    VariantType.NODE_PATH: _node_path,
    VariantType.RID: _rid,
    VariantType.OBJECT: _object_id,
    VariantType.CALLABLE: _nothing,
    VariantType.SIGNAL: _signal,
    VariantType.PACKED_BYTE_ARRAY: _bytes,
    VariantType.PACKED_STRING_ARRAY: _string_array,
    **{kind: _components_writer(value_type, "f") for kind, value_type in FLOAT_TYPES.items()},
    **{kind: _components_writer(value_type, "i") for kind, value_type in INTEGER_TYPES.items()},
    **dict.fromkeys(NUMERIC_ARRAYS, _numeric_array),
}


def leaf_writers(
    numbers: Mapping[VariantType, int], *, rid_has_number: bool
) -> dict[VariantType, Write]:
    """Return the writers of all types in ``numbers`` that are not containers."""
    writers: dict[VariantType, Write] = {
        kind: partial(write, numbers[kind]) for kind, write in _WRITERS.items() if kind in numbers
    }
    if not rid_has_number:
        writers[VariantType.RID] = partial(_nothing, numbers[VariantType.RID])
    return writers
