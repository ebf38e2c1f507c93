"""``Godot4Wire`` and ``Godot4BetaWire``: lenient and strict where Godot 4.6 was seen to be it."""

from __future__ import annotations

import hashlib
import tracemalloc
from enum import IntEnum
from typing import TYPE_CHECKING

import pytest

from multiplayer import DecodeError, Error, MultiplayerError, TypedArray, VariantType
from multiplayer.wire.dialects.api_packets import (
    MOST_ARGUMENTS,
    AddPeer,
    Announce,
    ApiWire,
    Authenticate,
    Call,
    Confirm,
    DelPeer,
    Raw,
    Relay,
    Unsupported,
)
from multiplayer.wire.dialects.godot4 import Godot4Wire
from multiplayer.wire.dialects.godot4_beta import Godot4BetaWire
from multiplayer.wire.dialects.godot4_common import rpc_checksum

if TYPE_CHECKING:
    from collections.abc import Sequence

WIRE = Godot4Wire()
OLD = Godot4Wire(confirm_with_path=True)
BETA = Godot4BetaWire()
ALL = [WIRE, OLD, BETA]
CHECKSUM = "e98fe620d2261a21f97f05579b3dfeee"
MAIN = "4d61696e00"
CHECKSUM_BYTES = CHECKSUM.encode().hex()


def packet(text: str) -> bytes:
    return bytes.fromhex(text)


def called(wire: ApiWire, data: bytes) -> tuple[int | str, int | str, list[object]]:
    read = wire.read(data)
    assert isinstance(read, Call)
    return read.node, read.method, wire.read_arguments(read.arguments)


def chat(arguments: Sequence[object]) -> bytes:
    return WIRE.call("chat", 1, arguments).by_number(1, shortest=True)


# ------------------------------------------------------- the vectors of the specification


@pytest.mark.parametrize("wire", ALL)
def test_calls(wire: ApiWire) -> None:
    call = wire.call("chat", 1, ["hi"])
    by_path = packet("20 13000080 01 01 04000000 02000000 68690000 4d61696e00")
    by_number = packet("00 01 01 01 04000000 02000000 68690000")
    assert call.by_path("Main") == by_path
    assert call.by_number(1, shortest=True) == by_number
    assert called(wire, by_path) == ("Main", 1, ["hi"])
    assert called(wire, by_number) == (1, 1, ["hi"])


@pytest.mark.parametrize("wire", ALL)
def test_calls_without_a_count(wire: ApiWire) -> None:
    assert wire.call("login", 2, []).by_number(1, shortest=True) == packet("80 01 02")
    bare = wire.call("login", 2, [b"\xde\xad"]).by_number(1, shortest=True)
    assert bare == packet("80 01 02 dead")
    assert called(wire, packet("80 01 02")) == (1, 2, [])
    assert called(wire, bare) == (1, 2, [b"\xde\xad"])
    for nothing in (b"", bytearray()):
        counted = wire.call("login", 2, [nothing]).by_number(1, shortest=True)
        assert counted == packet("00 01 02 01 1d000000 00000000")
        assert called(wire, counted) == (1, 2, [b""])


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (None, "00000000"),
        (True, "81"),
        (False, "01"),
        (5, "02 05"),
        (-1, "02 ff"),
        (2**40, "c2 00000000 00010000"),
        (0.5, "03000000 0000003f"),
        (0.1, "03000100 9a999999 9999b93f"),
        ("abc", "04000000 03000000 61626300"),
        ([1, "a"], "1c000000 02000000 02000000 01000000 04000000 01000000 61000000"),
        ({"a": 1}, "1b000000 01000000 04000000 01000000 61000000 02000000 01000000"),
    ],
)
def test_values(value: object, data: str) -> None:
    whole = packet("00 01 01 01") + packet(data)
    assert chat([value]) == whole
    assert called(WIRE, whole) == (1, 1, [value])


def test_announcements() -> None:
    data = packet(f"01 {CHECKSUM_BYTES} 00 01000000 {MAIN}")
    methods = ["Move", "chat", "login"]
    for wire in ALL:
        assert wire.announce(1, "Main", methods) == data
        assert wire.read(data) == Announce(1, "Main", CHECKSUM)
    assert rpc_checksum([], reversed(methods)) == CHECKSUM


