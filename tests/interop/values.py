"""Values and damaged encodings for the real engines; the same ones in every run."""

from __future__ import annotations

import random
import struct
from typing import Any

from multiplayer import (
    RID,
    CallableRef,
    NodePath,
    PackedStringArray,
    SignalRef,
    StringName,
    TypedArray,
    TypedDictionary,
    VariantType,
    encode_variant,
)
from multiplayer.variant.python_types import FLOAT_TYPES, INTEGER_TYPES, NUMERIC_ARRAYS
from multiplayer.variant.type_numbers import GODOT3_NUMBERS, GODOT4_NUMBERS

TEXTS = ["", "a", "ab", "abc", "abcd", "Ünï", "日本語", "😀", "a b\tc\n", "x" * 300, '"\\']
PATHS = [
    "",
    ".",
    "..",
    "a",
    "a/b",
    "/root/Main",
    "../a",
    "a:b:c",
    ":x:y",
    "/root/Ünï:p",
    "a//b",
]
SINGLES = [0.0, -0.0, 1.0, -2.5, 2.0**66, 2.0**-149, 3.4028234663852886e38, float("inf")]


def leaves(source: random.Random, version: int) -> list[Any]:
    """Return values of every type that Godot ``version`` has and that holds no others."""
    known = GODOT3_NUMBERS if version == 3 else GODOT4_NUMBERS
    whole = [0, 1, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, -(2**63)]
    doubles = [*SINGLES, 0.1, 1e39, 5e-324, -16777217.0]
    found: list[Any] = [None, True, False, RID(), *whole, *doubles, *TEXTS]
    found += [source.randrange(-(2**40), 2**40) for _ in range(20)]
    found += [source.uniform(-1e6, 1e6) for _ in range(20)]
    found += [NodePath(path) for path in PATHS]
    found += [source.randbytes(length) for length in range(9)]
    found += [PackedStringArray(TEXTS[:length]) for length in range(len(TEXTS))]
    for kind, value_type in FLOAT_TYPES.items():
        if kind in known:
            count = len(value_type().components)
            found += [
                value_type.from_components(tuple(source.choices(SINGLES, k=count)))
                for _ in range(9)
            ]
    for kind, array_type in NUMERIC_ARRAYS.items():
        if kind in known:
            size = array_type.width
            for length in range(4):
                numbers = [_number(source, array_type.typecode) for _ in range(size * length)]
                found.append(array_type.from_bytes(b"".join(numbers)))
    if version == 4:
        found += only_in_godot4(source)
    return found


def _number(source: random.Random, typecode: str) -> bytes:
    if typecode in "fd":
        return struct.pack("<" + typecode, source.choice(SINGLES))
    return source.randbytes(struct.calcsize("<" + typecode))


def only_in_godot4(source: random.Random) -> list[Any]:
    """Return values of the types without floats that are new in Godot 4."""
    found: list[Any] = [StringName(text) for text in TEXTS]
    found += [RID(source.randrange(1, 2**63)), CallableRef(), SignalRef(), SignalRef("left", 77)]
    extremes = [0, -1, 2**31 - 1, -(2**31)]
    for value_type in INTEGER_TYPES.values():
        count = len(value_type().components)
        found += [
            value_type.from_components(tuple(source.choices(extremes, k=count))) for _ in range(5)
        ]
    return found


def typed(source: random.Random, elements: list[Any]) -> list[Any]:
    """Return typed arrays and dictionaries of these."""
    kinds = {kind: found for kind in GODOT4_NUMBERS if (found := of_kind(elements, kind))}
    containers: list[Any] = []
    for kind, fitting in kinds.items():
        containers.append(TypedArray(kind, source.choices(fitting, k=source.randrange(4))))
        key_kind = source.choice([VariantType.INT, VariantType.STRING, VariantType.NODE_PATH])
        pairs = zip(source.choices(kinds[key_kind], k=3), source.choices(fitting, k=3), strict=True)
        containers.append(TypedDictionary(key_kind, kind, pairs))
        pairs = zip(
            source.choices(kinds[key_kind], k=3), source.choices(elements, k=3), strict=True
        )
        containers.append(TypedDictionary(key_kind, VariantType.NIL, pairs))
    return containers


def of_kind(elements: list[Any], kind: VariantType) -> list[Any]:
    """Return those that have this type on Godot 4's wire; none for NIL, which is none."""
    if kind is VariantType.NIL:
        return []
    return [element for element in elements if encode_variant(element)[0] == kind]


def values(version: int) -> list[Any]:
    """Return values of all types, nested ones included."""
    source = random.Random(3)
    found = leaves(source, version)
    keys = [value for value in found if isinstance(value, (str, int, NodePath))]
    if version == 4:
        found += typed(source, found)
    for size in range(60):
        items = source.choices(found, k=size % 12)
        named = {source.choice(keys): item for item in source.choices(found, k=size % 7)}
        found += [items, named]
    return found


def has_path(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_path(key) or has_path(item) for key, item in value.items())
    if isinstance(value, list):
        return any(has_path(item) for item in value)
    return isinstance(value, NodePath)


def damaged(encodings: list[bytes]) -> list[bytes]:
    """Return byte strings of which some are Variants, and most are not quite."""
    source = random.Random(4)
    small = [data for data in encodings if 4 < len(data) < 120]
    cut = [data[: source.randrange(len(data))] for data in source.choices(small, k=150)]
    changed: list[bytes] = []
    for data in source.choices(small, k=250):
        index = source.randrange(len(data))
        changed.append(data[:index] + source.randbytes(1) + data[index + 1 :])
    return [data for data in cut if data] + changed
