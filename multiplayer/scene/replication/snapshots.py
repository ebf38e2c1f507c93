"""Copies of what was sent, and whether a value is still the same: deeply, and by type.

As Godot compares a property at each poll: ``5`` and ``5.0`` differ, and so do two lists of them.
Unlike in Godot, a NAN is the same as a NAN wherever it is, so that an array with one in it is not
sent for ever (REPLICATION.md, section 3).
"""

from __future__ import annotations

from enum import Enum
from types import NoneType
from typing import TYPE_CHECKING, Final, cast

from multiplayer.errors import Error, MultiplayerError
from multiplayer.variant.python_types import VARIANT_TYPES, base_in_table
from multiplayer.variant.typed import TypedArray, TypedDictionary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MUTABLE: Final = (list, tuple, dict, TypedArray, TypedDictionary, bytearray, memoryview)
"""Types that may change without being set; a tuple may hold some of the others."""

_BYTES: Final = (bytes, bytearray, memoryview)
_SEQUENCES: Final = (list, tuple)

FIXED: Final = frozenset(kind for kind in VARIANT_TYPES if kind not in _MUTABLE)
"""Exact types whose values never change."""

_EXACT: Final = FIXED - {float}
"""Types whose values are the same exactly if they are equal."""

_SIMPLE: Final = frozenset((NoneType, bool, int, float, str))
"""Types of which whole lists are compared at once, beside the types of their items."""


def is_fixed(value: object) -> bool:
    """Return whether ``value`` can never change, so that it is the same as long as it is set."""
    return type(value) in FIXED or isinstance(value, Enum)


def snapshot(value: object) -> object:
    """Return a copy of ``value`` that does not change when it does.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it contains itself, or nearly.
    """
    try:
        return _snapshot(value)
    except RecursionError as error:
        message = "the value contains itself, or is nested too deeply to be sent"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from error


def _snapshot(value: object) -> object:
    kind = type(value)
    if kind in FIXED:
        return value
    if kind is list:
        items = cast("list[object]", value)
        return list(items) if FIXED.issuperset(map(type, items)) else [*map(_snapshot, items)]
    if kind is dict:
        return {key: _snapshot(item) for key, item in cast("dict[object, object]", value).items()}
    base = base_in_table(kind)
    if base in _BYTES:
        return bytes(cast("bytes", value))
    if base is tuple:
        return tuple(map(_snapshot, cast("tuple[object, ...]", value)))
    if base is TypedArray:
        array = cast("TypedArray", value)
        return TypedArray(array.element_type, map(_snapshot, array))
    if base is TypedDictionary:
        dictionary = cast("TypedDictionary", value)
        copied = {key: _snapshot(item) for key, item in dictionary.items()}
        return TypedDictionary(dictionary.key_type, dictionary.value_type, copied)
    if base is list:
        return list(map(_snapshot, cast("list[object]", value)))
    if base is dict:
        return {key: _snapshot(item) for key, item in cast("dict[object, object]", value).items()}
    return value


def same(value: object, other: object) -> bool:
    """Return whether two values are the same: equal, and everything in them of the same type.

    One of them may be a :func:`snapshot`, so a ``bytearray`` is the same as ``bytes``, and a list
    of a class of its own as a list.
    """
    if value is other and is_fixed(value):
        return True
    kind = type(value)
    if kind is not type(other):
        return _same_of_kinds(value, other)
    if kind in _EXACT:
        return value == other
    if kind is float:
        return value == other or (value != value and other != other)
    if kind is list:
        return _same_items(cast("list[object]", value), cast("list[object]", other))
    return _same_of_kinds(value, other)


def _same_of_kinds(value: object, other: object) -> bool:
    if isinstance(value, Enum) or isinstance(other, Enum):
        return type(value) is type(other) and value == other
    base, other_base = base_in_table(type(value)), base_in_table(type(other))
    if base in _BYTES and other_base in _BYTES:
        return bytes(cast("bytes", value)) == bytes(cast("bytes", other))
    if base is not other_base:
        return False
    if base is TypedArray:
        array, other_array = cast("TypedArray", value), cast("TypedArray", other)
        types_agree = array.element_type == other_array.element_type
        return types_agree and _same_items(array, other_array)
    if base in _SEQUENCES:
        return _same_items(cast("Sequence[object]", value), cast("Sequence[object]", other))
    if base is TypedDictionary:
        typed, other_typed = cast("TypedDictionary", value), cast("TypedDictionary", other)
        if (typed.key_type, typed.value_type) != (other_typed.key_type, other_typed.value_type):
            return False
    if base in (dict, TypedDictionary):
        return _same_dictionaries(
            cast("dict[object, object]", value), cast("dict[object, object]", other)
        )
    return bool(value == other)


def _same_items(items: Sequence[object], others: Sequence[object]) -> bool:
    if len(items) != len(others):
        return False
    kinds = list(map(type, items))
    if _SIMPLE.issuperset(kinds):
        if kinds != list(map(type, others)):
            return False
        if list(items) == list(others):
            return True
        if float not in kinds:
            return False
    return all(map(same, items, others))


def _same_dictionaries(items: dict[object, object], others: dict[object, object]) -> bool:
    if len(items) != len(others):
        return False
    keys, other_keys = list(items), list(others)
    if keys == other_keys and list(map(type, keys)) == list(map(type, other_keys)):
        return _same_items(list(items.values()), list(others.values()))
    if items.keys() != others.keys() or not _same_types(items, others):
        return False
    return all(same(item, others[key]) for key, item in items.items())


def _same_types(keys: Iterable[object], others: Iterable[object]) -> bool:
    """Return whether equal keys have equal types, as 1 and 1.0 do not; they may be in any order."""
    kinds = {other: type(other) for other in others}
    return all(kinds[key] is type(key) for key in keys)
