"""The ``gd_mp_api`` envelope: 9 bytes before each packet, and the session rules that go with it.

Mirrors ``WebSocketMultiplayerPeer::_process_multiplayer`` and ``_server_relay`` of Godot 3.x and
early 4.0. Every message is one packet::

    u8 type | i32 from | i32 to | payload        (little-endian)

Type 0 carries a packet of the game. Types 1 to 3 come from the server only; their payload is a
signed 32-bit peer id: 1 ADD (somebody is there), 2 DEL (somebody left), 3 ID (this is your id).
"""

from __future__ import annotations

import struct
from bisect import bisect_left, insort
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

SERVER_ID: Final = 1

_HEADER: Final = struct.Struct("<Bii")
_SYSTEM: Final = struct.Struct("<Biii")
_ID: Final = struct.Struct("<i")
HEADER_SIZE: Final = _HEADER.size  # 9


class PacketType(IntEnum):
    """The first byte of the envelope."""

    NONE = 0
    ADD = 1
    DEL = 2
    ID = 3


class Violation(StrEnum):
    """What the other side must not send: ignored and counted, and on a server not for ever."""

    SHORT_PACKET = "short_packet"
    SYSTEM_PACKET_FROM_CLIENT = "system_packet_from_client"
    FORGED_SENDER = "forged_sender"
    UNKNOWN_TYPE = "unknown_type"
    SHORT_SYSTEM_PACKET = "short_system_packet"
    IMPOSSIBLE_SENDER = "impossible_sender"
    IMPOSSIBLE_ID = "impossible_id"
    REPEATED_ID = "repeated_id"
    REPEATED_ADD = "repeated_add"
    UNKNOWN_DEL = "unknown_del"
    BEFORE_ID = "before_id"


class Drop(StrEnum):
    """Why a proper packet went nowhere."""

    UNKNOWN_TARGET = "unknown_target"
    TO_SENDER = "to_sender"


def packet(source: int, target: int, payload: bytes) -> bytes:
    """Return a packet of the game in its envelope.

    Args:
        source: the sender's id.
        target: 0 everybody, n one peer, -n everybody but that peer.
        payload: any bytes.
    """
    return _HEADER.pack(PacketType.NONE, source, target) + payload


def system_packet(kind: PacketType, peer: int) -> bytes:
    """Return one of the server's own announcements about ``peer``: 13 bytes."""
    return _SYSTEM.pack(kind, SERVER_ID, 0, peer)


class Received(NamedTuple):
    """A packet for us.

    ``announced`` is False if the server never said that the sender is there.
    """

    source: int
    payload: bytes
    announced: bool


class Joined(NamedTuple):
    """The server announced a peer; ``completes`` the session if it is the server itself."""

    peer: int
    completes: bool


class Left(NamedTuple):
    """The server said that a peer has left."""

    peer: int


class Identified(NamedTuple):
    """The server told us our id."""

    id: int


