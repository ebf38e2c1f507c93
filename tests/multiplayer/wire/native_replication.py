"""What ``NativeReplication`` makes of packets and back, in the words of ``native_page``."""

from __future__ import annotations

from typing import Any

from multiplayer import DecodeError
from multiplayer.wire.dialects.element_changes import DictionaryChanges, ListChanges, Splice
from multiplayer.wire.dialects.native_replication import NativeReplication
from multiplayer.wire.dialects.replication_packets import (
    Delta,
    Despawn,
    Element,
    Resend,
    Spawn,
    Sync,
)
from tests.multiplayer.wire.native_page import MALFORMED, Packet
from tests.multiplayer.wire.native_replication_page import Elements, Items, Splices

WIRE = NativeReplication()


def in_words(packet: Spawn | Despawn | Sync | Delta | Resend) -> Packet | Elements:
    if isinstance(packet, Despawn):
        return Packet("DESPAWN", {"node": packet.node})
    if isinstance(packet, Resend):
        return Packet("RESEND", {"synchronizers": list(packet.ids)})
    if isinstance(packet, Spawn):
        return spawn_in_words(packet)
    says = sync_in_words if isinstance(packet, Sync) else delta_in_words
    found = [(element.id, says(element)) for element in packet.elements]
    return Elements(type(packet).__name__.upper(), found, whole=not packet.fault)


def spawn_in_words(packet: Spawn) -> Packet:
    fields: dict[str, Any] = {
        "spawner": packet.spawner,
        "node": packet.node,
        "synchronizers": list(packet.synchronizers),
        "name": packet.name,
        "states": [],
    }
    if packet.data is None:
        fields["scene"] = packet.scene
    else:
        try:
            fields["data"] = WIRE.read_data(packet.data)
        except DecodeError:
            fields["data"] = MALFORMED
    rest = packet.state
    while rest.start < rest.end:
        found = read_any(rest)
        if found is None:
            fields["states"] = MALFORMED
            break
        values, rest = found
        fields["states"].append(values)
    return Packet("SPAWN", fields)


def read_any(state: Any) -> Any:
    """The first array of a state, however many values it has."""
    if state.start == state.end:
        return None
    if state.buffer[state.start] == 0x90:
        return [], state._replace(start=state.start + 1)
    for count in range(1, 10):
        try:
            return WIRE.read_state(state, count)
        except DecodeError as error:
            if "properties are configured" not in error.reason:
                return None
    return None


def sync_in_words(element: Element) -> Any:
    state = element.state
    if state.buffer[state.start : state.end] == b"\x90":
        return []
    for count in range(1, 10):
        try:
            return WIRE.read_state(state, count)[0]
        except DecodeError as error:
            if "properties are configured" not in error.reason:
                break
    return MALFORMED


def delta_in_words(element: Element) -> Any:
    bits = [bit for bit in range(64) if element.bits >> bit & 1]
    try:
        values, _ = WIRE.read_delta_state(element.state, len(bits))
    except DecodeError:
        return MALFORMED
    return {bit: changes_in_words(value) for bit, value in zip(bits, values, strict=True)}


def changes_in_words(value: Any) -> Any:
    if isinstance(value, ListChanges):
        return Splices(value.before, tuple([list(each) for each in value.splices]))
    return Items(*value) if isinstance(value, DictionaryChanges) else value


def from_words(value: Any) -> Any:
    if isinstance(value, Splices):
        return ListChanges(value.before, [Splice(*each) for each in value.splices])
    if isinstance(value, Items):
        return DictionaryChanges(value.before, value.changed, value.removed)
    return value


def written(packet: Packet | Elements) -> bytes:
    if isinstance(packet, Elements):
        body = b"".join(element(packet.name, *each) for each in packet.elements)
        return WIRE.sync(5, body) if packet.name == "SYNC" else WIRE.delta(body)
    fields = packet.fields
    if packet.name == "DESPAWN":
        return WIRE.despawn(fields["node"])
    if packet.name == "RESEND":
        return WIRE.resend(fields["synchronizers"])
    data = WIRE.state([fields["data"]]) if "data" in fields else None
    states = b"".join(WIRE.state(each) for each in fields["states"])
    ids, name = fields["synchronizers"], fields["name"]
    scene = fields.get("scene")
    return WIRE.spawn(scene, fields["spawner"], fields["node"], ids, name, data, states)


def element(name: str, id_: int, says: Any) -> bytes:
    if name == "SYNC":
        return WIRE.sync_element(id_, WIRE.state(says))
    bits = sum(1 << bit for bit in says)
    return WIRE.delta_element(id_, bits, WIRE.delta_state([*map(from_words, says.values())]))
