"""Writes values as Godot's binary Variants.

Mirrors ``encode_variant`` of the engine's ``core/io/marshalls.cpp``; the format is described in
Godot's manual under "Binary serialization API".
"""

from __future__ import annotations

import struct
from array import array
from enum import Enum
from typing import TYPE_CHECKING, cast

from multiplayer.errors import Error, MultiplayerError

from .failure import ENCODING_FAILURES, UnencodableError, as_unencodable, inside
from .leaf_writers import append_string, leaf_writers, pack_two_words, pack_word
from .packed import to_little_endian
from .python_types import VARIANT_TYPES, base_in_table, fitted
from .type_numbers import GODOT3_NUMBERS, GODOT4_NUMBERS, VariantType
from .typed import TypedArray, TypedDictionary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Never

    from .leaf_writers import Write

DEFAULT_MAX_DEPTH = 64
DEFAULT_LEVEL = (4, 4)

OBJECT_CLASS = "EncodedObjectAsID"
"""The class that writers of object ids give for a container of objects."""

_TYPED_ARRAYS_SINCE = (4, 3)
_TYPED_DICTIONARIES_SINCE = (4, 4)
_BUILTIN = 1
_CLASS = 2
_SHORTEST_RUN = 8


class _WritersByType(dict[type, "Write"]):
    """The writer of each class in the table; another class gets that of the one it inherits from.

    For members of plain enums, their values are written.
    """

    def __missing__(self, python_type: type) -> Write:
        base = base_in_table(python_type)
        if base is None and issubclass(python_type, Enum):
            return self._write_value
        if base is None:
            message = f"{python_type.__name__} has no Variant counterpart"
            raise UnencodableError(message)
        return self[base]

    def _write_value(self, out: bytearray, member: Enum, depth: int) -> None:
        self[type(member.value)](out, member.value, depth)


class VariantEncoder:
    """Writes values for readers of one generation and level.

    Args:
        generation: the engine that reads, for error messages.
        numbers: the types that it knows, and their numbers.
        level: which kinds of containers it knows.
    """

    def __init__(
        self, generation: str, numbers: Mapping[VariantType, int], level: tuple[int, int]
    ) -> None:
        self._generation = generation
        self._level = level
        self._numbers = numbers
        writers: dict[VariantType, Write] = {
            **leaf_writers(numbers, rid_has_number=level >= (4, 0)),
            VariantType.ARRAY: self._array,
            VariantType.DICTIONARY: self._dictionary,
        }
        self._writers = _WritersByType(
            (python_type, writers.get(kind, self._lacking))
            for python_type, kind in VARIANT_TYPES.items()
        )
        self._writers[TypedArray] = self._typed_array
        self._writers[TypedDictionary] = self._typed_dictionary

    def encode(self, value: object, max_depth: int) -> bytes:
        """Return ``value`` as a Variant; see :func:`encode_variant`."""
        try:
            return self.encode_part(value, max_depth)
        except UnencodableError as error:
            raise error.as_multiplayer_error() from error

    def encode_part(self, value: object, max_depth: int) -> bytes:
        """Return ``value``, which may be part of another, as a Variant.

        Raises:
            UnencodableError: something in it has no counterpart.
        """
        out = bytearray()
        try:
            self._writers[type(value)](out, value, max_depth)
        except ENCODING_FAILURES as error:
            raise as_unencodable(error) from error
        except RecursionError as error:
            message = "the value is nested deeper than Python's stack allows"
            raise UnencodableError(message) from error
        return bytes(out)

    def _lacking(self, _out: bytearray, value: object, _depth: int) -> Never:
        message = f"{type(value).__name__} has no counterpart in {self._generation}"
        raise UnencodableError(message)

    def _array(self, out: bytearray, value: Sequence[object], depth: int) -> None:
        out += pack_two_words(self._numbers[VariantType.ARRAY], len(value))
        self._elements(out, value, depth)

    def _elements(self, out: bytearray, value: Sequence[object], depth: int) -> None:
        _check_depth(value, depth)
        if len(value) >= _SHORTEST_RUN and type(value[0]) is int:
            run = self._run_of_ints(value)
            if run is not None:
                out += run
                return
        writers = self._writers
        for index, item in enumerate(value):
            try:
                writers[type(item)](out, item, depth - 1)
            except ENCODING_FAILURES as error:
                raise inside(error, index) from None

    def _run_of_ints(self, value: Sequence[object]) -> bytes | None:
        """Return the Variants of a long list that holds only 32-bit ints, else None."""
        if set(map(type, value)) != {int}:
            return None
        words = array("i", [self._numbers[VariantType.INT]]) * (2 * len(value))
        try:
            words[1::2] = array("i", cast("Sequence[int]", value))
        except OverflowError:
            return None
        return to_little_endian(words)

    def _dictionary(self, out: bytearray, value: dict[object, object], depth: int) -> None:
        out += pack_two_words(self._numbers[VariantType.DICTIONARY], len(value))
        self._items(out, value, depth)

    def _items(self, out: bytearray, value: dict[object, object], depth: int) -> None:
        _check_depth(value, depth)
        writers = self._writers
        for key, item in value.items():
            note = " (the key)"
            try:
                writers[type(key)](out, key, depth - 1)
                note = ""
                writers[type(item)](out, item, depth - 1)
            except ENCODING_FAILURES as error:
                raise inside(error, key, note) from None

    def _typed_array(self, out: bytearray, value: TypedArray, depth: int) -> None:
        if value.element_type is VariantType.NIL:
            self._array(out, value, depth)
            return
        self._need(_TYPED_ARRAYS_SINCE, "a typed array; send list(…) instead")
        part, kind = _type_part(value.element_type)
        out += pack_word(self._numbers[VariantType.ARRAY] | kind << 16)
        out += part
        elements: list[object] = []
        for index, item in enumerate(value):
            try:
                elements.append(fitted(item, value.element_type))
            except TypeError as error:
                raise inside(UnencodableError(str(error)), index) from None
        out += pack_word(len(elements))
        self._elements(out, elements, depth)

    def _typed_dictionary(self, out: bytearray, value: TypedDictionary, depth: int) -> None:
        if value.key_type is value.value_type is VariantType.NIL:
            self._dictionary(out, value, depth)
            return
        self._need(_TYPED_DICTIONARIES_SINCE, "a typed dictionary; send dict(…) instead")
        key_part, key_kind = _type_part(value.key_type)
        value_part, value_kind = _type_part(value.value_type)
        header = self._numbers[VariantType.DICTIONARY] | key_kind << 16 | value_kind << 18
        out += pack_word(header) + key_part + value_part
        items: dict[object, object] = {}
        for key, item in value.items():
            try:
                items[fitted(key, value.key_type)] = fitted(item, value.value_type)
            except TypeError as error:
                raise inside(UnencodableError(str(error)), key) from None
        out += pack_word(len(items))
        self._items(out, items, depth)

    def _need(self, level: tuple[int, int], what: str) -> None:
        if self._level < level:
            message = f"{self._generation} cannot read {what}"
            raise UnencodableError(message)


