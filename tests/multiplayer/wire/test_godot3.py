"""``Godot3Wire``: lenient and strict where Godot 3.2.3 was seen to be it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from multiplayer import (
    DecodeError,
    EncodedObjectAsID,
    Error,
    MultiplayerError,
    TypedArray,
    VariantType,
    Vector2,
)
from multiplayer.wire.dialects.api_packets import (
    Announce,
    ApiPacket,
    Assign,
    Call,
    Confirm,
    Raw,
    Unsupported,
)
from multiplayer.wire.dialects.godot3 import Godot3Wire

WIRE = Godot3Wire()
PATH = b"Main/Game\0"
FILE = Path(__file__).parents[2] / "vectors" / "godot3" / "observed_server.json"
OBSERVED: dict[str, dict[str, Any]] = {
    record["case"].removeprefix("mp: "): record
    for record in json.loads(FILE.read_text(encoding="utf-8"))
    if record.get("case", "").startswith("mp: ")
}
ONE = bytes.fromhex("02000000 01000000")


def by_path(middle: bytes, path: bytes = PATH, kind: int = 0) -> bytes:
    offset = 5 + len(middle)
    return bytes([kind]) + (0x80000000 | offset).to_bytes(4, "little") + middle + path


def by_number(middle: bytes, kind: int = 0) -> bytes:
    return bytes([kind]) + (1).to_bytes(4, "little") + middle


CASES: dict[str, tuple[bytes, ApiPacket | None]] = {
    **{
        f"command byte {kind}": (bytes([kind]) + b"x", Unsupported(f"kind {kind}"))
        for kind in (5, 6, 7, 8, 32, 128, 255)
    },
    "RAW without payload": (b"\4", None),
    "SIMPLIFY_PATH, 4 bytes": (b"\2\1\0\0", None),
    "SIMPLIFY_PATH, empty path": (b"\2\1\0\0\0\0", Announce(1, "", None)),
    "SIMPLIFY_PATH without NUL": (b"\2\1\0\0\0Main/Game", Announce(1, "Main/Game", None)),
    "CONFIRM_PATH never asked for": (b"\3" + PATH, Confirm("Main/Game", agrees=True)),
    "CONFIRM_PATH, 1 byte": (b"\3", None),
    "call, path offset beyond the packet": (b"\0\xff\0\0\x80r1\0\0", None),
    "call of 5 bytes": (b"\0\1\0\0\0", None),
    "call, method without NUL": (by_number(b"r1"), None),
    "call, no argc": (by_number(b"r1\0"), None),
}
"""What it is, by the name that the recording gives it; None if it is refused."""

CALLS: dict[str, tuple[bytes, str, str, list[object] | None]] = {
    "call with full path, no SIMPLIFY before": (
        by_path(b"r1\0\1" + ONE),
        "Main/Game",
        "r1",
        [1],
    ),
    "call with full path without NUL": (
        by_path(b"r1\0\1" + ONE, PATH[:-1]),
        "Main/Game",
        "r1",
        [1],
    ),
    "call, absolute path": (
        by_path(b"r1\0\1" + ONE, b"/root/Main/Game\0"),
        "/root/Main/Game",
        "r1",
        [1],
    ),
    "call, path '.'": (by_path(b"r0\0\0", b".\0"), ".", "r0", []),
    "call, path '..'": (by_path(b"r0\0\0", b"..\0"), "..", "r0", []),
    "call, argc larger than args": (by_path(b"r1\0\2" + ONE), "Main/Game", "r1", None),
    "call, argc smaller than args (trailing bytes)": (
        by_path(b"r1\0\1" + ONE + ONE),
        "Main/Game",
        "r1",
        [1],
    ),
    "call, trailing garbage after args": (
        by_path(b"r1\0\1" + ONE + b"\xff\xff"),
        "Main/Game",
        "r1",
        [1],
    ),
    "call, bad variant": (by_path(b"r1\0\1\xff\0\0\0"), "Main/Game", "r1", None),
    "call, object argument as id": (
        by_path(b"r1\0\1" + bytes.fromhex("11000100 d204000000000000")),
        "Main/Game",
        "r1",
        [EncodedObjectAsID(1234)],
    ),
    "call, empty method name": (by_path(b"\0\0"), "Main/Game", "", []),
    "call, 8 args": (by_path(b"r8\0\x08" + 8 * ONE), "Main/Game", "r8", [1] * 8),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_engine_takes_and_refuses(case: str) -> None:
    data, expected = CASES[case]
    complaints = OBSERVED[case]["stderr"]
    if expected is None:
        assert complaints
        with pytest.raises(DecodeError) as caught:
            WIRE.read(data)
        assert 0 <= caught.value.offset <= len(data)
    else:
        assert not [line for line in complaints if "Size" in line or "decode" in line]
        assert WIRE.read(data) == expected


@pytest.mark.parametrize("case", CALLS)
def test_which_calls_the_engine_takes(case: str) -> None:
    data, path, method, arguments = CALLS[case]
    packet = WIRE.read(data)
    assert isinstance(packet, Call)
    assert (packet.node, packet.method) == (path, method)
    undecodable = [line for line in OBSERVED[case]["stderr"] if "Unable to decode" in line]
    if arguments is None:
        assert undecodable
        with pytest.raises(DecodeError):
            WIRE.read_arguments(packet.arguments)
        return
    assert not undecodable
    assert WIRE.read_arguments(packet.arguments) == arguments
    told = [line for line in OBSERVED[case]["server"] if line.startswith("rpc ")]
    for line in told:
        match = re.search(r"Game\.(\w+) sender=\d+ (\[.*\])$", line)
        assert match
        assert match[1] == method
        assert match[2].count("'") == 2 * len(arguments)


def test_a_cached_call_without_all_arguments() -> None:
    packet = WIRE.read(by_number(b"r1\0\xff"))
    assert isinstance(packet, Call)
    with pytest.raises(DecodeError):
        WIRE.read_arguments(packet.arguments)


def test_assignments() -> None:
    plain = by_number(b"v_remote\0" + ONE, kind=1)
    assert WIRE.assign("v_remote", 1).by_number(1, shortest=True) == plain
    assert WIRE.assign("v_remote", 1).by_path("Main/Game") == by_path(b"v_remote\0" + ONE, kind=1)
    packet = WIRE.read(plain + b"\xff")
    assert isinstance(packet, Assign)
    assert (packet.node, packet.property, WIRE.read_value(packet.value)) == (1, "v_remote", 1)
    # "rset with a REMOTE_CALL shaped body (argc byte)": the engine set it to true
    shaped = WIRE.read(by_number(b"v_remote\0\1" + ONE, kind=1))
    assert OBSERVED["rset with a REMOTE_CALL shaped body (argc byte)"]["server"][1].startswith(
        "rset v_remote=true"
    )
    assert isinstance(shaped, Assign)
    assert WIRE.read_value(shaped.value) is True
    with pytest.raises(DecodeError):
        WIRE.read(by_number(b"v_remote\0", kind=1))
    none = WIRE.read(by_path(b"v_remote\0", kind=1))
    assert isinstance(none, Assign)
    assert OBSERVED["rset with no value"]["stderr"]
    with pytest.raises(DecodeError):
        WIRE.read_value(none.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        by_path(b"r0\0\0", b"\0"),  # an empty path
        by_path(b"r0\0\0", b"\xff\0"),
        by_number(b"\xff\0\0"),
        b"\2\1\0\0\0\xff\0",
        b"\3\xff\0",
    ],
)
def test_what_no_name_or_path_can_be(data: bytes) -> None:
    with pytest.raises(DecodeError):
        WIRE.read(data)


def test_raw() -> None:
    assert WIRE.raw(b"\1\2\xff") == b"\4\1\2\xff"
    assert WIRE.read(b"\4\1\2\xff") == Raw(b"\1\2\xff")


def test_the_example_of_a_first_call() -> None:
    call = WIRE.call("r1", 0, [Vector2(1, 2)])
    argument = bytes.fromhex("05000000 0000803f 00000040")
    assert call.by_path("Main/Game") == (
        bytes.fromhex("00 15000080") + b"r1\0\1" + argument + b"Main/Game\0"
    )
    assert call.by_number(1, shortest=True) == bytes.fromhex("00 01000000") + b"r1\0\1" + argument
    assert WIRE.announce(1, "Main/Game", ["r1"]) == bytes.fromhex("02 01000000") + b"Main/Game\0"
    assert WIRE.confirm(1, "Main/Game", agrees=False) == b"\3Main/Game\0"


def test_what_cannot_be_written() -> None:
    with pytest.raises(MultiplayerError, match="at most 255"):
        WIRE.call("r1", 0, [None] * 256)
    with pytest.raises(MultiplayerError, match="argument 1"):
        WIRE.call("r1", 0, [1, TypedArray(VariantType.INT, [1])])
    for write in (
        lambda: WIRE.call("a\0b", 0, []),
        lambda: WIRE.call("r1", 0, []).by_path("\ud800"),
        lambda: WIRE.assign("a\0b", 0),
        lambda: WIRE.assign("a", {1, 2}),
        lambda: WIRE.announce(1, "a\0b", []),
    ):
        with pytest.raises(MultiplayerError) as caught:
            write()
        assert caught.value.code == Error.ERR_INVALID_PARAMETER
