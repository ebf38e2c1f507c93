"""``PacketReader``: what the packets of a trace say, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.addressing import SERVER_ID
from multiplayer.errors import DecodeError
from multiplayer.support.log_text import one_line
from multiplayer.wire.dialects.api_packets import (
    AddPeer,
    Announce,
    Assign,
    Authenticate,
    Call,
    Confirm,
    DelPeer,
    ErrorResponse,
    Forget,
    Raw,
    Relay,
    Request,
    Response,
)
from multiplayer.wire.dialects.choice import Dialect, wire_of
from multiplayer.wire.envelopes import godot3, godot4

from .frames import LAST_MESSAGE, Kind, read_close

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer.wire.dialects.api_packets import ApiPacket, ApiWire, Encoded

_SHOWN: Final = 24
"""How many bytes of a packet are shown that says nothing to us."""

_SYSTEM_WORDS: Final = {
    godot3.PacketType.ADD: "peer {} is there",
    godot3.PacketType.DEL: "peer {} has left",
    godot3.PacketType.ID: "your id is {}",
}


class PeerInfo(NamedTuple):
    """What a trace knows of a peer.

    Attributes:
        name: what it is called.
        serves: it is a server.
        envelope: "gd_mp", "godot4" or "plain".
        dialect: the name of its API's dialect; "" if nobody has said that it has an API.
        methods: for each path, the names of its methods by number, where packets have no names.
    """

    name: str
    serves: bool
    envelope: str
    dialect: str = ""
    methods: dict[str, dict[int, str]] | None = None


class Reading(NamedTuple):
    """What a packet says.

    Attributes:
        text: in words.
        call: the path and the name of the method, if it is a call; else "".
        arguments: those of the call.
    """

    text: str
    call: str = ""
    arguments: tuple[object, ...] = ()


class PacketReader:
    """Reads packets in the order in which they were put: what numbers mean has been said before.

    Args:
        peers: those of the trace, by number.
    """

    def __init__(self, peers: Sequence[PeerInfo]) -> None:
        self._peers = peers
        self._ids = [SERVER_ID if peer.serves else 0 for peer in peers]
        self._paths: dict[tuple[int, int], Announce] = {}

    def read(self, sender: int, receiver: int, kind: int, data: bytes) -> Reading:
        """Return what a frame says.

        Args:
            sender: who put it, by number.
            receiver: for whom, by number.
            kind: see ``frames``.
            data: what is in it.
        """
        if kind > LAST_MESSAGE:
            return Reading(_control(kind, data))
        envelope = self._peers[sender].envelope
        if envelope == "gd_mp":
            return self._gd_mp(sender, receiver, data)
        if envelope == "godot4":
            if self._peers[sender].serves and not self._ids[receiver]:
                return self._own_id(receiver, data)
            return self._packet(sender, receiver, self._ids[sender], data)
        return Reading(repr(data.decode()) if kind == Kind.TEXT else _octets(data))

    # ---------------------------------------------------------------- envelopes

    def _own_id(self, receiver: int, data: bytes) -> Reading:
        try:
            self._ids[receiver] = godot4.read_id(data)
        except DecodeError:
            return Reading(_octets(data))
        return Reading(f"your id is {self._ids[receiver]}")

    def _gd_mp(self, sender: int, receiver: int, data: bytes) -> Reading:
        system = _SYSTEM_WORDS.get(data[0]) if data else None  # type: ignore[call-overload]
        if system is not None and len(data) >= godot3.HEADER_SIZE + 4:
            peer = int.from_bytes(data[-4:], "little", signed=True)
            if data[0] == godot3.PacketType.ID:
                self._ids[receiver] = peer
            shown = peer if data[0] == godot3.PacketType.ID else self._who(peer)
            return Reading(system.format(shown))
        header = godot3.read_header(data)
        if isinstance(header, godot3.Violation):
            return Reading(_octets(data))
        reading = self._packet(sender, receiver, header.source, data[header.size :])
        relayed = self._peers[sender].serves and header.source != SERVER_ID
        aim = f" from {self._who(header.source)}" if relayed else self._aim(header.target)
        return reading._replace(text=f"{reading.text}{aim}")

    def _who(self, peer: int) -> str:
        """Return the name of the peer with an id; the id if nobody has it."""
        for known, info in zip(self._ids, self._peers, strict=True):
            if known == peer and not info.serves:
                return info.name
        return str(peer)

    def _aim(self, target: int) -> str:
        if target == SERVER_ID:
            return ""
        if target == 0:
            return " for all"
        return f" for {self._who(target)}" if target > 0 else f" for all but {self._who(-target)}"

    # ---------------------------------------------------------------- the API

    def _packet(self, sender: int, receiver: int, source: int, packet: bytes) -> Reading:
        name = self._peers[sender].dialect or self._peers[receiver].dialect
        if not name:
            return Reading(_octets(packet))
        wire = wire_of(Dialect(name))
        try:
            return self._api_packet(wire, sender, receiver, source, packet)
        except DecodeError:
            return Reading(_octets(packet))

    def _api_packet(
        self, wire: ApiWire, sender: int, receiver: int, source: int, packet: bytes
    ) -> Reading:
        said = wire.read(packet)
        if isinstance(said, Call):
            return self._call(wire, receiver, source, said)
        if isinstance(said, Request):
            asked = self._call(wire, receiver, source, said.call)
            return asked._replace(text=f"{asked.text}, asked as {said.request_id}")
        if isinstance(said, Announce):
            self._paths[source, said.node] = said
        if isinstance(said, Relay):
            serves = self._peers[sender].serves
            origin = said.peer if serves else source
            inner = self._packet(sender, receiver, origin, said.packet)
            aim = f" from {self._who(said.peer)}" if serves else self._aim(said.peer)
            return inner._replace(text=f"{inner.text}{aim}")
        return Reading(_words(wire, said))

    def _call(self, wire: ApiWire, receiver: int, source: int, call: Call) -> Reading:
        path, methods = str(call.node), None
        if isinstance(call.node, int):
            announced = self._paths.get((source, call.node))
            path = announced.path if announced is not None else f"node {call.node}"
            methods = announced.methods if announced is not None else None
        method = call.method
        if isinstance(method, int):
            named = methods[method : method + 1] if isinstance(methods, tuple) else ()
            known = (self._peers[receiver].methods or {}).get(path, {})
            method = named[0] if named else known.get(method, f"method {method}")
        arguments = tuple(wire.read_arguments(call.arguments))
        listed = ", ".join(map(repr, arguments))
        name = f"{path}.{method}"
        return Reading(one_line(f"{name}({listed})"), name, arguments)


def _words(wire: ApiWire, said: ApiPacket) -> str:
    text = type(said).__name__.lower()
    match said:
        case Announce(node, path, methods):
            names = f" with {', '.join(methods)}" if isinstance(methods, tuple) else ""
            text = f"{path} is {node}{names}"
        case Confirm(node, agrees):
            text = f"understood {node}" + ("" if agrees else ", with other methods")
        case Forget(nodes):
            text = f"forget {', '.join(map(str, nodes))}"
        case Response(request_id, value):
            text = f"answer to {request_id}: {_value(wire, value)}"
        case ErrorResponse(request_id, kind, words):
            text = f"error for {request_id}: {kind}: {words}"
        case Assign(node, name, value):
            text = f"{node}.{name} = {_value(wire, value)}"
        case Raw(payload):
            text = _octets(payload)
        case Authenticate(data):
            text = "login" if data else "login seen"
        case AddPeer(peer):
            text = f"peer {peer} is there"
        case DelPeer(peer):
            text = f"peer {peer} has left"
        case _:
            pass
    return one_line(text)


def _value(wire: ApiWire, value: Encoded) -> str:
    return repr(wire.read_value(value))


def _octets(data: bytes) -> str:
    dots = "…" if len(data) > _SHOWN else ""
    unit = "byte" if len(data) == 1 else "bytes"
    return f"{len(data)} {unit} {data[:_SHOWN].hex()}{dots}"


def _control(kind: int, data: bytes) -> str:
    if kind == Kind.CLOSE:
        code, reason = read_close(data)
        return one_line(f"close {code} {reason}").rstrip()
    if kind == Kind.REFUSAL:
        return one_line(f"refusal: {data.decode(errors='replace')}")
    return Kind(kind).name.lower()