def _check_depth(value: Sequence[object] | dict[object, object], depth: int) -> None:
    if depth <= 0 and value:
        message = "the value is nested too deeply, or contains itself"
        raise UnencodableError(message)


def _type_part(kind: VariantType) -> tuple[bytes, int]:
    """Return what a container of ``kind`` has before its count, and the header's two bits."""
    if kind is VariantType.NIL:
        return b"", 0
    if kind is VariantType.OBJECT:
        out = bytearray()
        append_string(out, OBJECT_CLASS)
        return bytes(out), _CLASS
    return struct.pack("<I", kind), _BUILTIN


_GODOT3 = VariantEncoder("Godot 3", GODOT3_NUMBERS, (3, 0))
_BEFORE_4_3 = {
    kind: number
    for kind, number in GODOT4_NUMBERS.items()
    if kind is not VariantType.PACKED_VECTOR4_ARRAY
}
_GODOT4 = (
    ((4, 4), VariantEncoder("Godot 4.4", GODOT4_NUMBERS, (4, 4))),
    ((4, 3), VariantEncoder("Godot 4.3", GODOT4_NUMBERS, (4, 3))),
    ((4, 0), VariantEncoder("Godot 4.0 to 4.2", _BEFORE_4_3, (4, 0))),
)


def encoder_for(version: int, level: tuple[int, int] = DEFAULT_LEVEL) -> VariantEncoder:
    """Return the encoder of a version and level.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such version or level.
    """
    if version == 3:
        return _GODOT3
    if version == 4:
        for since, encoder in _GODOT4:
            if level >= since:
                return encoder
    message = f"there is no Variant format of version {version}, level {level}; use 3 or 4"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def encode_variant(
    value: object,
    version: int = 4,
    *,
    level: tuple[int, int] = DEFAULT_LEVEL,
    max_depth: int = DEFAULT_MAX_DEPTH,
) -> bytes:
    """Return ``value`` as a Variant: what ``var_to_bytes`` gives (``var2bytes`` in Godot 3).

    Args:
        value: ``docs/values.md`` says which Python value becomes which Variant.
        version: of the format: 3 or 4.
        level: the oldest engine of version 4 that has to read it: before (4, 3) there is no
            PackedVector4Array and no typed array, before (4, 4) no typed dictionary.
        max_depth: how deeply containers may be nested; Python's default stack ends at about 500.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: something in the value has no counterpart (the
            sentence starts with the path to it), or there is no such version.
    """
    return encoder_for(version, level).encode(value, max_depth)
