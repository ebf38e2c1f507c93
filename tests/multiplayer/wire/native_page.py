"""A reader of ``docs/protocol/native.md`` that knows msgpack and the page, and no more."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack

from tests.multiplayer.wire import native_replication_page as replication

PAGE = (Path(__file__).parents[3] / "docs" / "protocol" / "native.md").read_text("utf-8")

MALFORMED = "malformed"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Packet:
    name: str
    fields: dict[str, Any]


def examples() -> list[tuple[bytes, str]]:
    """The bytes of each example, and what the page says that they are."""
    (block,) = re.findall(r"^```examples\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    rows = [line.split("|") for line in block.splitlines()]
    return [(bytes.fromhex(data), meaning.strip()) for data, meaning in rows]


def kinds() -> dict[int, str]:
    """The names of the table of packets."""
    return {
        int(number): name
        for number, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", PAGE, re.MULTILINE)
    }


def as_written(meaning: str, vector2: Any) -> Packet | replication.Elements | str:
    """What an example means, with the page's Vector2 made by ``vector2``."""
    if meaning in (MALFORMED, UNKNOWN):
        return meaning
    names = {name: _packet(name) for name in kinds().values()} | replication.names_in_examples()
    return eval(meaning, {"__builtins__": {}, "Vector2": vector2, **names})


def _packet(name: str) -> Any:
    return lambda **fields: Packet(name, fields)


def vector2(x: float, y: float) -> Any:
    """What a Vector2 is to msgpack, by ``docs/values.md``."""
    return msgpack.ExtType(5, struct.pack("<2f", x, y))


class MalformedError(Exception):
    pass


def value(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data, strict_map_key=False)
    except Exception as error:
        raise MalformedError from error


def array(data: bytes) -> list[Any]:
    found = value(data)
    if not isinstance(found, list):
        raise MalformedError
    return found


def pair(data: bytes) -> list[Any]:
    found = array(data)
    if len(found) != 2:
        raise MalformedError
    return found


def all_text(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(item, str) for item in items)


def unpack(form: str, data: bytes) -> tuple[Any, ...]:
    size = struct.calcsize(form)
    if len(data) < size:
        raise MalformedError
    return (*struct.unpack(form, data[:size]), data[size:])


def decode(packet: bytes) -> Packet | replication.Elements | str:
    try:
        return _decode(packet)
    except (MalformedError, replication.MalformedError):
        return MALFORMED


def _decode(packet: bytes) -> Packet | replication.Elements | str:
    if not packet:
        return MALFORMED
    name, rest = kinds().get(packet[0]), packet[1:]
    if name is None:
        return UNKNOWN
    fields: dict[str, Any] = {}
    if name in ("SYNC", "DELTA"):
        return replication.elements(name, rest)
    if name in ("CALL", "REQUEST"):
        if name == "REQUEST":
            fields["request_id"], rest = unpack("<I", rest)
        fields["node"], fields["method"], rest = unpack("<IH", rest)
        fields["arguments"] = array(rest)
        if len(fields["arguments"]) > 255:
            return MALFORMED
    elif name == "ANNOUNCE":
        fields["node"], rest = unpack("<I", rest)
        fields["path"], fields["methods"] = pair(rest)
        if not all_text([fields["path"]]) or not fields["path"] or not all_text(fields["methods"]):
            return MALFORMED
    elif name == "FORGET":
        fields["nodes"] = []
        while rest:
            node, rest = unpack("<I", rest)
            fields["nodes"].append(node)
        if not fields["nodes"]:
            return MALFORMED
    elif name == "SPAWN":
        fields = replication.spawn(rest)
    elif name == "RESEND":
        fields["synchronizers"] = replication.numbers(rest)
    elif name == "DESPAWN":
        fields["node"], rest = unpack("<I", rest)
        if rest:
            return MALFORMED
    elif name == "RESPONSE":
        fields["request_id"], rest = unpack("<I", rest)
        fields["value"] = value(rest)
    elif name == "ERROR":
        fields["request_id"], rest = unpack("<I", rest)
        fields["kind"], fields["text"] = pair(rest)
        if not all_text([fields["kind"], fields["text"]]):
            return MALFORMED
    elif name in ("ADD_PEER", "DEL_PEER", "RELAY"):
        fields["peer"], rest = unpack("<i", rest)
        if name == "RELAY":
            fields["packet"] = rest
        if bool(rest) is not (name == "RELAY"):
            return MALFORMED
    elif name == "AUTH_COMPLETE":
        if rest:
            return MALFORMED
    elif rest:
        fields["data" if name == "AUTH" else "payload"] = rest
    else:
        return MALFORMED
    return Packet(name, fields)
