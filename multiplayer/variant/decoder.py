"""Reads Godot's binary Variants, from anybody.

Mirrors ``decode_variant`` of the engine's ``core/io/marshalls.cpp``, leniency included, but with
limits: a count is checked against the remaining bytes before anything is allocated, and containers
may not be nested more deeply than the caller allows.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from multiplayer.errors import DecodeError, Error, MultiplayerError

from .array_keys import ArrayKeys
from .buffers import flat
from .encoder import DEFAULT_MAX_DEPTH
from .leaf_readers import check_count, ends_early, leaf_readers, read_string, read_word
from .packed import little_endian_array
from .python_types import fitted
from .type_numbers import GODOT3_NUMBERS, GODOT4_NUMBERS, VariantType
from .typed import TypedArray, TypedDictionary

if TYPE_CHECKING:
    from .leaf_readers import Data, Read

_word = struct.Struct("<I").unpack_from

_SHARED = 0x8000_0000
"""Bit of the counts of arrays and dictionaries that once meant "shared", and means nothing."""
_SHORTEST_RUN = 8
_KINDS_OF_OBJECTS = (2, 3)
"""Container types given as a class or as a script."""


class VariantDecoder:
    """Reads the Variants of one generation."""

    def __init__(self, version: int) -> None:
        numbers = GODOT3_NUMBERS if version == 3 else GODOT4_NUMBERS
        readers = leaf_readers(version)
        readers[VariantType.ARRAY] = self._array if version == 3 else self._maybe_typed_array
        readers[VariantType.DICTIONARY] = (
            self._dictionary if version == 3 else self._maybe_typed_dictionary
        )
        self._readers: list[Read] = [readers[kind] for kind in numbers]
        self._int_header = numbers[VariantType.INT]

    def decode_from(
        self, buffer: bytes | bytearray | memoryview, offset: int, max_depth: int
    ) -> tuple[object, int]:
        """Return what :func:`decode_variant_from` does."""
        data = buffer if type(buffer) is bytes else flat(buffer)
        if not 0 <= offset <= len(data):
            reason = f"offset {offset} lies outside the {len(data)} bytes"
            raise DecodeError(reason, offset)
        if offset + 4 > len(data):
            raise ends_early(data, offset, 4)
        header: int = _word(data, offset)[0]
        if header & 0xFF >= len(self._readers):
            raise DecodeError(f"there is no type {header & 0xFF}", offset)
        try:
            return self._readers[header & 0xFF](data, offset + 4, header, max_depth)
        except RecursionError:
            reason = "nested deeper than Python's stack allows"
            raise DecodeError(reason, offset) from None

    def _value(self, data: Data, offset: int, depth: int) -> tuple[object, int]:
        try:
            header: int = _word(data, offset)[0]
        except struct.error:
            raise ends_early(data, offset, 4) from None
        try:
            read = self._readers[header & 0xFF]
        except IndexError:
            raise DecodeError(f"there is no type {header & 0xFF}", offset) from None
        return read(data, offset + 4, header, depth)

    def _array(self, data: Data, offset: int, _header: int, depth: int) -> tuple[list[object], int]:
        count = read_word(data, offset) & ~_SHARED
        offset += 4
        check_count(data, offset, count, 4)
        _check_depth(count, offset, depth)
        if count >= _SHORTEST_RUN and read_word(data, offset) == self._int_header:
            run = self._run_of_ints(data, offset, count)
            if run is not None:
                return run, offset + 8 * count
        elements: list[object] = []
        for _ in range(count):
            element, offset = self._value(data, offset, depth - 1)
            elements.append(element)
        return elements, offset

    def _run_of_ints(self, data: Data, offset: int, count: int) -> list[object] | None:
        """Return the elements of a long array that holds only 32-bit ints."""
        block = memoryview(data)[offset : offset + 8 * count]
        if len(block) != 8 * count:
            return None
        words = little_endian_array("i", block)
        if words[::2].count(self._int_header) != count:
            return None
        return cast("list[object]", words[1::2].tolist())

    def _dictionary(
        self, data: Data, offset: int, _header: int, depth: int
    ) -> tuple[dict[object, object], int]:
        return self._items(data, offset, depth, {})

    def _items(
        self, data: Data, offset: int, depth: int, items: dict[object, object]
    ) -> tuple[dict[object, object], int]:
        """Read the items of a dictionary into ``items``."""
        count = read_word(data, offset) & ~_SHARED
        offset += 4
        check_count(data, offset, count, 8)
        _check_depth(count, offset, depth)
        typed = items if isinstance(items, TypedDictionary) else None
        array_keys = None
        for _ in range(count):
            start = offset
            key, offset = self._value(data, offset, depth - 1)
            value, offset = self._value(data, offset, depth - 1)
            if typed is not None:
                try:
                    key = _converted(key, typed.key_type)
                except TypeError:  # the engine drops the pair and keeps the rest
                    continue
                with suppress(TypeError):  # the engine keeps a value that does not fit
                    value = _converted(value, typed.value_type)
            try:
                items[key] = value
            except TypeError:
                array_keys = array_keys or ArrayKeys()
                items[array_keys.add(key, items, start, depth)] = value
        return items, offset

    def _maybe_typed_array(
        self, data: Data, offset: int, header: int, depth: int
    ) -> tuple[list[object], int]:
        kind, offset = _read_type(data, offset, header >> 16 & 3)
        elements, offset = self._array(data, offset, header, depth)
        if kind is VariantType.NIL:
            return elements, offset
        typed = TypedArray(kind)
        for element in elements:
            try:
                typed.append(_converted(element, kind))
            except TypeError:  # the engine drops it and keeps the rest
                continue
        return typed, offset

    def _maybe_typed_dictionary(
        self, data: Data, offset: int, header: int, depth: int
    ) -> tuple[dict[object, object], int]:
        key_kind, offset = _read_type(data, offset, header >> 16 & 3)
        value_kind, offset = _read_type(data, offset, header >> 18 & 3)
        if key_kind is VariantType.NIL and value_kind is VariantType.NIL:
            return self._items(data, offset, depth, {})
        return self._items(data, offset, depth, TypedDictionary(key_kind, value_kind))


def _read_type(data: Data, offset: int, kind: int) -> tuple[VariantType, int]:
    """Return the element type that a container's header announces, and the offset after it."""
    if kind == 0:
        return VariantType.NIL, offset
    if kind in _KINDS_OF_OBJECTS:
        return VariantType.OBJECT, read_string(data, offset)[1]
    number = read_word(data, offset)
    if number >= len(VariantType):
        raise DecodeError(f"there is no element type {number}", offset)
    return VariantType(number), offset + 4


