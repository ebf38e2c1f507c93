"""Each packet that Godot 4.6 sent is read, and written again from what the recording tells."""

from __future__ import annotations

import struct
from collections import Counter

import pytest

from multiplayer import DecodeError
from multiplayer.wire.dialects.api_packets import (
    AddPeer,
    Announce,
    Authenticate,
    Call,
    Confirm,
    DelPeer,
    Raw,
    Relay,
    Unsupported,
)
from multiplayer.wire.dialects.godot4 import Godot4Wire
from multiplayer.wire.dialects.replication_packets import Delta, Despawn, Spawn, Sync
from tests.multiplayer.recorded_values import masked
from tests.multiplayer.wire.godot4_records import RECORDS, Record, credentials, loaded

WIRE = Godot4Wire()
REPLICATION = ("SPAWN", "DESPAWN", "SYNC")
CREDENTIALS = credentials()
OTHER_METHODS = {"Game/Native": ("get_index", "set_process")}
WITHOUT_METHODS = ("Spawner", "Sync")
WRONG_CHECKSUM = ("engine_server", "tells of a path the server has, with a wrong checksum")
NOT_THE_ENGINES = (WRONG_CHECKSUM, ("engine_server", "calls kick_me()"))
"""Packets of a bare client that the engine took but would not write."""


def written_again(packet: object) -> bytes:
    """What we write of replication after reading it, with states as they came."""
    wire = WIRE.replication
    assert wire is not None
    if isinstance(packet, Spawn):
        state, data = packet.state, packet.data
        return wire.spawn(
            packet.scene,
            packet.spawner,
            packet.node,
            packet.synchronizers,
            packet.name,
            None if data is None else data.buffer[data.start : data.end],
            state.buffer[state.start : state.end],
        )
    if isinstance(packet, Despawn):
        return wire.despawn(packet.node)
    assert isinstance(packet, Sync | Delta)
    assert not packet.fault
    parts: list[bytes] = []
    for id_, bits, (buffer, start, end, _) in packet.elements:
        if isinstance(packet, Sync):
            parts.append(wire.sync_element(id_, buffer[start:end]))
        else:
            parts.append(wire.delta_element(id_, bits, buffer[start:end]))
    body = b"".join(parts)
    return wire.sync(packet.time or 0, body) if isinstance(packet, Sync) else wire.delta(body)


def ident(record: Record) -> str:
    kinds = "/".join(name for name, _ in record.kinds)
    return f"{record.where[0]} {record.where[1]} {kinds} {record.data[:40].hex()}"


def methods_at(path: str, record: Record) -> tuple[str, ...]:
    if path.endswith(WITHOUT_METHODS):
        return ()
    return OTHER_METHODS.get(path, record.methods)


def announced(record: Record) -> dict[str, int]:
    """The numbers of all nodes that the packet's sender announced in that part."""
    numbers = {f"N{index}": index + 1 for index in range(270)}
    for other in RECORDS:
        same = other.where[0] == record.where[0] and other.source == record.source
        if same and other.where[0] == "scene_multiplayer":
            same = other.where[1] == record.where[1]
        if same and other.kinds[-1][0] == "SIMPLIFY_PATH" and other.where != WRONG_CHECKSUM:
            data = other.data[6:] if len(other.kinds) > 1 else other.data
            (numbers[data[38:-1].decode()],) = struct.unpack_from("<I", data, 34)
    if record.where[0] == "engine_server":
        numbers["Main/Game"] = 1
    return numbers


def calls(record: Record) -> set[bytes]:
    """All that the calls told of can be written as."""
    found: set[bytes] = set()
    for told in record.told:
        if told.method == "send_bytes":
            continue
        methods = methods_at(told.node, record)
        number = methods.index(told.method)
        if methods is OTHER_METHODS.get(told.node):
            number |= 0x8000
        # No bytes alone are written as no argument by the engine only (godot#95247).
        arguments = [] if told.arguments == [b""] else told.arguments
        call = WIRE.call(told.method, number, arguments)
        found.add(call.by_path(told.node))
        node = announced(record)[told.node]
        found |= {call.by_number(node, shortest=shortest) for shortest in (True, False)}
    return found


def written(record: Record) -> set[bytes]:
    """What we write for the words of the recording: what exactly, or one of a few."""
    (name, number), *inner = record.kinds
    if name == "RELAY":
        assert number is not None
        packets = written(record._replace(data=record.data[6:], kinds=inner))
        return {WIRE.relay(number, packet) for packet in packets}
    if name == "ADD_PEER":
        assert number is not None
        return {WIRE.add_peer(number)}
    if name == "DEL_PEER":
        assert number is not None
        return {WIRE.del_peer(number)}
    if name == "AUTH":
        return set(map(WIRE.authenticate, CREDENTIALS))
    if name == "RAW":
        sent = [told.arguments[0] for told in record.told if told.method == "send_bytes"]
        return set(map(WIRE.raw, sent))
    if name == "REMOTE_CALL":
        return calls(record)
    if name == "SIMPLIFY_PATH":
        node, path = struct.unpack_from("<I", record.data, 34)[0], record.data[38:-1].decode()
        return {WIRE.announce(node, path, methods_at(path, record))}
    assert name == "CONFIRM_PATH"
    agrees = record.where[1] != "checksum" and record.data[2] != 9
    return {WIRE.confirm(struct.unpack_from("<I", record.data, 2)[0], "", agrees=agrees)}


