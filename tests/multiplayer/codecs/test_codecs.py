"""``VariantCodec`` and ``MsgpackCodec``."""

from __future__ import annotations

import tracemalloc
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any, NamedTuple, cast

import msgpack
import pytest

from multiplayer import (
    Codec,
    DecodeError,
    Error,
    MsgpackCodec,
    MultiplayerError,
    StringName,
    TypedArray,
    VariantCodec,
    VariantType,
    Vector2,
)

CODECS: dict[str, Codec] = {
    "3": VariantCodec(3),
    "4": VariantCodec(4),
    "msgpack": MsgpackCodec(),
}
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)


class Team(IntEnum):
    RED = 1


class Mode(StrEnum):
    CALM = "calm"


class Point(NamedTuple):
    x: int
    y: int


@every_codec
def test_subclasses_are_sent_as_what_they_inherit_from(codec: Codec) -> None:
    value = {"team": Team.RED, "mode": Mode.CALM, "point": Point(1, 2), "data": bytearray(b"ab")}
    decoded: Any = codec.decode(codec.encode(value))
    assert decoded == {"team": 1, "mode": "calm", "point": [1, 2], "data": b"ab"}
    assert type(decoded["team"]) is int
    assert type(decoded["mode"]) is str


class Thing(Enum):
    DOOR = "door"
    PLACE = Vector2(1, 2)
    PAIR = (1, 2)
    TEAM = Team.RED
    NOTHING = frozenset[int]()


class Rights(Flag):
    READ = 1
    WRITE = 2


@every_codec
def test_members_of_enums_are_sent_as_their_values(codec: Codec) -> None:
    things = [Thing.DOOR, Thing.PLACE, Thing.PAIR, Thing.TEAM, Rights.READ | Rights.WRITE]
    values = ["door", Vector2(1, 2), [1, 2], 1, 3]
    assert codec.decode(codec.encode(things)) == values
    for thing, value in zip(things, values, strict=True):
        assert codec.decode(codec.encode(thing)) == value
    assert codec.decode(codec.encode({Thing.DOOR: [{"at": Thing.PLACE}]})) == {
        "door": [{"at": Vector2(1, 2)}]
    }
    with pytest.raises(MultiplayerError, match=r"at \[0\]: frozenset has no"):
        codec.encode([Thing.NOTHING])


@every_codec
def test_refusals_say_where(codec: Codec) -> None:
    with pytest.raises(MultiplayerError) as refusal:
        codec.encode({"player": [1, 2, 3, {4}]})
    assert refusal.value.code is Error.ERR_INVALID_PARAMETER
    kind = "msgpack" if isinstance(codec, MsgpackCodec) else "Variant"
    assert refusal.value.message == f"at ['player'][3]: set has no {kind} counterpart"


@every_codec
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([2**64], "at [0]: an int needs more than 64 bits"),
        ([-(2**63) - 1], "at [0]: an int needs more than 64 bits"),
        ({frozenset(): 1}, "at [frozenset()] (the key): frozenset has no"),
        (["\ud800"], "at [0]: "),
        (object(), "object has no"),
        ({"x" * 50: {1}}, f"at ['{'x' * 38}…]: set has no"),
    ],
)
def test_what_has_no_counterpart(codec: Codec, value: object, sentence: str) -> None:
    with pytest.raises(MultiplayerError) as refusal:
        codec.encode(value)
    assert refusal.value.message.startswith(sentence)


@every_codec
def test_a_value_that_holds_itself(codec: Codec) -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(MultiplayerError, match="nested too deeply, or contains itself"):
        codec.encode(value)


def nest(depth: int, innermost: object) -> object:
    value = innermost
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "make", [lambda depth: VariantCodec(4, max_depth=depth), lambda d: MsgpackCodec(max_depth=d)]
)
def test_depth(make: Any) -> None:
    narrow, wide = make(3), make(100)
    for deepest in (nest(3, 5), nest(3, [])):
        assert narrow.decode(narrow.encode(deepest)) == deepest
    too_deep = nest(4, 5)
    with pytest.raises(MultiplayerError):
        narrow.encode(too_deep)
    with pytest.raises(DecodeError, match="nested"):
        narrow.decode(wide.encode(too_deep))
    assert wide.decode(wide.encode(too_deep)) == too_deep
    with pytest.raises(DecodeError, match="nested"):
        make(64).decode(wide.encode(nest(80, 5)))


def test_depth_beyond_the_stack() -> None:
    deep = VariantCodec(4, max_depth=1_000_000)
    with pytest.raises(DecodeError, match="stack"):
        deep.decode(bytes.fromhex("1c00000001000000") * 100_000 + bytes(4))
    with pytest.raises(MultiplayerError, match="stack"):
        deep.encode(nest(5000, None))


@pytest.mark.parametrize("depth", [64, 10**6])
def test_msgpack_depth_beyond_the_stack(depth: int) -> None:
    codec = MsgpackCodec(max_depth=depth)
    with pytest.raises(DecodeError, match=r"nested|stack|Stack"):
        codec.decode(b"\x81" + b"\x91" * 1000 + b"\xc0\xc0")
    with pytest.raises(MultiplayerError, match="nested"):
        codec.encode(nest(5600, None))


def test_msgpack_depth_of_arrays_as_keys() -> None:
    data = b"\x81" + b"\x91" * 4 + b"\xc0\xc0"
    assert MsgpackCodec(max_depth=5).decode(data) == {((((None,),),),): None}
    with pytest.raises(DecodeError, match="nested"):
        MsgpackCodec(max_depth=4).decode(data)


