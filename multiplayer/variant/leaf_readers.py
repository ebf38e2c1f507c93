"""Reads the values that hold no other values; ``decoder`` adds the containers.

Each reader takes the input, the offset after the header, the header, and the number of levels that
a container could still hold. It returns the value and the offset after it.
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, Any

from multiplayer.errors import DecodeError

from .leaf_writers import NODE_PATH_MARK, WIDE
from .names import NodePath, StringName
from .packed import (
    PackedStringArray,
    PackedVector2Array,
    PackedVector3Array,
    PackedVector4Array,
    little_endian_array,
)
from .placeholders import RID, CallableRef, EncodedObjectAsID, SignalRef
from .python_types import FLOAT_TYPES, INTEGER_TYPES, NUMERIC_ARRAYS
from .type_numbers import VariantType

if TYPE_CHECKING:
    from collections.abc import Callable

    from .components import Components
    from .packed import NumericArray

    Data = bytes | memoryview
    Read = Callable[[Data, int, int, int], tuple[object, int]]

_WIDENED_ARRAYS = (PackedVector2Array, PackedVector3Array, PackedVector4Array)
"""Types whose components may come as 64-bit floats."""

_word = struct.Struct("<I").unpack_from
_three_words = struct.Struct("<III").unpack_from
_int32 = struct.Struct("<i").unpack_from
_int64 = struct.Struct("<q").unpack_from
_float32 = struct.Struct("<f").unpack_from
_float64 = struct.Struct("<d").unpack_from
_uint64 = struct.Struct("<Q").unpack_from


def read_word(data: Data, offset: int) -> int:
    """Return the unsigned 32-bit number at ``offset``.

    Raises:
        DecodeError: the input ends too early.
    """
    try:
        return _word(data, offset)[0]
    except struct.error:
        raise ends_early(data, offset, 4) from None


def ends_early(data: Data, offset: int, needed: int) -> DecodeError:
    """Return the error for a value at ``offset`` of whose ``needed`` bytes some are missing."""
    return DecodeError(f"{needed} bytes needed, {len(data) - offset} left", offset)


def read_string(data: Data, offset: int) -> tuple[str, int]:
    """Return the text at ``offset`` up to its first NUL, and the offset after its padding.

    Raises:
        DecodeError: it extends beyond the input, padding included, or is not UTF-8.
    """
    try:
        length: int = _word(data, offset)[0]
    except struct.error:
        raise ends_early(data, offset, 4) from None
    start = offset + 4
    end = start + length + (-length & 3)
    if end > len(data):
        raise ends_early(data, start, end - start)
    block = data[start : start + length]
    try:
        text = str(block, "utf-8")
    except UnicodeDecodeError:  # what follows a NUL does not matter
        try:
            text = str(bytes(block).partition(b"\0")[0], "utf-8")
        except UnicodeDecodeError as error:
            raise DecodeError(f"not UTF-8: {error.reason}", start + error.start) from None
    text = text.removeprefix("\ufeff")  # as in the engine, a byte order mark is not part of it
    return (text.partition("\0")[0] if "\0" in text else text), end


def _nil(_data: Data, offset: int, _header: int, _depth: int) -> tuple[None, int]:
    return None, offset


def _bool(data: Data, offset: int, _header: int, _depth: int) -> tuple[bool, int]:
    return read_word(data, offset) != 0, offset + 4


def _int(data: Data, offset: int, header: int, _depth: int) -> tuple[int, int]:
    try:
        if header & WIDE:
            return _int64(data, offset)[0], offset + 8
        return _int32(data, offset)[0], offset + 4
    except struct.error:
        raise ends_early(data, offset, 8 if header & WIDE else 4) from None


def _float(data: Data, offset: int, header: int, _depth: int) -> tuple[float, int]:
    try:
        if header & WIDE:
            return _float64(data, offset)[0], offset + 8
        return _float32(data, offset)[0], offset + 4
    except struct.error:
        raise ends_early(data, offset, 8 if header & WIDE else 4) from None


def _string(data: Data, offset: int, _header: int, _depth: int) -> tuple[str, int]:
    return read_string(data, offset)


def _string_name(data: Data, offset: int, _header: int, _depth: int) -> tuple[StringName, int]:
    text, offset = read_string(data, offset)
    return StringName(text), offset


def _node_path(data: Data, offset: int, _header: int, _depth: int) -> tuple[NodePath, int]:
    try:
        names, subnames, flags = _three_words(data, offset)
    except struct.error:
        raise ends_early(data, offset, 12) from None
    if not names & NODE_PATH_MARK:
        reason = "a NodePath in the earliest engines' format"
        raise DecodeError(reason, offset)
    names -= NODE_PATH_MARK
    if flags & 2:
        subnames += 1
    check_count(data, offset + 12, names + subnames, 4)
    offset += 12
    parts: list[str] = []
    for _ in range(names + subnames):
        part, offset = read_string(data, offset)
        parts.append(part)
    path = NodePath.from_parts(tuple(parts[:names]), tuple(parts[names:]), absolute=bool(flags & 1))
    return path, offset


def read_id(data: Data, offset: int) -> int:
    """Return the unsigned 64-bit number at ``offset``.

    Raises:
        DecodeError: the input ends too early.
    """
    try:
        return _uint64(data, offset)[0]
    except struct.error:
        raise ends_early(data, offset, 8) from None


def _rid(data: Data, offset: int, _header: int, _depth: int) -> tuple[RID, int]:
    return RID(read_id(data, offset)), offset + 8


def _rid_without_number(_data: Data, offset: int, _header: int, _depth: int) -> tuple[RID, int]:
    return RID(), offset


def _object(
    data: Data, offset: int, header: int, _depth: int
) -> tuple[EncodedObjectAsID | None, int]:
    if not header & WIDE:
        reason = "a whole object, which is never decoded; only ids of objects are"
        raise DecodeError(reason, offset - 4)
    object_id = read_id(data, offset)
    return (EncodedObjectAsID(object_id) if object_id else None), offset + 8


def _callable(_data: Data, offset: int, _header: int, _depth: int) -> tuple[CallableRef, int]:
    return CallableRef(), offset


def _signal(data: Data, offset: int, _header: int, _depth: int) -> tuple[SignalRef, int]:
    name, offset = read_string(data, offset)
    return SignalRef(name, read_id(data, offset)), offset + 8


def check_count(data: Data, offset: int, count: int, smallest: int) -> None:
    """Refuse a ``count`` of items of at least ``smallest`` bytes that cannot all be there.

    Raises:
        DecodeError: the input from ``offset`` on is shorter than that.
    """
    if count * smallest > len(data) - offset:
        reason = f"a count of {count}, but only {len(data) - offset} bytes are left"
        raise DecodeError(reason, offset)


def _bytes(data: Data, offset: int, _header: int, _depth: int) -> tuple[bytes, int]:
    count = read_word(data, offset)
    start = offset + 4
    check_count(data, start, count, 1)
    end = start + count
    # As in the engine, the padding may be missing at the end of the input.
    return bytes(data[start:end]), min(end + (-count & 3), len(data))


def _string_array(
    data: Data, offset: int, _header: int, _depth: int
) -> tuple[PackedStringArray, int]:
    count = read_word(data, offset)
    offset += 4
    if count & 0x8000_0000:  # negative: empty, unlike in the other packed arrays
        return PackedStringArray(), offset
    check_count(data, offset, count, 4)
    strings: list[str] = []
    for _ in range(count):
        text, offset = read_string(data, offset)
        strings.append(text)
    return PackedStringArray(strings), offset


def _numeric_array_reader(array_type: type[NumericArray[Any, Any]], *, widened: bool) -> Read:
    make = object.__new__
    size = array_type.item_size

    def read(data: Data, offset: int, header: int, _depth: int) -> tuple[object, int]:
        try:
            count: int = _word(data, offset)[0]
        except struct.error:
            raise ends_early(data, offset, 4) from None
        start = offset + 4
        if widened and header & WIDE:
            return _narrowed_array(array_type, data, start, count)
        end = start + count * size
        if end > len(data):
            raise ends_early(data, start, end - start)
        block = data[start:end]
        packed = make(array_type)
        packed.wire = block if isinstance(block, bytes) else bytes(block)
        return packed, end

    return read


def _narrowed_array(
    array_type: type[NumericArray[Any, Any]], data: Data, start: int, count: int
) -> tuple[object, int]:
    """Read an array whose numbers arrive with 64 bits and are kept with 32."""
    end = start + count * 2 * array_type.item_size
    if end > len(data):
        raise ends_early(data, start, end - start)
    wide = little_endian_array("d", data[start:end])
    return array_type.from_array(array(array_type.typecode, wide)), end


def _components_reader(value_type: type[Components[Any]], code: str, *, widened: bool) -> Read:
    count = len(value_type().components)
    make = value_type.from_components
    narrow = struct.Struct(f"<{count}{code}")
    wide = struct.Struct(f"<{count}d") if widened else narrow
    unpack, size = narrow.unpack_from, narrow.size

    def read(data: Data, offset: int, header: int, _depth: int) -> tuple[object, int]:
        try:
            if header & WIDE:
                return make(wide.unpack_from(data, offset)), offset + wide.size
            return make(unpack(data, offset)), offset + size
        except struct.error:
            raise ends_early(data, offset, wide.size if header & WIDE else size) from None

    return read


def leaf_readers(version: int) -> dict[VariantType, Read]:
    """Return the readers of all types that are not containers.

    Version 4 honours the flag by which double-precision engines announce 64-bit components; version
    3 ignores it.
    """
    readers: dict[VariantType, Read] = {
        VariantType.NIL: _nil,
        VariantType.BOOL: _bool,
        VariantType.INT: _int,
        VariantType.FLOAT: _float,
        VariantType.STRING: _string,
        VariantType.STRING_NAME: _string_name,
        VariantType.NODE_PATH: _node_path,
        VariantType.RID: _rid_without_number if version == 3 else _rid,
        VariantType.OBJECT: _object,
        VariantType.CALLABLE: _callable,
        VariantType.SIGNAL: _signal,
        VariantType.PACKED_BYTE_ARRAY: _bytes,
        VariantType.PACKED_STRING_ARRAY: _string_array,
    }
    for kind, value_type in FLOAT_TYPES.items():
        widened = version == 4 and kind is not VariantType.COLOR
        readers[kind] = _components_reader(value_type, "f", widened=widened)
    for kind, value_type in INTEGER_TYPES.items():
        readers[kind] = _components_reader(value_type, "i", widened=False)
    for kind, array_type in NUMERIC_ARRAYS.items():
        widened = version == 4 and array_type in _WIDENED_ARRAYS
        readers[kind] = _numeric_array_reader(array_type, widened=widened)
    return readers
