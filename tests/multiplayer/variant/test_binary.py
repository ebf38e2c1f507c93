"""What the recorded bytes do not show: levels, lacking types, leniency, limits, byte order."""

from __future__ import annotations

import sys
from array import array
from typing import Any, cast

import pytest

from multiplayer import (
    CallableRef,
    Color,
    DecodeError,
    EncodedObjectAsID,
    Error,
    MultiplayerError,
    NodePath,
    PackedColorArray,
    PackedInt32Array,
    PackedInt64Array,
    PackedStringArray,
    PackedVector2Array,
    PackedVector4Array,
    Projection,
    Rect2i,
    SignalRef,
    StringName,
    TypedArray,
    TypedDictionary,
    VariantType,
    Vector2,
    Vector2i,
    Vector4,
    decode_compact_from,
    decode_variant,
    decode_variant_from,
    encode_compact,
    encode_variant,
)
from multiplayer.variant.packed import little_endian_array, to_little_endian


@pytest.mark.parametrize(
    "value",
    [
        Vector2i(1, 2),
        Rect2i(),
        Vector4(),
        Projection(),
        StringName("a"),
        CallableRef(),
        SignalRef(),
        PackedInt64Array(),
        PackedVector4Array(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_godot3_lacks(value: object) -> None:
    with pytest.raises(MultiplayerError) as refusal:
        encode_variant({"a": [value]}, 3)
    assert refusal.value.code is Error.ERR_INVALID_PARAMETER
    assert refusal.value.message == (
        f"at ['a'][0]: {type(value).__name__} has no counterpart in Godot 3"
    )


TYPED_ARRAY = TypedArray(VariantType.INT, [1])
TYPED_DICTIONARY = TypedDictionary(VariantType.INT, VariantType.NIL, {1: 1})


@pytest.mark.parametrize(
    ("value", "since"),
    [(PackedVector4Array(), (4, 3)), (TYPED_ARRAY, (4, 3)), (TYPED_DICTIONARY, (4, 4))],
)
def test_levels(value: Any, since: tuple[int, int]) -> None:
    assert decode_variant(encode_variant(value, level=since)) == value
    assert encode_variant(value, level=(4, 9)) == encode_variant(value)
    for level in ((4, 0), (4, 2), (since[0], since[1] - 1)):
        with pytest.raises(MultiplayerError, match=r"at \[0\]: .*Godot 4\."):
            encode_variant([value], level=level)
        with pytest.raises(MultiplayerError, match=r"at \[0\]: .*Godot 4\."):
            encode_compact([value], level=level)


def test_godot3_has_no_typed_containers() -> None:
    for value in (TYPED_ARRAY, TYPED_DICTIONARY):
        with pytest.raises(MultiplayerError, match="Godot 3 cannot read a typed"):
            encode_variant(value, 3)


def test_containers_of_anything_are_not_typed() -> None:
    array = TypedArray(VariantType.NIL, [1, "a"])
    dictionary = TypedDictionary(VariantType.NIL, VariantType.NIL, {1: "a"})
    assert encode_variant(array, 3) == encode_variant([1, "a"], 3)
    assert encode_variant(dictionary, 3) == encode_variant({1: "a"}, 3)
    assert encode_variant([array, dictionary], level=(4, 0)) == encode_variant(
        [[1, "a"], {1: "a"}], level=(4, 0)
    )


@pytest.mark.parametrize("hexadecimal", ["00000000", "11000100 0000000000000000"])
def test_godot3_has_two_forms_of_null(hexadecimal: str) -> None:
    data = bytes.fromhex(hexadecimal)
    assert decode_variant_from(data + b"rest", 0, 3) == (None, len(data))


def test_a_whole_object_without_a_class_is_refused_as_by_godot3() -> None:
    """The engine takes it for null only where it is told to allow objects."""
    with pytest.raises(DecodeError, match="a whole object"):
        decode_variant(bytes.fromhex("11000000 00000000"), 3)


def test_numbers_too_large() -> None:
    with pytest.raises(MultiplayerError, match=r"at \[0\]: a number is too large"):
        encode_variant([Vector2i(2**31, 0)])


def test_numbers_that_are_none_are_not_called_too_large() -> None:
    for components in ((1,), (1.5, 2)):
        with pytest.raises(MultiplayerError, match="not the numbers expected here"):
            encode_variant(Vector2i.from_components(cast("tuple[int, ...]", components)))


def test_elements_of_typed_containers_are_checked() -> None:
    assert encode_variant(TypedArray(VariantType.FLOAT, [1])) == encode_variant(
        TypedArray(VariantType.FLOAT, [1.0])
    )
    names = TypedArray(VariantType.STRING_NAME, ["a"])
    assert type(decode_variant(encode_variant(names))[0]) is StringName
    texts = TypedArray(VariantType.STRING, [StringName("a")])
    assert type(decode_variant(encode_variant(texts))[0]) is str
    objects = TypedArray(VariantType.OBJECT, [None, EncodedObjectAsID(5)])
    assert decode_variant(encode_variant(objects)) == objects
    with pytest.raises(MultiplayerError, match=r"at \['a'\]\[1\]: str does not fit .* INT"):
        encode_variant({"a": TypedArray(VariantType.INT, [1, "b"])})
    with pytest.raises(MultiplayerError, match=r"at \[1\]: str does not fit .* INT"):
        encode_variant(TypedDictionary(VariantType.INT, VariantType.INT, {1: "b"}))


@pytest.mark.parametrize(
    ("hexadecimal", "value"),
    [
        # Array[int] of 1.5, "a" and 7: the float is converted, the text dropped.
        (
            "1c00010002000000 03000000 030000000000c03f 040000000100000061000000 0200000007000000",
            TypedArray(VariantType.INT, [1, 7]),
        ),
        # Array[int] of infinity, which is no int.
        ("1c00010002000000 01000000 030000000000807f", TypedArray(VariantType.INT)),
        # Typed as NIL: not typed.
        ("1c00010000000000 01000000 0200000007000000", [7]),
        # A script as element type: objects.
        (
            "1c000300 04000000 61626364 01000000 00000000",
            TypedArray(VariantType.OBJECT, [None]),
        ),
        ("1c00010018000000 00000000", TypedArray(VariantType.OBJECT)),
        # Dictionary[int, String] with a value that does not fit, and is kept.
        (
            (
                "1b000500 02000000 04000000 02000000 0200000001000000 0200000001000000"
                "0200000002000000 0400000000000000"
            ),
            TypedDictionary(VariantType.INT, VariantType.STRING, {1: 1, 2: ""}),
        ),
        # Dictionary[int, any] of 1 and True: another key in Godot, which does not fit.
        (
            (
                "1b000100 02000000 02000000 0200000001000000 020000000a000000"
                "0100000001000000 0200000014000000"
            ),
            TypedDictionary(VariantType.INT, VariantType.NIL, {1: 10}),
        ),
        # Dictionary[int, float] with an item that is converted both ways.
        (
            ("1b000500 02000000 03000000 01000000 030000000000c03f 0200000007000000"),
            TypedDictionary(VariantType.INT, VariantType.FLOAT, {1: 7.0}),
        ),
        # A byte order mark, of which only the first is none of the text.
        ("04000000 07000000 efbbbf efbbbf 61 00", "\ufeffa"),
        # Components with 64 bits.
        ("05000100 000000000000f03f 0000000000000040", Vector2(1, 2)),
        (
            "23000100 01000000 000000000000f03f 0000000000000040",
            PackedVector2Array([Vector2(1, 2)]),
        ),
        # Colours never have 64 bits, and integers do not heed the flag.
        ("14000100 0000803f 00000000 00000000 0000803f", Color(1, 0, 0)),
        (
            "25000100 01000000 0000803f 00000000 00000000 0000803f",
            PackedColorArray([Color(1, 0, 0)]),
        ),
        ("06000100 01000000 02000000", Vector2i(1, 2)),
        ("1e000100 01000000 05000000", PackedInt32Array([5])),
        ("22000000 ffffffff", PackedStringArray()),
        ("22000000 01000000 01000000 61000000", PackedStringArray(["a"])),
        ("1d000000 03000000 010203", b"\1\2\3"),
        (
            "16000000 01000080 00000000 02000000 01000000 61000000 01000000 62000000",
            NodePath("a:b"),
        ),
        ("04000000 04000000 6100ffff", "a"),
        ("18000100 0000000000000000", None),
        # An array as a key, with an array inside.
        (
            "1b000000 01000000 1c000000 01000000 1c000000 00000000 0200000007000000",
            {((),): 7},
        ),
    ],
)
def test_leniency(hexadecimal: str, value: object) -> None:
    data = bytes.fromhex(hexadecimal)
    decoded, end = decode_variant_from(data + b"\xff" * (-len(data) % 4))
    assert decoded == value
    assert type(decoded) is type(value)
    assert repr(decoded) == repr(value)
    assert end >= len(data)


@pytest.mark.parametrize(
    ("hexadecimal", "offset", "reason"),
    [
        ("1c000000 02000000 00000000 02000000", 16, "4 bytes needed, 0 left"),
        ("1c000000 05000000 00000000", 8, "a count of 5, but only 4 bytes are left"),
        ("1b000000 01000000 00000000", 8, "a count of 1, but only 4 bytes are left"),
        ("1e000000 ffffffff 00000000", 8, "17179869180 bytes needed, 4 left"),
        ("04000000 02000000 61ff0000", 9, "not UTF-8: invalid start byte"),
        ("16000000 01000000 00000000 00000000", 4, "a NodePath in the earliest engines"),
        ("1c000000 01000000 27000000", 8, "there is no type 39"),
        ("1c000100 27000000 00000000", 4, "there is no element type 39"),
        ("18000000 04000000 4e6f6465 00000000", 0, "a whole object, which is never decoded"),
        ("1b000000 01000000 1b000000 00000000 00000000", 8, "a dictionary as a key"),
        ("1b000000 01000000 1c000000 01000000 1b000000 00000000 00000000", 8, "a dictionary as"),
        ("02000100 00000000", 4, "8 bytes needed, 4 left"),
        ("05000100 00000000 00000000", 4, "16 bytes needed, 8 left"),
    ],
)
def test_refusals_say_where(hexadecimal: str, offset: int, reason: str) -> None:
    data = bytes.fromhex(hexadecimal)
    with pytest.raises(DecodeError) as refusal:
        decode_variant(data)
    assert refusal.value.offset == offset
    assert refusal.value.reason.startswith(reason)
    with pytest.raises(DecodeError) as refusal:
        decode_variant_from(b"--" + data, 2)
    assert refusal.value.offset == offset + 2


def test_buffers_that_are_not_flat_bytes() -> None:
    for value in (None, [0.5, PackedInt32Array([7])]):
        data = encode_variant(value)
        words = memoryview(array("I", data))
        spaced = memoryview(bytes(byte for byte in data for _ in range(2)))[::2]
        for buffer in (words, spaced):
            assert decode_variant(buffer) == value
            assert decode_variant_from(buffer) == (value, len(data))
            assert decode_compact_from(buffer) == (value, len(data))
    with pytest.raises(DecodeError):
        decode_variant(memoryview(array("I")))


def test_offset_outside() -> None:
    for offset in (-1, 5):
        with pytest.raises(DecodeError, match="lies outside"):
            decode_variant_from(bytes(4), offset)
        with pytest.raises(DecodeError, match="lies outside"):
            decode_compact_from(bytes(4), offset)


def test_decoding_another_version() -> None:
    with pytest.raises(MultiplayerError, match="no Variant format of version 5"):
        decode_variant(bytes(4), 5)


@pytest.mark.parametrize(
    ("value", "hexadecimal"),
    [
        (False, "01"),
        (True, "81"),
        (5, "0205"),
        (-1, "02ff"),
        (-129, "427fff"),
        (2**40, "c20000000000010000"),
        (0.5, "030000000000003f"),
        (None, "00000000"),
    ],
)
def test_compact(value: object, hexadecimal: str) -> None:
    data = bytes.fromhex(hexadecimal)
    assert encode_compact(value) == data
    assert decode_compact_from(b"-" + data + b"-", 1) == (value, 1 + len(data))


@pytest.mark.parametrize(
    ("hexadecimal", "value", "end"),
    [("41", False, 1), ("c1", True, 1), ("c20500000000000000", 5, 9), ("18000000", None, 4)],
)
def test_compact_leniency(hexadecimal: str, value: object, end: int) -> None:
    assert decode_compact_from(bytes.fromhex(hexadecimal)) == (value, end)


@pytest.mark.parametrize("hexadecimal", ["", "02", "4205", "44000000 00000000", "1a", "3f000000"])
def test_compact_refusals(hexadecimal: str) -> None:
    with pytest.raises(DecodeError):
        decode_compact_from(bytes.fromhex(hexadecimal))


def test_compact_int_too_large() -> None:
    with pytest.raises(MultiplayerError, match="more than 64 bits"):
        encode_compact(2**63)


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("odd", [2**31, 1.5, "a", True, None])
def test_long_lists_that_are_not_all_small_ints(version: int, odd: object) -> None:
    for index in (0, 5, 19):
        value: list[object] = list(range(-10, 10))
        assert decode_variant(encode_variant(value, version), version) == value
        value[index] = odd
        decoded = decode_variant(encode_variant(value, version), version)
        assert decoded == value
        assert type(decoded[index]) is type(odd)


def test_text_with_nul_is_not_sent() -> None:
    for value in ("a\0", StringName("\0"), NodePath("a\0b"), PackedStringArray(["", "\0"])):
        with pytest.raises(MultiplayerError, match="NUL character"):
            encode_variant(value)


def test_big_endian_machines_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "big" if sys.byteorder == "little" else "little"
    numbers = array("i", [1, -2])
    straight = to_little_endian(numbers)
    points = array("f", [1, 2, 3, 4])
    straight_points = to_little_endian(points)
    monkeypatch.setattr(sys, "byteorder", other)
    swapped = to_little_endian(numbers)
    packed = PackedInt32Array(numbers)
    assert encode_variant(packed).endswith(swapped)
    assert (list(packed), packed[1], packed[::-1]) == ([1, -2], -2, PackedInt32Array([-2, 1]))
    assert packed.data.tolist() == [1, -2]
    assert packed.data.readonly
    vectors = PackedVector2Array.from_array(points)
    assert vectors.tobytes() == to_little_endian(points) != straight_points
    assert vectors[1] == list(vectors)[1] == Vector2(3, 4)
    assert vectors.to_array() == points
    assert swapped == b"".join(straight[i : i + 4][::-1] for i in (0, 4))
    assert little_endian_array("i", swapped) == numbers == array("i", [1, -2])