def test_msgpack_depth_inside_extensions_and_subclasses() -> None:
    deep = TypedArray(VariantType.ARRAY, [nest(80, None)])
    wide, narrow = MsgpackCodec(max_depth=100), MsgpackCodec(max_depth=3)
    assert wide.decode(wide.encode([deep])) == [deep]
    shallow = [[TypedArray(VariantType.ARRAY, [[1]])]]
    with pytest.raises(MultiplayerError, match="nested"):
        narrow.encode(shallow)
    with pytest.raises(DecodeError, match="nested"):
        narrow.decode(wide.encode(shallow))
    with pytest.raises(MultiplayerError, match="nested"):
        MsgpackCodec(max_depth=1).encode([Point(1, 2)])


def test_msgpack_refusals_inside_extensions_and_subclasses() -> None:
    codec = MsgpackCodec()
    typed = TypedArray(VariantType.ARRAY, [[], [{1}]])
    with pytest.raises(MultiplayerError) as refusal:
        codec.encode({"a": [typed]})
    assert refusal.value.message == "at ['a'][0][1][0]: set has no Variant counterpart"
    with pytest.raises(MultiplayerError) as refusal:
        codec.encode([Point(1, cast("int", {2}))])
    assert refusal.value.message == "at [0][1]: set has no msgpack counterpart"


class Unprintable:
    def __repr__(self) -> str:
        raise LookupError


@every_codec
@pytest.mark.parametrize(
    ("key", "name"), [(2**70_000, "int"), (Unprintable(), "Unprintable")], ids=["int", "object"]
)
def test_keys_without_a_repr(codec: Codec, key: object, name: str) -> None:
    with pytest.raises(MultiplayerError, match=rf"^ERR_\w+: at \[<{name}>\]"):
        codec.encode({key: 1})


@every_codec
def test_bytes_of_all_kinds(codec: Any) -> None:
    data = codec.encode([0.5, "a"] * 20)
    spaced = memoryview(bytes(byte for byte in data for _ in range(2)))[::2]
    for buffer in (bytearray(data), memoryview(data), spaced):
        assert codec.decode(buffer) == [0.5, "a"] * 20


def test_msgpack_counts_are_checked_in_views_too() -> None:
    with pytest.raises(DecodeError) as refusal:
        MsgpackCodec().decode(memoryview(b"\xdd\x00\x00\x20\x00"))
    assert isinstance(refusal.value.__cause__, msgpack.OutOfData)


@pytest.mark.parametrize(
    "data",
    [
        b"\xdc\x00\x01\xdd\xff\xff\xff\xff",
        b"\xdc\x00\x02\xdc\xff\xff" + b"\xdc\xff\xff" * 60,
        b"\x91" * 70 + b"\xdd\xff\xff\xff\xff",
        b"\xdc\x00\x05abcd",
    ],
    ids=["inside", "many", "too deep", "outside"],
)
def test_msgpack_makes_no_room_for_what_does_not_come(data: bytes) -> None:
    codec = MsgpackCodec()
    codec.encode([])  # what is made once
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            codec.decode(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000  # msgpack's own state has 60 000; 65535 elements take eight times as many


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xdc",
        b"\xdc\x00",
        b"\xdc\x00\x02\x01",
        b"\xc1",
        b"\x01\x02",
        b"\x92\x01",
        b"\xa1\xff",
        b"\xc7\x04\x63abcd",
        b"\xd8\x05" + b"1" * 16,
    ],
    ids=[
        "empty",
        "no count",
        "half a count",
        "one less",
        "reserved",
        "two",
        "short",
        "no UTF-8",
        "unknown extension",
        "long Vector2",
    ],
)
def test_bad_msgpack(data: bytes) -> None:
    with pytest.raises(DecodeError):
        MsgpackCodec().decode(data)


def test_msgpack_keys_and_times() -> None:
    codec = MsgpackCodec()
    value = {(1, (2, 3)): "tuple", Vector2(1, 2): StringName("vector")}
    assert codec.decode(codec.encode(value)) == value
    assert codec.decode(bytes.fromhex("d6ff00000005")) == 5.0
    with pytest.raises(DecodeError, match="dictionary as a key"):
        codec.decode(b"\x81\x81\x01\x02\x03")


def test_msgpack_extension_with_the_wrong_container() -> None:
    codec = MsgpackCodec()
    array = codec.encode(TypedArray(VariantType.INT, [1]))
    with pytest.raises(DecodeError, match="not exactly one value of that type"):
        codec.decode(array.replace(b"\xc7\x14\x1c", b"\xc7\x14\x1b"))


def test_version_is_checked_at_once() -> None:
    for version, level in ((2, (4, 4)), (5, (4, 4)), (4, (3, 9))):
        with pytest.raises(MultiplayerError) as refusal:
            VariantCodec(version, level=level)
        assert refusal.value.code is Error.ERR_INVALID_PARAMETER


def test_a_packer_that_has_failed_packs_nothing_of_what_it_had_begun() -> None:
    codec = MsgpackCodec()
    for unfit in ([1, Vector2(1, 2)], [1, {"a": object()}], [1, 1 << 70]):
        try:
            codec.encode(unfit)
        except MultiplayerError:
            assert unfit != [1, Vector2(1, 2)]
        assert codec.encode([2, "two"]) == msgpack.packb([2, "two"])


def test_values_may_be_encoded_while_another_is() -> None:
    codec = MsgpackCodec()
    inner: list[bytes] = []

    class Odd(Enum):
        """Its value is asked for in the midst of packing."""

        A = 1

        @property
        def value(self) -> int:
            inner.append(codec.encode(["inner", 1]))
            return 7

    outer = codec.encode(["outer", Odd.A, "end"])
    assert codec.decode(outer) == ["outer", 7, "end"]
    assert inner
    assert {codec.decode(data) == ["inner", 1] for data in inner} == {True}
