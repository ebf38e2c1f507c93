"""Each API packet that Godot 3.2.3 sent is read, and written again from the recorded fields."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from multiplayer import DecodeError
from multiplayer.wire.dialects.api_packets import Announce, Assign, Call, Confirm, Raw
from multiplayer.wire.dialects.godot3 import Godot3Wire
from multiplayer.wire.envelopes import godot3 as gd_mp
from tests.multiplayer.recorded_values import python_value

WIRE = Godot3Wire()
FILE = Path(__file__).parents[2] / "vectors" / "godot3" / "packets.json"


def records() -> list[tuple[bytes, dict[str, Any]]]:
    """The packets without their envelope, and what is recorded of them."""
    found: list[tuple[bytes, dict[str, Any]]] = []
    for record in json.loads(FILE.read_text(encoding="utf-8")):
        fields = (record.get("decoded") or {}).get("packet")
        if fields:
            found.append((gd_mp.payload_of(bytes.fromhex(record["hex"])), fields))
    return found


RECORDS = records()
IDS = [f"{fields['cmd']} {data[:60].hex()}" for data, fields in RECORDS]


def written(fields: dict[str, Any]) -> bytes:
    kind = fields["cmd"]
    if kind == "SIMPLIFY_PATH":
        return WIRE.announce(fields["path_id"], fields["path"], [])
    if kind == "CONFIRM_PATH":
        return WIRE.confirm(0, fields["path"], agrees=True)
    if kind == "RAW":
        return WIRE.raw(bytes.fromhex(fields["payload"]))
    if kind == "REMOTE_SET":
        call = WIRE.assign(fields["property"], python_value(fields["value"]))
    else:
        assert kind == "REMOTE_CALL"
        call = WIRE.call(fields["method"], 0, list(map(python_value, fields["args"])))
    if "path" in fields:
        return call.by_path(fields["path"])
    return call.by_number(fields["path_id"], shortest=True)


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def test_nothing_recorded_is_left_out() -> None:
    packets = Counter(fields["cmd"] for _, fields in RECORDS)
    sizes: Counter[str] = Counter()
    for data, fields in RECORDS:
        sizes[fields["cmd"]] += len(data)
    assert {name: (packets[name], sizes[name]) for name in packets} == {
        "REMOTE_CALL": (95, 2609),
        "REMOTE_SET": (18, 420),
        "SIMPLIFY_PATH": (12, 180),
        "CONFIRM_PATH": (12, 132),
        "RAW": (16, 50),
    }


@pytest.mark.parametrize(("data", "fields"), RECORDS, ids=IDS)
def test_it_is_written_from_what_is_told(data: bytes, fields: dict[str, Any]) -> None:
    assert written(fields) == data


@pytest.mark.parametrize(("data", "fields"), RECORDS, ids=IDS)
def test_it_is_read(data: bytes, fields: dict[str, Any]) -> None:
    packet = WIRE.read(data)
    kind = fields["cmd"]
    if kind == "SIMPLIFY_PATH":
        assert packet == Announce(fields["path_id"], fields["path"], None)
    elif kind == "CONFIRM_PATH":
        assert packet == Confirm(fields["path"], agrees=True)
    elif kind == "RAW":
        assert packet == Raw(bytes.fromhex(fields["payload"]))
    elif kind == "REMOTE_SET":
        assert isinstance(packet, Assign)
        assert (packet.node, packet.property) == (fields["path_id"], fields["property"])
        assert WIRE.read_value(packet.value) == python_value(fields["value"])
    else:
        assert isinstance(packet, Call)
        node = fields["path"] if "path" in fields else fields["path_id"]
        assert (packet.node, packet.method) == (node, fields["method"])
        assert packet.arguments.how_many == fields["argc"]
        values, told = WIRE.read_arguments(packet.arguments), map(python_value, fields["args"])
        for value, expected in zip(values, told, strict=True):
            assert value == expected or (is_nan(value) and is_nan(expected))
            assert type(value) is type(expected)


@pytest.mark.parametrize(("data", "fields"), RECORDS, ids=IDS)
def test_any_beginning_of_it_is_a_packet_or_an_error(data: bytes, fields: dict[str, Any]) -> None:
    refused = 0
    for length in range(len(data)):
        try:
            packet = WIRE.read(data[:length])
            if isinstance(packet, Call):
                WIRE.read_arguments(packet.arguments)
            elif isinstance(packet, Assign):
                WIRE.read_value(packet.value)
        except DecodeError:
            refused += 1
    assert refused
