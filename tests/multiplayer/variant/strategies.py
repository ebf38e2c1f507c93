"""hypothesis strategies for the values of each generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from multiplayer import (
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

if TYPE_CHECKING:
    from collections.abc import Iterable

FLOAT32 = st.floats(width=32, allow_nan=False)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
UINT64 = st.integers(0, 2**64 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=12)
NUMBERS = {"i": INT32, "q": INT64, "f": FLOAT32, "d": st.floats(allow_nan=False)}


def node_paths() -> st.SearchStrategy[NodePath]:
    parts = st.lists(TEXT, max_size=3).map(tuple)
    return st.builds(NodePath.from_parts, parts, parts, absolute=st.booleans())


def components(value_type: Any, numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    count = len(value_type().components)
    return st.tuples(*[numbers] * count).map(value_type.from_components)


def packed(array_type: Any, kind: VariantType) -> st.SearchStrategy[Any]:
    numbers = NUMBERS[array_type.typecode]
    if array_type.width == 1:
        return st.lists(numbers, max_size=5).map(array_type)
    item = type(array_type.from_bytes(bytes(4 * array_type.width))[0])
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
    **{kind: packed(array_type, kind) for kind, array_type in NUMERIC_ARRAYS.items()},
}


def typed_arrays() -> st.SearchStrategy[TypedArray]:
    return st.sampled_from(sorted(set(LEAVES) - {VariantType.NIL})).flatmap(
        lambda kind: st.lists(LEAVES[kind], max_size=3).map(lambda items: TypedArray(kind, items))
    )


def typed_dictionaries() -> st.SearchStrategy[TypedDictionary]:
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
    leaves: Iterable[st.SearchStrategy[Any]], *unhashable: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    leaf = st.one_of(*leaves)
    key = st.one_of(leaf, st.tuples(leaf, leaf))
    return st.recursive(
        st.one_of(leaf, st.lists(INT32, min_size=8, max_size=12), *unhashable),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(key, inner, max_size=5),
        max_leaves=12,
    )


GODOT3_LEAVES = {kind: LEAVES[kind] for kind in GODOT3_NUMBERS if kind in LEAVES}
GODOT3_LEAVES[VariantType.RID] = st.just(RID())

GODOT3_VALUES = nested(GODOT3_LEAVES.values())
GODOT4_VALUES = nested(LEAVES.values(), typed_arrays(), typed_dictionaries())


def kinds(value: Any) -> Any:
    """Return the types in ``value``, which equality does not tell apart: True is 1."""
    if isinstance(value, dict):
        return type(value), [(kinds(key), kinds(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [kinds(item) for item in value]
    return type(value)
