"""The ``gd_mp_api`` envelope: 9 bytes before each packet, and the session rules that go with it.

Mirrors ``WebSocketMultiplayerPeer::_process_multiplayer`` and ``_server_relay`` of Godot 3.x and
early 4.0. Every message is one packet::

    u8 type | i32 from | i32 to | payload        (little-endian)

Type 0 carries a packet of the game. Types 1 to 3 come from the server only; their payload is a
signed 32-bit peer id: 1 ADD (a peer is there), 2 DEL (a peer left), 3 ID (this is your id).

Between peers that agreed on it, the unused bits of the type hold a packet's transfer mode and say
whether a channel follows (``docs/protocol/gdpeers.md``)::

    bits 0-1 type | bits 4-5 mode | bit 6: u8 channel between header and payload | others 0
"""

from __future__ import annotations

import struct
from bisect import bisect_left, insort
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from multiplayer.addressing import SERVER_ID, TransferMode
from multiplayer.departed import Departed

_HEADER: Final = struct.Struct("<Bii")
_SYSTEM: Final = struct.Struct("<Biii")
_ID: Final = struct.Struct("<i")
HEADER_SIZE: Final = _HEADER.size  # 9

_TYPE: Final = 0b0000_0011
_MODE: Final = 0b0011_0000
_MODE_SHIFT: Final = 4
_HAS_CHANNEL: Final = 0b0100_0000

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
# By their number on the wire; reliable is 0 there, so that its bytes are Godot's.
_MODES: Final[tuple[TransferMode, ...]] = (
    TransferMode.TRANSFER_MODE_RELIABLE,
    TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED,
    TransferMode.TRANSFER_MODE_UNRELIABLE,
)
_MODE_BITS: Final = tuple(_MODES.index(mode) << _MODE_SHIFT for mode in sorted(TransferMode))

ADVICE_FOR_GODOT_4: Final = (
    "use WebSocketMultiplayerPeer().create_client(url) and Dialect.GODOT_4 for it"
)
"""What a program does whose server turns out to be a Godot 4 one."""


class PacketType(IntEnum):
    """The first byte of the envelope."""

    NONE = 0
    ADD = 1
    DEL = 2
    ID = 3


class Violation(StrEnum):
    """What the other side must not send: ignored and counted, by a server only up to a limit."""

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
    NOT_ADMITTED = "not_admitted"
    NOT_RELAYED = "not_relayed"


class Header(NamedTuple):
    """What precedes a packet of the game.

    Attributes:
        source: the sender's id.
        target: 0 everybody, n one peer, -n everybody but that peer.
        mode: its transfer mode.
        channel: its channel, 0 to 255.
        size: where the payload begins.
    """

    source: int
    target: int
    mode: TransferMode
    channel: int
    size: int


def packet(
    source: int,
    target: int,
    payload: bytes,
    mode: TransferMode = _RELIABLE,
    channel: int = 0,
) -> bytes:
    """Return a packet of the game in its envelope.

    Args:
        source: the sender's id.
        target: 0 everybody, n one peer, -n everybody but that peer.
        payload: any bytes.
        mode: reliable for a peer that did not agree on modes and channels.
        channel: 0 to 255; 0 for such a peer.
    """
    first = _MODE_BITS[mode]
    if channel:
        return _HEADER.pack(first | _HAS_CHANNEL, source, target) + bytes((channel,)) + payload
    return _HEADER.pack(first, source, target) + payload


def read_header(message: bytes) -> Header | Violation:
    """Read the header of a packet of the game from a peer that agreed on modes."""
    if len(message) < HEADER_SIZE:
        return Violation.SHORT_PACKET
    first, source, target = _HEADER.unpack_from(message)
    number: int = (first & _MODE) >> _MODE_SHIFT
    if first & ~(_MODE | _HAS_CHANNEL) or number >= len(_MODES):
        return Violation.UNKNOWN_TYPE
    mode = _MODES[number]
    if not first & _HAS_CHANNEL:
        return Header(source, target, mode, 0, HEADER_SIZE)
    if len(message) == HEADER_SIZE:
        return Violation.SHORT_PACKET
    return Header(source, target, mode, message[HEADER_SIZE], HEADER_SIZE + 1)


def is_id(message: bytes) -> bool:
    """Return whether a message looks like the one with which a server gives a client its id."""
    if len(message) != HEADER_SIZE + _ID.size:
        return False
    return _HEADER.unpack_from(message) == (PacketType.ID, SERVER_ID, 0)


def payload_of(message: bytes) -> bytes:
    """Return the payload of a packet of the game that is not a violation."""
    return message[HEADER_SIZE + bool(message[0] & _HAS_CHANNEL) :]