class ClientSession:
    """What a client knows of its session, and the rules for what the server may say.

    Attributes:
        id: the own id, 0 until the server has told it.
        peers: the announced peers, the server (1) among them.
        complete: the server has told the id and announced itself; packets may be sent.
    """

    def __init__(self) -> None:
        self.id = 0
        self.peers: set[int] = set()
        self.complete = False

    def receive(self, message: bytes) -> Received | Joined | Left | Identified | Violation:
        """Take one message from the server and return what it means."""
        if len(message) < HEADER_SIZE:
            return Violation.SHORT_PACKET
        kind, source, _ = _HEADER.unpack_from(message)
        if kind == PacketType.NONE:
            if not self.id:
                return Violation.BEFORE_ID
            if source <= 0 or source == self.id:
                return Violation.IMPOSSIBLE_SENDER
            return Received(source, message[HEADER_SIZE:], source in self.peers)
        if kind > PacketType.ID:
            return Violation.UNKNOWN_TYPE
        if len(message) < HEADER_SIZE + _ID.size:
            return Violation.SHORT_SYSTEM_PACKET
        (peer,) = _ID.unpack_from(message, HEADER_SIZE)
        if kind == PacketType.ID:
            return self._identify(peer)
        if kind == PacketType.ADD:
            return self._add(peer)
        return self._delete(peer)

    def _identify(self, own: int) -> Identified | Violation:
        if self.id:
            return Violation.REPEATED_ID
        if own <= SERVER_ID:
            return Violation.IMPOSSIBLE_ID
        self.id = own
        return Identified(own)

    def _add(self, peer: int) -> Joined | Violation:
        if not self.id:
            return Violation.BEFORE_ID
        if peer <= 0 or peer == self.id:
            return Violation.IMPOSSIBLE_ID
        if peer in self.peers:
            return Violation.REPEATED_ADD
        self.peers.add(peer)
        completes = peer == SERVER_ID and not self.complete
        self.complete = self.complete or completes
        return Joined(peer, completes)

    def _delete(self, peer: int) -> Left | Violation:
        if peer not in self.peers:
            return Violation.UNKNOWN_DEL
        self.peers.discard(peer)
        return Left(peer)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a client's packet goes.

    Attributes:
        for_server: the server itself is addressed.
        receivers: the clients that get the message, unchanged; ascending.
    """

    for_server: bool
    receivers: list[int]


class ServerSession:
    """Who is in the session, whom to tell what, and the rules for what a client may send."""

    def __init__(self) -> None:
        self._peers: list[int] = []  # ascending, as the engine announces them

    @property
    def peers(self) -> list[int]:
        """The ids of the clients, ascending."""
        return self._peers.copy()

    def __contains__(self, peer: int) -> bool:
        at = bisect_left(self._peers, peer)
        return at < len(self._peers) and self._peers[at] == peer

    def join(self, peer: int) -> list[tuple[int, bytes]]:
        """Admit a client; return what to send to whom, in order."""
        to_newcomer = [
            (peer, system_packet(PacketType.ID, peer)),
            (peer, system_packet(PacketType.ADD, SERVER_ID)),
        ]
        arrival = system_packet(PacketType.ADD, peer)
        for other in self._peers:
            to_newcomer += [(other, arrival), (peer, system_packet(PacketType.ADD, other))]
        insort(self._peers, peer)
        return to_newcomer

    def leave(self, peer: int) -> list[tuple[int, bytes]]:
        """Remove a client; return what to send to whom, in order."""
        self._peers.remove(peer)
        departure = system_packet(PacketType.DEL, peer)
        return [(other, departure) for other in self._peers]

    def clear(self) -> None:
        """Forget all clients."""
        self._peers.clear()

    def receivers(self, target: int) -> list[int] | None:
        """Return which clients a packet of the server's own goes to; None if there is no such."""
        if target == SERVER_ID:
            return []
        if target > 0:
            return [target] if target in self else None
        return [peer for peer in self._peers if peer != -target]

    def receive(self, sender: int, message: bytes) -> Route | Violation | Drop:
        """Take one message from the client ``sender`` and return what becomes of it.

        Unlike the engine, which delivers -1 ("all but the server") to the server too.
        """
        if len(message) < HEADER_SIZE:
            return Violation.SHORT_PACKET
        kind, source, target = _HEADER.unpack_from(message)
        if kind != PacketType.NONE:
            return Violation.SYSTEM_PACKET_FROM_CLIENT
        if source != sender:
            return Violation.FORGED_SENDER
        if target == SERVER_ID:
            return Route(for_server=True, receivers=[])
        if target > 0:
            if target == sender:
                return Drop.TO_SENDER
            if target not in self:
                return Drop.UNKNOWN_TARGET
            return Route(for_server=False, receivers=[target])
        receivers = [peer for peer in self._peers if peer != sender and peer != -target]
        return Route(for_server=target != -SERVER_ID, receivers=receivers)
