"""What each packet of the gd_mp envelope does in Godot 3.2.3, and what it does here.

The same rows are tested on the pure sessions and over sockets. ``why`` is empty where we do what
the engine does; where we do not, it names the decision.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from multiplayer.wire.envelopes.godot3 import (
    Drop,
    Identified,
    Joined,
    Left,
    PacketType,
    Received,
    ServerSession,
    Violation,
)

NONE, ADD, DEL, ID = 0, 1, 2, 3
LOWEST = -(2**31)

SELF = 7
"""The id of the client that the rows are about."""
FIRST, LAST = 5, 9
"""Two others; the client knows the first only."""
STRANGER = 999

CHECKS_SENDERS = "clients do not believe any sender: 0, negative ids and the own id are impossible"
COUNTS_STRANGERS = "delivered as in the engine, and counted: the server never announced the sender"
CHECKS_IDS = "clients do not believe any id: 2 to 2**31 - 1, told once, and the own is no other's"
ONCE_EACH = "a repeated ADD and an unknown DEL are no news, so no signal"
ID_FIRST = "the id comes first: a session without an own id is none"
SPARES_SERVER = "-1 is everybody but the server, also for the server"


def message(kind: int, source: int, target: int, payload: bytes = b"") -> bytes:
    """A message, by the wire's own description and not by the code under test."""
    return struct.pack("<Bii", kind, source, target) + payload


def game(source: int, target: int, payload: bytes = b"\x04x") -> bytes:
    return message(NONE, source, target, payload)


def about(kind: int, peer: int) -> bytes:
    """The server's announcement about a peer."""
    return message(kind, 1, 0, struct.pack("<i", peer))


NOT_YET: tuple[bytes, ...] = ()
IDENTIFIED = (about(ID, SELF),)
JOINED = (about(ID, SELF), about(ADD, 1), about(ADD, FIRST))


@dataclass(frozen=True)
class ClientRow:
    """A message from the server.

    Attributes:
        name: what it is.
        before: what the server has said before.
        message: the message.
        engine: what the engine does with it.
        ours: what we do with it.
        why: why we differ, or nothing.
    """

    name: str
    before: tuple[bytes, ...]
    message: bytes
    engine: str
    ours: Received | Joined | Left | Identified | Violation
    why: str = ""


@dataclass(frozen=True)
class Relayed:
    """What becomes of a packet that is passed on, and who gets it."""

    for_server: bool
    receivers: list[int]


def joined(session: ServerSession, peer: int) -> list[tuple[int, bytes]]:
    """Let ``peer`` join; what is told to whom, as the wire's description has it."""
    others = session.peers
    session.join(peer)
    arrival = session.admit(peer)
    return [
        (peer, about(ID, peer)),
        (peer, about(ADD, 1)),
        *((peer, about(ADD, other)) for other in others),
        *((other, arrival) for other in others),
    ]


def reached(target: int, sender: int, clients: list[int]) -> list[int]:
    """Which clients a target means, by the wire's description: 0 all, n one, -n all but one."""
    meant = [target] if target > 0 else [client for client in clients if client != -target]
    return [client for client in meant if client not in (1, sender)]


@dataclass(frozen=True)
class ServerRow:
    """A message from the client ``SELF``, while ``FIRST`` and ``LAST`` are there too."""

    name: str
    message: bytes
    engine: str
    ours: Relayed | Violation | Drop
    why: str = ""


_IGNORED = "error, ignored"
_SHORT = Violation.SHORT_PACKET
_SHORT_SYSTEM = Violation.SHORT_SYSTEM_PACKET