def test_confirmations() -> None:
    by_number, by_path = packet("02 01 01000000"), packet(f"02 01 {MAIN}")
    assert WIRE.confirm(1, "Main", agrees=True) == by_number
    assert WIRE.confirm(1, "Main", agrees=False) == packet("02 00 01000000")
    for wire in (OLD, BETA):
        assert wire.confirm(1, "Main", agrees=True) == by_path
    for wire in (WIRE, OLD):
        assert wire.read(by_number) == Confirm(1, agrees=True)
    for wire in ALL:
        assert wire.read(by_path) == Confirm("Main", agrees=True)


def test_system_packets() -> None:
    for write, number, read in (
        (WIRE.add_peer, 1, AddPeer(12345)),
        (WIRE.del_peer, 2, DelPeer(12345)),
    ):
        data = packet(f"07 0{number} 39300000")
        assert write(12345) == data
        assert WIRE.read(data) == read
    relayed = packet("07 03 07000000 03 6869")
    assert WIRE.relay(7, WIRE.raw(b"hi")) == relayed
    assert WIRE.read(relayed) == Relay(7, packet("03 6869"))
    assert BETA.raw(b"hi") == packet("03 6869")


# ------------------------------------------------------------------ what is written


def test_a_number_is_as_long_as_it_must_be_if_all_know_it() -> None:
    call = WIRE.call("", 0, [])
    for node, head in (
        (255, "80 ff"),
        (256, "90 0001"),
        (65535, "90 ffff"),
        (65536, "a0 00000100"),
    ):
        assert call.by_number(node, shortest=True) == packet(head + "00")
    assert call.by_number(1, shortest=False) == packet("a0 01000000 00")


def test_a_method_above_255_takes_two_bytes() -> None:
    for number, data in ((255, "80 01 ff"), (256, "c0 01 0001"), (0x8001, "c0 01 0180")):
        assert WIRE.call("", number, []).by_number(1, shortest=True) == packet(data)
        assert called(WIRE, packet(data)) == (1, number, [])


class Card(IntEnum):
    ACE = 14


@pytest.mark.parametrize("data", [b"\1\2", bytearray(b"\1\2"), memoryview(b"\1\2")])
def test_bytes_of_any_kind_stand_bare_if_alone(data: object) -> None:
    assert chat([data]) == packet("80 01 01 0102")
    assert called(WIRE, chat([data, Card.ACE])) == (1, 1, [b"\1\2", 14])
    assert chat([Card.ACE]) == packet("00 01 01 01 02 0e")


def test_255_arguments_and_no_more() -> None:
    assert called(WIRE, chat([True] * 255)) == (1, 1, [True] * 255)
    assert MOST_ARGUMENTS == 255
    with pytest.raises(MultiplayerError, match="at most 255 arguments, not 256") as caught:
        chat([True] * 256)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_an_argument_without_counterpart_is_named() -> None:
    with pytest.raises(MultiplayerError, match=r"argument 1: at \['a'\]: set has no") as caught:
        chat([1, {"a": {2}}])
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    with pytest.raises(MultiplayerError, match="argument 0"):
        chat([2**63])


def test_older_engines_get_no_typed_arrays() -> None:
    typed = [TypedArray(VariantType.INT, [1])]
    assert called(WIRE, chat(typed)) == (1, 1, typed)
    for wire in (OLD, BETA):
        with pytest.raises(MultiplayerError, match="argument 0"):
            wire.call("", 0, typed)


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_text_that_cannot_be_written(path: str) -> None:
    for write in (
        lambda: WIRE.call("", 0, []).by_path(path),
        lambda: WIRE.announce(1, path, []),
        lambda: WIRE.announce(1, "Main", [path]),
        lambda: OLD.confirm(1, path, agrees=True),
    ):
        with pytest.raises(MultiplayerError) as caught:
            write()
        assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_the_checksum_is_of_both_lists_each_by_code_points() -> None:
    assert rpc_checksum([], []) == "d41d8cd98f00b204e9800998ecf8427e"
    expected = hashlib.md5("bzAB_aé".encode()).hexdigest()
    assert rpc_checksum(["z", "b"], ["é", "a", "_", "B", "A"]) == expected


