"""What counts as a change: deeply, and by type."""

from __future__ import annotations

import copy
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import (
    Error,
    MultiplayerError,
    NodePath,
    PackedInt32Array,
    StringName,
    TypedArray,
    TypedDictionary,
    VariantType,
    Vector2,
    Vector2i,
    encode_variant,
)
from multiplayer.scene.replication.snapshots import is_fixed, same, snapshot

NAN = float("nan")


class Mood(IntEnum):
    CALM = 1
    WILD = 2


class Bag(list[Any]):
    pass


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, NAN, "a", "b", StringName("a"), b"x", Vector2(1, 2), Mood.CALM]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["k", 1, (1, 2)]), inner, max_size=3),
        st.tuples(inner, inner),
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (5, 5.0),
        (1, True),
        (StringName("n"), "n"),
        ([1, 2], [1, 2.0]),
        ([True], [1]),
        ([], ()),
        ({"a": [1]}, {"a": [1, 2]}),
        ({1: "a"}, {1.0: "a"}),
        (b"ab", b"ac"),
        (Vector2(1, 2), Vector2i(1, 2)),
        (None, False),
        (NodePath("a"), "a"),
        (PackedInt32Array([1]), [1]),
        (TypedArray(VariantType.INT, [1]), TypedArray(VariantType.FLOAT, [1])),
        (TypedArray(VariantType.INT, [1]), [1]),
        (
            TypedDictionary(VariantType.INT, VariantType.INT, {1: 1}),
            TypedDictionary(VariantType.INT, VariantType.NIL, {1: 1}),
        ),
        (Mood.CALM, Mood.WILD),
        (Mood.CALM, 1),
    ],
)
def test_what_differs(value: object, other: object) -> None:
    assert not same(value, other)
    assert not same(other, value)
    assert not same(snapshot(value), other)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (NAN, float("nan")),
        ([1.0, NAN], [1.0, float("nan")]),
        ({"a": [NAN]}, {"a": [float("nan")]}),
        (0.0, -0.0),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), bytearray(b"ab")),
        (Bag([1]), [1]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1, 2: 2}, {2: 2, "a": 1}),
    ],
)
def test_what_is_the_same(value: object, other: object) -> None:
    assert same(value, other)
    assert same(other, value)
    assert same(value, snapshot(other))


@given(values)
def test_a_snapshot_is_the_same_and_encodes_the_same(value: object) -> None:
    copied = snapshot(value)
    assert same(value, copied)
    assert encode_variant(copied) == encode_variant(value)


@given(values, values)
def test_values_that_are_the_same_are_so_both_ways_and_encode_the_same(
    value: object, other: object
) -> None:
    assert same(value, other) is same(other, value)
    if same(value, other) and "dict" not in f"{type(value)}{type(other)}":
        assert same(snapshot(value), snapshot(other))


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1, 2], lambda value: value.append(3)),
        ({"a": [1]}, lambda value: value["a"].append(2)),
        ([{"a": [1]}], lambda value: value[0]["a"].clear()),
        (([1], 2), lambda value: value[0].append(2)),
        (bytearray(b"ab"), lambda value: value.append(1)),
        (TypedArray(VariantType.NIL, [[1]]), lambda value: value[0].append(2)),
        (TypedDictionary(VariantType.NIL, VariantType.NIL, {1: [1]}), lambda value: value.clear()),
        (Bag([1, [2]]), lambda value: value[1].append(2)),
    ],
)
def test_a_snapshot_does_not_change_with_the_value(value: Any, change: Any) -> None:
    before = copy.deepcopy(value)
    copied = snapshot(value)
    change(value)
    assert same(copied, before)
    assert not same(copied, value)
    assert not is_fixed(value)


def test_a_value_that_contains_itself_is_refused_in_a_sentence() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(MultiplayerError, match="contains itself") as caught:
        snapshot(endless)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_values_that_never_change_need_no_comparison() -> None:
    for value in (None, True, 5, 0.5, "a", b"a", Vector2(1, 2), PackedInt32Array([1]), Mood.CALM):
        assert is_fixed(value)
        assert snapshot(value) is value