def plain(message: bytes) -> bytes:
    """Return a packet of the game in the form for peers that agreed on no modes and channels."""
    return bytes(1) + message[1:HEADER_SIZE] + payload_of(message) if message[0] else message


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
    mode: TransferMode = _RELIABLE
    channel: int = 0


class Joined(NamedTuple):
    """The server announced a peer; ``completes`` the session if it is the server itself."""

    peer: int
    completes: bool


class Left(NamedTuple):
    """The server said that a peer has left."""

    peer: int


class Identified(NamedTuple):
    """The server told us our id, or, after a new beginning, something else that we knew."""

    id: int


class OtherGeneration(NamedTuple):
    """The server's first message is not in this envelope; ``detail`` says what it seems to be.

    No session can come of it.
    """

    detail: str


class ClientSession:
    """What a client knows of its session, and the rules for what the server may say.

    Attributes:
        id: our own id, 0 until the server has sent it.
        peers: the announced peers, including the server (1).
        left: the peers that have left, according to the server.
        complete: the server has sent our id and announced itself; packets may be sent.
        agreed: the server agreed on transfer modes and channels.
    """

    def __init__(self) -> None:
        self.id = 0
        self.peers: set[int] = set()
        self.left = Departed()
        self.complete = False
        self.agreed = False
        self._begun = False
        self._renewing = False
        self._unsaid: set[int] = set()  # not announced again, after a new beginning

    def begin_anew(self) -> None:
        """Expect our id and all peers once more, which are those that are there.

        The server has lost what it had for us: see ``docs/protocol/resume.md``.
        """
        self._renewing = True
        self._unsaid = {*self.peers}

    def end_roster(self) -> list[int]:
        """Forget those who were not announced once more, and return them, ascending."""
        gone = sorted(self._unsaid - {SERVER_ID})
        self._renewing = False
        self._unsaid = set()
        for peer in gone:
            self.peers.discard(peer)
            self.left.add(peer)
        return gone

    def message(self, data: bytes, target: int, mode: TransferMode, channel: int) -> bytes:
        """Return a packet for the server, which passes it on; b"" if its target has left."""
        if target in self.left:
            return b""
        if channel or not self.agreed:
            framed = packet(self.id, target, data, mode, channel)
            return framed if self.agreed else plain(framed)
        return _HEADER.pack(_MODE_BITS[mode], self.id, target) + data  # as there, for each packet

    def receive(
        self, message: bytes
    ) -> Received | Joined | Left | Identified | Violation | OtherGeneration:
        """Take one message from the server and return what it means."""
        first, self._begun = not self._begun, True
        if first and len(message) == _ID.size:
            return OtherGeneration(
                f"the server's first message has 4 bytes ({message.hex()}), like the peer id that "
                f"a Godot 4 server sends; {ADVICE_FOR_GODOT_4}"
            )
        if len(message) < HEADER_SIZE:
            return Violation.SHORT_PACKET
        kind, source, _ = _HEADER.unpack_from(message)
        if kind == PacketType.NONE:
            return self._receive(source, message[HEADER_SIZE:], _RELIABLE, 0)
        if self.agreed and not kind & _TYPE:
            header = read_header(message)
            if isinstance(header, Violation):
                return header
            return self._receive(source, message[header.size :], header.mode, header.channel)
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

    def _receive(
        self, source: int, payload: bytes, mode: TransferMode, channel: int
    ) -> Received | Violation:
        if not self.id:
            return Violation.BEFORE_ID
        if source <= 0 or source == self.id:
            return Violation.IMPOSSIBLE_SENDER
        return Received(source, payload, source in self.peers, mode, channel)

    def _identify(self, own: int) -> Identified | Violation:
        if self.id and not (self._renewing and own == self.id):
            return Violation.REPEATED_ID
        if own <= SERVER_ID:
            return Violation.IMPOSSIBLE_ID
        self.id = own
        return Identified(own)

    def _add(self, peer: int) -> Joined | Identified | Violation:
        if not self.id:
            return Violation.BEFORE_ID
        if peer <= 0 or peer == self.id:
            return Violation.IMPOSSIBLE_ID
        if peer in self._unsaid:
            self._unsaid.discard(peer)
            return Identified(self.id)  # nothing new
        if peer in self.peers:
            return Violation.REPEATED_ADD
        self.peers.add(peer)
        self.left.discard(peer)
        completes = peer == SERVER_ID and not self.complete
        self.complete = self.complete or completes
        return Joined(peer, completes)

    def _delete(self, peer: int) -> Left | Violation:
        if peer not in self.peers:
            return Violation.UNKNOWN_DEL
        self.peers.discard(peer)
        self._unsaid.discard(peer)
        self.left.add(peer)
        return Left(peer)


