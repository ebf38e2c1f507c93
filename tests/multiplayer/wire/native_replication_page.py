"""A reader of the packets of replication that knows ``docs/protocol/native.md`` and no more."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import msgpack

MALFORMED = "malformed"


class MalformedError(Exception):
    pass


@dataclass(frozen=True)
class Splices:
    before: int
    splices: tuple[Any, ...]


@dataclass(frozen=True)
class Items:
    before: int
    changed: dict[Any, Any]
    removed: list[Any]


@dataclass(frozen=True)
class Elements:
    """A SYNC or DELTA; by the synchronizers' numbers what each says, or that it is malformed."""

    name: str
    elements: list[Any]
    whole: bool = True
    fields: dict[str, Any] = field(default_factory=dict[str, Any])


def names_in_examples() -> dict[str, Any]:
    """What the examples call things, beside the kinds of packets."""
    return {
        "SYNC": lambda elements, whole=True: Elements("SYNC", elements, whole),
        "DELTA": lambda elements, whole=True: Elements("DELTA", elements, whole),
        "Splices": lambda before, *splices: Splices(before, tuple(splices)),
        "Items": Items,
        "malformed": MALFORMED,
    }


def split(data: bytes, *sizes: int) -> list[bytes]:
    """The pieces of these sizes, and what is left."""
    pieces: list[bytes] = []
    for size in sizes:
        if len(data) < size:
            raise MalformedError
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


def number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def array(data: bytes) -> list[Any]:
    try:
        found = msgpack.unpackb(data, strict_map_key=False)
    except Exception as error:
        raise MalformedError from error
    if not isinstance(found, list):
        raise MalformedError
    return found


def numbers(data: bytes) -> list[int]:
    if not data or len(data) % 4:
        raise MalformedError
    return [one for (one,) in struct.iter_unpack("<I", data)]


def spawn(data: bytes) -> dict[str, Any]:
    spawner, node, count, of_names, of_data, rest = split(data, 4, 4, 2, 2, 4)
    ids, names, custom, states = split(rest, number(count) * 4, number(of_names), number(of_data))
    name, scene = both if len(both := array(names)) == 2 else (None, 0)
    if not isinstance(name, str) or not name or not isinstance(scene, str | None):
        raise MalformedError
    fields = {
        "spawner": number(spawner),
        "node": number(node),
        "synchronizers": numbers(ids) if ids else [],
        "name": name,
        "states": arrays(states),
    }
    if (scene is None) is not bool(custom):
        raise MalformedError
    return fields | ({"data": one(custom)} if custom else {"scene": scene})


def one(data: bytes) -> Any:
    """The only value of an array; the rest of the packet is well even if it is not."""
    try:
        (value,) = array(data)
    except (ValueError, MalformedError):
        return MALFORMED
    return value


def arrays(data: bytes) -> Any:
    """Arrays without anything between; the rest of the packet is well even if they are not."""
    unpacker = msgpack.Unpacker(strict_map_key=False)
    unpacker.feed(data)
    found: list[Any] = []
    try:
        while unpacker.tell() < len(data):
            found.append(unpacker.unpack())
    except Exception:
        return MALFORMED
    return found if all(isinstance(each, list) for each in found) else MALFORMED


def elements(name: str, data: bytes) -> Elements:
    found: list[Any] = []
    try:
        while data:
            of_bits = 8 if name == "DELTA" else 0
            id_, bits, size, rest = split(data, 4, of_bits, 4)
            state, data = split(rest, number(size))
            found.append((number(id_), says(name, number(bits), state)))
    except MalformedError:
        if found:
            return Elements(name, found, whole=False)
        raise
    if not found:
        raise MalformedError
    return Elements(name, found)


def says(name: str, bits: int, state: bytes) -> Any:
    try:
        values = array(state)
        return values if name == "SYNC" else changes(bits, values)
    except MalformedError:
        return MALFORMED


def changes(bits: int, values: list[Any]) -> dict[int, Any]:
    places = [place for place in range(64) if bits >> place & 1]
    if len(values) == len(places) + 1:
        of_elements = values.pop()
        if not isinstance(of_elements, list) or not of_elements:
            raise MalformedError
        if any(type(place) is not int for place in of_elements):
            raise MalformedError
        if of_elements != sorted(set(of_elements)):
            raise MalformedError
        for place in of_elements:
            if not 0 <= place < len(values):
                raise MalformedError
            values[place] = inside(values[place])
    if len(values) != len(places):
        raise MalformedError
    return dict(zip(places, values, strict=True))


def inside(value: Any) -> Splices | Items:
    if not isinstance(value, list) or not value or not is_count(value[0]):
        raise MalformedError
    before, *rest = value
    if len(rest) == 2 and isinstance(rest[0], dict):
        if not isinstance(rest[1], list):
            raise MalformedError
        if any(isinstance(key, list | dict | tuple) for key in (*rest[0], *rest[1])):
            raise MalformedError
        return Items(before, *rest)
    if len(rest) > 256:
        raise MalformedError
    for each in rest:
        if not isinstance(each, list) or len(each) != 3 or not isinstance(each[2], list):
            raise MalformedError
        if not is_count(each[0]) or not is_count(each[1]):
            raise MalformedError
    return Splices(before, tuple(rest))


def is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 65_536