CLIENT_ROWS = [
    ClientRow("empty", JOINED, b"", _IGNORED, _SHORT),
    ClientRow("8 bytes", JOINED, game(1, 0, b"")[:8], _IGNORED, _SHORT),
    ClientRow("9 bytes", JOINED, game(1, 0, b""), "queued", Received(1, b"", True)),
    ClientRow("from the server", JOINED, game(1, SELF), "queued", Received(1, b"\x04x", True)),
    ClientRow("from a peer", JOINED, game(FIRST, 0), "queued", Received(FIRST, b"\x04x", True)),
    ClientRow("to another", JOINED, game(1, STRANGER), "queued", Received(1, b"\x04x", True)),
    ClientRow("to all but us", JOINED, game(1, -SELF), "queued", Received(1, b"\x04x", True)),
    ClientRow(
        "from a stranger",
        JOINED,
        game(STRANGER, 0),
        "queued",
        Received(STRANGER, b"\x04x", False),
        COUNTS_STRANGERS,
    ),
    ClientRow(
        "from a peer that left",
        (*JOINED, about(DEL, FIRST)),
        game(FIRST, 0),
        "queued",
        Received(FIRST, b"\x04x", False),
        COUNTS_STRANGERS,
    ),
    *(
        ClientRow(
            f"from {source}",
            JOINED,
            game(source, 0),
            "queued",
            Violation.IMPOSSIBLE_SENDER,
            CHECKS_SENDERS,
        )
        for source in (0, -FIRST, LOWEST, SELF)
    ),
    *(
        ClientRow(
            f"{PacketType(kind).name} of {size} bytes",
            JOINED,
            about(kind, STRANGER)[:size],
            _IGNORED,
            _SHORT_SYSTEM,
        )
        for kind in (ADD, DEL, ID)
        for size in (9, 12)
    ),
    ClientRow("ADD", JOINED, about(ADD, LAST), "peer_connected", Joined(LAST, False)),
    ClientRow("ADD, more bytes", JOINED, about(ADD, LAST) + b"xy", "the same", Joined(LAST, False)),
    ClientRow(
        "ADD, odd from and to",
        JOINED,
        message(ADD, -3, STRANGER, struct.pack("<i", LAST)),
        "the same",
        Joined(LAST, False),
    ),
    ClientRow(
        "ADD again",
        JOINED,
        about(ADD, FIRST),
        "peer_connected again",
        Violation.REPEATED_ADD,
        ONCE_EACH,
    ),
    ClientRow(
        "ADD 1 again",
        JOINED,
        about(ADD, 1),
        "peer_connected(1), connection_succeeded again",
        Violation.REPEATED_ADD,
        ONCE_EACH,
    ),
    *(
        ClientRow(
            f"ADD {peer}",
            JOINED,
            about(ADD, peer),
            "peer_connected",
            Violation.IMPOSSIBLE_ID,
            CHECKS_IDS,
        )
        for peer in (SELF, 0, -FIRST)
    ),
    ClientRow("DEL", JOINED, about(DEL, FIRST), "peer_disconnected", Left(FIRST)),
    ClientRow("DEL 1", JOINED, about(DEL, 1), "peer_disconnected, stays connected", Left(1)),
    ClientRow(
        "DEL of a stranger",
        JOINED,
        about(DEL, STRANGER),
        "peer_disconnected",
        Violation.UNKNOWN_DEL,
        ONCE_EACH,
    ),
    ClientRow(
        "ADD after DEL",
        (*JOINED, about(DEL, FIRST)),
        about(ADD, FIRST),
        "peer_connected",
        Joined(FIRST, False),
    ),
    ClientRow(
        "ADD 1 after DEL 1",
        (*JOINED, about(DEL, 1)),
        about(ADD, 1),
        "peer_connected(1), connection_succeeded again",
        Joined(1, False),
        ONCE_EACH,
    ),
    ClientRow("ID again", JOINED, about(ID, LAST), "own id", Violation.REPEATED_ID, CHECKS_IDS),
    *(
        ClientRow(
            f"type {kind}",
            JOINED,
            message(kind, 1, 0, b"1234"),
            _IGNORED,
            Violation.UNKNOWN_TYPE,
        )
        for kind in (4, 8, 16, 64, 128, 255)
    ),
    ClientRow("ID", NOT_YET, about(ID, SELF), "own id", Identified(SELF)),
    ClientRow("the highest ID", NOT_YET, about(ID, 2**31 - 1), "own id", Identified(2**31 - 1)),
    *(
        ClientRow(
            f"ID {own}",
            NOT_YET,
            about(ID, own),
            "own id",
            Violation.IMPOSSIBLE_ID,
            CHECKS_IDS,
        )
        for own in (0, 1, -4, LOWEST)
    ),
    ClientRow(
        "ADD 1 without ID",
        NOT_YET,
        about(ADD, 1),
        "connection_succeeded with own id 0",
        Violation.BEFORE_ID,
        ID_FIRST,
    ),
    ClientRow(
        "ADD without ID",
        NOT_YET,
        about(ADD, FIRST),
        "peer_connected",
        Violation.BEFORE_ID,
        ID_FIRST,
    ),
    ClientRow(
        "DEL without ID",
        NOT_YET,
        about(DEL, FIRST),
        "peer_disconnected",
        Violation.UNKNOWN_DEL,
        ONCE_EACH,
    ),
    ClientRow("packet without ID", NOT_YET, game(1, 0), "queued", Violation.BEFORE_ID, ID_FIRST),
    ClientRow(
        "ADD 1 after ID",
        IDENTIFIED,
        about(ADD, 1),
        "peer_connected(1), connection_succeeded",
        Joined(1, True),
    ),
    ClientRow(
        "ADD before ADD 1", IDENTIFIED, about(ADD, FIRST), "peer_connected", Joined(FIRST, False)
    ),
    ClientRow(
        "packet before ADD 1",
        IDENTIFIED,
        game(1, 0),
        "queued",
        Received(1, b"\x04x", False),
        COUNTS_STRANGERS,
    ),
]