def _converted(element: object, kind: VariantType) -> object:
    """Return ``element`` as the engine puts it into a container of ``kind``, or raise TypeError."""
    if kind is VariantType.INT and isinstance(element, float):
        if not -(2.0**63) <= element < 2.0**63:
            message = "not a 64-bit int"
            raise TypeError(message)
        return int(element)
    return fitted(element, kind)


def _check_depth(count: int, offset: int, depth: int) -> None:
    if depth <= 0 and count:
        reason = "nested too deeply"
        raise DecodeError(reason, offset)


_DECODERS = {3: VariantDecoder(3), 4: VariantDecoder(4)}


def decoder_for(version: int) -> VariantDecoder:
    """Return the decoder of a version.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such version.
    """
    decoder = _DECODERS.get(version)
    if decoder is None:
        message = f"there is no Variant format of version {version}; use 3 or 4"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return decoder


def decode_variant(
    data: bytes | bytearray | memoryview, version: int = 4, *, max_depth: int = DEFAULT_MAX_DEPTH
) -> object:
    """Return the value at the start of ``data``; bytes after it are ignored, as in Godot.

    Args:
        data: what ``var_to_bytes`` gives (``var2bytes`` in Godot 3).
        version: of the format: 3 or 4.
        max_depth: how deeply containers may be nested. Godot 4's own limit is 1024; with Python's
            default stack ours stops at about 330 (500 in version 3).

    Raises:
        DecodeError: the bytes are not a Variant, or hold a whole object, which is never decoded.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such version.
    """
    return decoder_for(version).decode_from(data, 0, max_depth)[0]


def decode_variant_from(
    buffer: bytes | bytearray | memoryview,
    offset: int = 0,
    version: int = 4,
    *,
    max_depth: int = DEFAULT_MAX_DEPTH,
) -> tuple[object, int]:
    """Return the value at ``offset`` of ``buffer``, and the offset after it.

    Raises:
        DecodeError: as for :func:`decode_variant`; its offset counts from the start of ``buffer``.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such version.
    """
    return decoder_for(version).decode_from(buffer, offset, max_depth)