def is_plain_packet(message: bytes, target: int | None = None) -> bool:
    """Return whether a message is a packet of the game that begins behind a header of 9 bytes.

    Args:
        message: any bytes.
        target: for whom it has to be; None for anybody.
    """
    if len(message) <= HEADER_SIZE:
        return False
    kind, _, meant = _HEADER.unpack_from(message)
    return kind & ~_MODE == PacketType.NONE and target in (None, meant)


class Route(NamedTuple):
    """Where a client's packet goes.

    Attributes:
        for_server: the server itself is addressed.
        target: which clients get the message, unchanged (:func:`plain` for those that did not
            agree on modes): 0 all but the sender, n that one, -n all but the sender and that one,
            1 none.
        mode: the transfer mode to send it on with.
        channel: the channel it was sent on.
        held_back: the sender is not admitted, so the clients it addressed do not get the packet.
    """

    for_server: bool
    target: int
    mode: TransferMode = _RELIABLE
    channel: int = 0
    held_back: bool = False


class ServerSession:
    """Who is in the session, whom to tell what, and the rules for what a client may send.

    Only the server knows of a client that is held: it has its id, but nobody else has been told of
    it, nor it of anybody.

    Attributes:
        relays: clients are told of each other and reach each other; changes only while there are
            none.
    """

    def __init__(self) -> None:
        self.relays = True
        self._peers: list[int] = []  # those admitted; ascending, as the engine announces them
        self._held: set[int] = set()

    @property
    def peers(self) -> list[int]:
        """The ids of the clients, ascending."""
        return sorted([*self._peers, *self._held])

    def __contains__(self, peer: int) -> bool:
        return self._is_admitted(peer) or peer in self._held

    @property
    def admitted(self) -> list[int]:
        """The ids of the clients that are not held, ascending."""
        return [*self._peers]

    def _is_admitted(self, peer: int) -> bool:
        at = bisect_left(self._peers, peer)
        return at < len(self._peers) and self._peers[at] == peer

    def join(self, peer: int) -> None:
        """Add a client, and hold it. It is sent its ID first, then ADD for the server."""
        self._held.add(peer)

    def holds(self, peer: int) -> bool:
        """Return whether a client is held."""
        return peer in self._held

    def admit(self, peer: int) -> bytes:
        """Admit a client that is held; return what to send to all others, b"" for nothing.

        If they are told, the client is sent ADD for each of them, ascending.
        """
        if peer not in self._held:
            return b""
        self._held.remove(peer)
        insort(self._peers, peer)
        return system_packet(PacketType.ADD, peer) if self.relays else b""

    def leave(self, peer: int) -> bytes:
        """Remove a client; return what to send to all others, b"" if they do not know it."""
        departure = self.departure(peer)
        self._held.discard(peer)
        if self._is_admitted(peer):
            self._peers.remove(peer)
        return departure

    def departure(self, peer: int) -> bytes:
        """Return what :meth:`leave` would."""
        if peer in self._held or not self._is_admitted(peer) or not self.relays:
            return b""
        return system_packet(PacketType.DEL, peer)

    def clear(self) -> None:
        """Forget all clients."""
        self._peers.clear()
        self._held.clear()

    def receive(
        self, sender: int, message: bytes, *, agreed: bool = False
    ) -> Route | Violation | Drop:
        """Take one message from the client ``sender`` and return what becomes of it.

        Unlike in the engine, -1 ("all but the server") does not reach the server.

        Args:
            sender: the client whose connection it came on.
            message: any bytes.
            agreed: the client agreed on transfer modes and channels.
        """
        if len(message) < HEADER_SIZE:
            return Violation.SHORT_PACKET
        kind, source, target = _HEADER.unpack_from(message)
        mode, channel = _RELIABLE, 0
        if kind != PacketType.NONE:
            if not agreed or kind & _TYPE:
                return Violation.SYSTEM_PACKET_FROM_CLIENT
            header = read_header(message)
            if isinstance(header, Violation):
                return header
            mode, channel = header.mode, header.channel
        if source != sender:
            return Violation.FORGED_SENDER
        if target == SERVER_ID:
            return Route(True, SERVER_ID, mode, channel)
        if target == sender:
            return Drop.TO_SENDER
        if not self.relays:
            if target > 0 or target == -SERVER_ID:
                return Drop.NOT_RELAYED
            return Route(True, SERVER_ID, mode, channel)
        if sender in self._held:
            if target > 0 or target == -SERVER_ID:
                return Drop.NOT_ADMITTED
            return Route(True, SERVER_ID, mode, channel, held_back=True)
        if target > 0 and not self._is_admitted(target):
            return Drop.NOT_ADMITTED if target in self._held else Drop.UNKNOWN_TARGET
        return Route(target <= 0 and target != -SERVER_ID, target, mode, channel)