OURS = [record for record in RECORDS if record.kinds[-1][0] not in REPLICATION]
WRITTEN = [record for record in OURS if record.where not in NOT_THE_ENGINES]

EXPLAINED = {
    "REMOTE_CALL": (75, 3086),
    "SIMPLIFY_PATH": (34, 1616),
    "CONFIRM_PATH": (32, 192),
    "RAW": (38, 544),
    "RELAY": (72, 432),
    "ADD_PEER": (12, 72),
    "DEL_PEER": (3, 18),
    "AUTH": (12, 58),
    "SPAWN": (5, 387),
    "DESPAWN": (3, 15),
    "SYNC": (101, 2829),
}


def test_nothing_recorded_is_left_out() -> None:
    """Packets and bytes of each kind; those of a relay count as what is relayed, and as RELAY."""
    packets: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for record in RECORDS:
        data = record.data
        for name, _ in record.kinds:
            size = 6 if name == "RELAY" else len(data)
            packets[name] += 1
            sizes[name] += size
            data = data[size:]
        assert not data
    assert sum(sizes.values()) == sum(len(record.data) for record in RECORDS)
    assert {name: (packets[name], sizes[name]) for name in packets} == EXPLAINED
    assert len(RECORDS) - len(OURS) == 5 + 3 + 101
    assert len(OURS) - len(WRITTEN) == len(NOT_THE_ENGINES)


@pytest.mark.parametrize("record", WRITTEN, ids=ident)
def test_it_is_written_from_what_is_told(record: Record) -> None:
    assert record.data in written(record)


@pytest.mark.parametrize("record", RECORDS, ids=ident)
def test_it_is_read(record: Record) -> None:
    data = record.data
    packet = WIRE.read(data)
    (name, number), *inner = record.kinds
    if name == "RELAY":
        assert packet == Relay(number or 0, data[6:])
        test_it_is_read(record._replace(data=data[6:], kinds=inner))
    elif name in REPLICATION:
        assert not isinstance(packet, Unsupported)
        assert written_again(packet) == data
    elif name in ("ADD_PEER", "DEL_PEER"):
        assert packet == {"ADD_PEER": AddPeer, "DEL_PEER": DelPeer}[name](number or 0)
    elif name == "AUTH":
        assert packet == Authenticate(data[2:])
        assert packet.data in CREDENTIALS
    elif name == "RAW":
        assert packet == Raw(data[1:])
    elif name == "SIMPLIFY_PATH":
        node, path = struct.unpack_from("<I", data, 34)[0], data[38:-1].decode()
        assert packet == Announce(node, path, data[1:33].decode())
    elif name == "CONFIRM_PATH":
        assert packet == Confirm(struct.unpack_from("<I", data, 2)[0], data[1] == 1)
    else:
        assert name == "REMOTE_CALL"
        assert isinstance(packet, Call)
        arguments = WIRE.read_arguments(packet.arguments)
        assert any(
            packet.node in (told.node, announced(record)[told.node])
            and arguments == ([] if told.arguments == [b""] else told.arguments)
            and isinstance(packet.method, int)
            and methods_at(told.node, record)[packet.method & 0x7FFF] == told.method
            for told in record.told
            if told.method != "send_bytes"
        )


@pytest.mark.parametrize("record", OURS, ids=ident)
def test_any_beginning_of_it_is_a_packet_or_an_error(record: Record) -> None:
    refused = 0
    for length in range(len(record.data)):
        try:
            packet = WIRE.read(record.data[:length])
            if isinstance(packet, Call):
                WIRE.read_arguments(packet.arguments)
        except DecodeError:
            refused += 1
    assert refused


VALUES = loaded("variants.json")["encode"]


@pytest.mark.parametrize("record", VALUES, ids=lambda record: record["expr"])
def test_a_call_with_any_value_is_the_engines(record: dict[str, object]) -> None:
    data = bytes.fromhex(str(record["rpc_hex"]))
    packet = WIRE.read(data)
    assert isinstance(packet, Call)
    assert (packet.node, packet.method) == (1, 0)
    arguments = WIRE.read_arguments(packet.arguments)
    if data[4:] == b"\x18\0\0\0":  # an Object that is null; we write null
        assert arguments == [None]
        return
    unspecified = record.get("rpc_unspecified_offsets", [])
    assert isinstance(unspecified, list)
    again = WIRE.call("", 0, arguments).by_number(1, shortest=True)
    assert masked(again, unspecified) == masked(data, unspecified)