_DROPPED = "error, dropped"

SERVER_ROWS = [
    ServerRow("empty", b"", _DROPPED, _SHORT),
    ServerRow("8 bytes", game(SELF, 1, b"")[:8], _DROPPED, _SHORT),
    ServerRow("header only, to the server", game(SELF, 1, b""), "queued", Relayed(True, [])),
    ServerRow(
        "header only, to all", game(SELF, 0, b""), "queued, relayed", Relayed(True, [FIRST, LAST])
    ),
    *(
        ServerRow(
            f"type {kind}",
            message(kind, SELF, 0, struct.pack("<i", SELF)),
            _DROPPED,
            Violation.SYSTEM_PACKET_FROM_CLIENT,
        )
        for kind in (ADD, DEL, ID, 4, 16, 64, 255)
    ),
    *(
        ServerRow(f"from {source}", game(source, 0), _DROPPED, Violation.FORGED_SENDER)
        for source in (FIRST, 1, 0, -SELF, STRANGER)
    ),
    ServerRow("to the server", game(SELF, 1), "queued", Relayed(True, [])),
    ServerRow("to all", game(SELF, 0), "queued, relayed to all", Relayed(True, [FIRST, LAST])),
    ServerRow("to a peer", game(SELF, FIRST), "relayed to it", Relayed(False, [FIRST])),
    ServerRow("to all but a peer", game(SELF, -FIRST), "queued, relayed", Relayed(True, [LAST])),
    ServerRow(
        "to all but the server",
        game(SELF, -1),
        "queued, relayed to all",
        Relayed(False, [FIRST, LAST]),
        SPARES_SERVER,
    ),
    ServerRow(
        "to all but the sender",
        game(SELF, -SELF),
        "queued, relayed to all",
        Relayed(True, [FIRST, LAST]),
    ),
    ServerRow(
        "to all but a stranger",
        game(SELF, -STRANGER),
        "queued, relayed to all",
        Relayed(True, [FIRST, LAST]),
    ),
    ServerRow(
        "to -2**31", game(SELF, LOWEST), "queued, relayed to all", Relayed(True, [FIRST, LAST])
    ),
    ServerRow("to the sender", game(SELF, SELF), _DROPPED, Drop.TO_SENDER),
    ServerRow("to a stranger", game(SELF, STRANGER), _DROPPED, Drop.UNKNOWN_TARGET),
    ServerRow(
        "no API packet",
        game(SELF, 0, b"\xff\xfe\xfd"),
        "relayed untouched",
        Relayed(True, [FIRST, LAST]),
    ),
]

PUTS: list[tuple[int, list[int] | None]] = [
    (0, [FIRST, SELF, LAST]),
    (1, []),
    (SELF, [SELF]),
    (-SELF, [FIRST, LAST]),
    (-1, [FIRST, SELF, LAST]),
    (-STRANGER, [FIRST, SELF, LAST]),
    (LOWEST, [FIRST, SELF, LAST]),
    (STRANGER, None),
]
"""Who gets what the server itself puts, by target; None: it cannot be put."""