# ------------------------------------------------------------------ lenient

LENIENT_CALLS = {
    "a number in two bytes that one would hold": "10 0100 01 01 02 05",
    "a number in four": "20 01000000 01 01 02 05",
    "a method in two": "40 01 0100 01 02 05",
    "bit 3": "08 01 01 01 02 05",
    "bytes behind the last argument": "00 01 01 01 02 05 ffff",
    "an int in more bytes": "00 01 01 01 c2 05000000 00000000",
}


@pytest.mark.parametrize("data", LENIENT_CALLS.values(), ids=LENIENT_CALLS)
def test_a_lenient_call(data: str) -> None:
    assert called(WIRE, packet(data)) == (1, 1, [5])


LENIENT_PATHS = {
    "bytes between arguments and path": "20 0a000080 01 01 02 05 ff 4d61696e00",
    "no NUL": "20 09000080 01 01 02 05 4d61696e",
    "bytes behind the NUL": "20 09000080 01 01 02 05 4d61696e00 ff00",
}


@pytest.mark.parametrize("data", LENIENT_PATHS.values(), ids=LENIENT_PATHS)
def test_a_lenient_path(data: str) -> None:
    assert called(WIRE, packet(data)) == ("Main", 1, [5])


def test_paths_are_not_resolved() -> None:
    for path in ("/root/Main", "..", "."):
        assert called(WIRE, WIRE.call("", 0, []).by_path(path)) == (path, 0, [])
        assert WIRE.read(WIRE.announce(1, path, [])) == Announce(1, path, rpc_checksum([], []))


def test_an_object_that_is_null_is_null() -> None:
    assert called(WIRE, packet("00 01 00 02 18000000 02 05")) == (1, 0, [None, 5])


def test_lenient_announcements() -> None:
    head = "01" + CHECKSUM_BYTES
    for data, node in (
        (head + "00 01000000 4d61696e", 1),
        (head + "ff 01000000 4d61696e 00 ff", 1),
        (head + "00 00000000 4d61696e 00", 0),
        (head + "00 ffffffff 4d61696e 00", 2**32 - 1),
    ):
        assert WIRE.read(packet(data)) == Announce(node, "Main", CHECKSUM)
    upper = WIRE.read(packet("01" + CHECKSUM.upper().encode().hex() + "00 01000000 4d61696e"))
    assert upper == Announce(1, "Main", CHECKSUM.upper())
    broken = WIRE.read(packet("01" + 32 * "ff" + "00 01000000 4d61696e"))
    assert broken == Announce(1, "Main", 32 * "\xff")


def test_any_number_but_zero_agrees() -> None:
    assert WIRE.read(packet("02 ff 01000000")) == Confirm(1, agrees=True)
    assert OLD.read(packet("02 ff 4d61696e00")) == Confirm("Main", agrees=True)


@pytest.mark.parametrize(
    ("data", "node"),
    [
        ("02 01 61626300", "abc"),
        ("02 01 c3a96100", "éa"),
        ("02 01 61626364", 0x64636261),  # no NUL: four bytes of a number
        ("02 01 61620100", 0x00016261),  # no name has control characters
        ("02 01 ffff0000", 0x0000FFFF),
        ("02 01 61ff6100", 0x0061FF61),  # not UTF-8
        ("02 01 61006200", 0x00620061),
        ("02 01 20202000", "   "),  # the smallest number that reads as a path: 2 105 376
        ("02 01 6162", "ab"),
        ("02 01 61620000 00", "ab"),
    ],
)
def test_which_form_a_confirmation_has(data: str, node: int | str) -> None:
    assert WIRE.read(packet(data)) == Confirm(node, agrees=True)
    assert OLD.read(packet(data)) == Confirm(node, agrees=True)


def test_bytes_behind_a_peer_are_ignored() -> None:
    assert WIRE.read(packet("07 01 39300000 ff")) == AddPeer(12345)
    assert WIRE.read(packet("07 02 ffffffff ff")) == DelPeer(-1)


def test_a_system_packet_in_a_relay_is_left_to_the_caller() -> None:
    inner = WIRE.relay(3, WIRE.add_peer(4))
    assert WIRE.read(WIRE.relay(2, inner)) == Relay(2, inner)


