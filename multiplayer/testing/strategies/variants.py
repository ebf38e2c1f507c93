"""Strategies for the values that calls can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number
from multiplayer.variant import (
    RID,
    CallableRef,
    EncodedObjectAsID,
    NodePath,
    PackedStringArray,
    SignalRef,
    StringName,
    TypedArray,
    TypedDictionary,
    VariantType,
)
from multiplayer.variant.python_types import FLOAT_TYPES, INTEGER_TYPES, NUMERIC_ARRAYS
from multiplayer.variant.type_numbers import GODOT3_NUMBERS
from multiplayer.wire.dialects.choice import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable

FLOAT32 = st.floats(width=32, allow_nan=False)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=12)
NUMBERS = {"i": INT32, "q": INT64, "f": FLOAT32, "d": st.floats(allow_nan=False)}


def node_paths() -> st.SearchStrategy[NodePath]:
    """Return a strategy for node paths."""
    parts = st.lists(TEXT, max_size=3).map(tuple)
    return st.builds(NodePath.from_parts, parts, parts, absolute=st.booleans())


def components(value_type: type[Any], numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for values that are so many numbers, such as ``Vector2``."""
    count = len(value_type().components)
    return st.tuples(*[numbers] * count).map(value_type.from_components)


def packed(array_type: type[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for packed arrays."""
    numbers = NUMBERS[array_type.typecode]
    if array_type.width == 1:
        return st.lists(numbers, max_size=5).map(array_type)
    item = cast("type[Any]", type(array_type.from_bytes(bytes(4 * array_type.width))[0]))
    return st.lists(components(item, numbers), max_size=5).map(array_type)


LEAVES: dict[VariantType, st.SearchStrategy[Any]] = {
    VariantType.NIL: st.none(),
    VariantType.BOOL: st.booleans(),
    VariantType.INT: INT64,
    VariantType.FLOAT: st.floats(allow_nan=False),
    VariantType.STRING: TEXT,
    VariantType.STRING_NAME: TEXT.map(StringName),
    VariantType.NODE_PATH: node_paths(),
    VariantType.RID: UINT64.map(RID),
    VariantType.OBJECT: st.integers(1, 2**64 - 1).map(EncodedObjectAsID),
    VariantType.CALLABLE: st.just(CallableRef()),
    VariantType.SIGNAL: st.builds(SignalRef, TEXT, UINT64),
    VariantType.PACKED_BYTE_ARRAY: st.binary(max_size=9),
    VariantType.PACKED_STRING_ARRAY: st.lists(TEXT, max_size=4).map(PackedStringArray),
    **{kind: components(value_type, FLOAT32) for kind, value_type in FLOAT_TYPES.items()},
    **{kind: components(value_type, INT32) for kind, value_type in INTEGER_TYPES.items()},
    **{kind: packed(array_type) for kind, array_type in NUMERIC_ARRAYS.items()},
}


def typed_arrays() -> st.SearchStrategy[TypedArray]:
    """Return a strategy for arrays that say what is in them."""
    return st.sampled_from(sorted(set(LEAVES) - {VariantType.NIL})).flatmap(
        lambda kind: st.lists(LEAVES[kind], max_size=3).map(lambda items: TypedArray(kind, items))
    )


def typed_dictionaries() -> st.SearchStrategy[TypedDictionary]:
    """Return a strategy for dictionaries that do."""
    kinds = st.sampled_from(sorted(LEAVES))
    return (
        st.tuples(kinds, kinds)
        .filter(any)
        .flatmap(
            lambda pair: st.dictionaries(LEAVES[pair[0]], LEAVES[pair[1]], max_size=3).map(
                lambda items: TypedDictionary(*pair, items)
            )
        )
    )


def nested(
    leaves: Iterable[st.SearchStrategy[Any]],
    *unhashable: st.SearchStrategy[Any],
    max_leaves: int = 12,
) -> st.SearchStrategy[Any]:
    """Return a strategy for containers of ``leaves``, and those alone."""
    leaf = st.one_of(*leaves)
    key = st.one_of(leaf, st.tuples(leaf, leaf))
    return st.recursive(
        st.one_of(leaf, st.lists(INT32, min_size=8, max_size=12), *unhashable),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(key, inner, max_size=5),
        max_leaves=max_leaves,
    )


BETA_LEAVES = {
    kind: leaf for kind, leaf in LEAVES.items() if kind != VariantType.PACKED_VECTOR4_ARRAY
}
GODOT3_LEAVES = {kind: LEAVES[kind] for kind in GODOT3_NUMBERS if kind in LEAVES}
GODOT3_LEAVES[VariantType.RID] = st.just(RID())


def values(dialect: Dialect = Dialect.NATIVE, *, max_leaves: int = 12) -> st.SearchStrategy[object]:
    """Return a strategy for arguments of RPCs: what arrives equal to what was sent.

    Args:
        dialect: the language that has to carry them.
        max_leaves: about how many values that are not containers one has at most.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument makes no sense.
    """
    if not isinstance(dialect, Dialect):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"dialect must be a Dialect, such as Dialect.GODOT_4, not {dialect!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    most = int(check_number("max_leaves", max_leaves, whole=True, above_zero=True))
    if dialect is Dialect.GODOT_3:
        return nested(GODOT3_LEAVES.values(), max_leaves=most)
    if dialect is Dialect.GODOT_4_BETA:
        return nested(BETA_LEAVES.values(), max_leaves=most)  # no typed containers, either
    return nested(LEAVES.values(), typed_arrays(), typed_dictionaries(), max_leaves=most)