def test_credentials() -> None:
    assert WIRE.authenticate(b"secret") == packet("0700 736563726574")
    assert WIRE.read(packet("0700 01")) == Authenticate(b"\1")
    assert WIRE.authenticate(b"") == packet("0700")
    assert WIRE.read(packet("0700")) == Authenticate(b"")


@pytest.mark.parametrize(
    ("data", "kind"),
    [("04", "SPAWN"), ("05 01000000", "DESPAWN"), ("06", "SYNC"), ("16 00", "SYNC")],
)
def test_the_beta_names_replication_and_no_more(data: str, kind: str) -> None:
    assert BETA.read(packet(data)) == Unsupported(kind, "replication")


def test_an_unknown_system_packet() -> None:
    assert WIRE.read(packet("07 04 01000000")) == Unsupported("SYS 4")


def test_the_beta_has_no_system_packets() -> None:
    for data in ("0700", "07 01 39300000", "07 03 07000000 03 6869"):
        assert BETA.read(packet(data)) == Unsupported("kind 7")
    for write in (BETA.add_peer, BETA.del_peer):
        with pytest.raises(NotImplementedError):
            write(2)
    assert BETA.read(packet("02 01 01000000")) == Confirm("\1", agrees=True)


# ------------------------------------------------------------------ strict

REFUSED = {
    "nothing": "",
    "a call of one byte": "00",
    "a call without method": "00 01",
    "a call without count": "00 01 01",
    "a number of an unknown size": "30 01000000 01 00",
    "a long number that is cut": "20 010000",
    "a long method that is cut": "40 01 01",
    "a path behind the end": "20 0e000080 01 01 02 05 4d61696e00",
    "a path far behind the end": "20 ffffffff 01 01 02 05 4d61696e00",
    "a path in the header": "20 05000080 01 01 02 05 4d61696e00",
    "a path where the count should be": "20 06000080 01 4d61696e00",
    "an empty path": "20 09000080 01 01 02 05 00",
    "a path that is not UTF-8": "20 09000080 01 01 02 05 ff00",
    "an announcement without path": "01" + CHECKSUM_BYTES + "00 01000000",
    "an announcement of nothing": "01" + CHECKSUM_BYTES + "00 01000000 00",
    "an announcement that is cut": "01" + CHECKSUM_BYTES + "00 010000",
    "a confirmation of two bytes": "02 01",
    "a confirmation of nothing": "02 01 00",
    "no raw bytes": "03",
    "no system packet": "07",
    "a peer that is cut": "07 01 393000",
    "a relay of nothing": "07 03 07000000",
    "an unknown system packet that is cut": "07 04 010000",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_refused(data: str) -> None:
    with pytest.raises(DecodeError) as caught:
        WIRE.read(packet(data))
    assert 0 <= caught.value.offset <= len(packet(data))


REFUSED_ARGUMENTS = {
    "a type that there is not": "00 01 01 01 27000000",
    "a float in compact form": "00 01 01 01 43000000 0000003f",
    "one is missing": "00 01 01 02 02 05",
    "all are missing": "00 01 01 ff",
    "it is cut": "00 01 01 01 42 05",
    "the path begins too early": "20 08000080 01 01 02 05 4d61696e00",
}


@pytest.mark.parametrize("data", REFUSED_ARGUMENTS.values(), ids=REFUSED_ARGUMENTS)
def test_arguments_that_are_refused(data: str) -> None:
    """Godot 4.6 calls with null for them, and for all after them."""
    read = WIRE.read(packet(data))
    assert isinstance(read, Call)
    with pytest.raises(DecodeError):
        WIRE.read_arguments(read.arguments)


def test_no_room_is_made_for_what_is_only_claimed() -> None:
    claims = packet("00 01 01 ff") + 254 * packet("1c000000 ffffff7f")
    tracemalloc.start()
    try:
        read = WIRE.read(claims)
        assert isinstance(read, Call)
        with pytest.raises(DecodeError):
            WIRE.read_arguments(read.arguments)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_raw() -> None:
    assert WIRE.read(WIRE.raw(b"\0")) == Raw(b"\0")
