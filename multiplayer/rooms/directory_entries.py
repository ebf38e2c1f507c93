"""What a directory of rooms says: nodes, rooms and how full they are, as plain values."""

from __future__ import annotations

from typing import Final, NamedTuple

MOST_METADATA: Final = 4096
"""How many characters of metadata a directory holds for a room."""

MOST_PER_PAGE: Final = 50
"""How many rooms a page holds at most."""


class NodeEntry(NamedTuple):
    """A node, as other nodes need to know it.

    Attributes:
        incarnation: its name and what tells one start of it from the next.
        host: the address at which other nodes reach it.
        port: the TCP port for connections that other nodes pass on.
        url: where clients reach it directly; "" if they cannot.
    """

    incarnation: str
    host: str
    port: int
    url: str = ""


class RoomState(NamedTuple):
    """What of a room others may want to know, and what changes as it is played.

    Attributes:
        players: how many have a seat.
        capacity: how many may.
        private: whether lists leave it out.
        locked: whether it takes nobody new.
        metadata: what the game tells the lobby, as JSON.
        base: where clients reach it directly, such as ``wss://b.example.com``; "" if they cannot.
    """

    players: int = 0
    capacity: int = 0
    private: bool = False
    locked: bool = False
    metadata: str = "{}"
    base: str = ""


class RoomEntry(NamedTuple):
    """A room, as the directory knows it.

    Attributes:
        code: its code, which no other room has, of whatever kind.
        kind: the name of its kind.
        epoch: which owner it has had last: higher for each.
        state: how full it is, and so on.
    """

    code: str
    kind: str
    epoch: int
    state: RoomState


class Found(NamedTuple):
    """Where a room is.

    Attributes:
        room: the room.
        owner: the node that has it; None if that node is dead or has given it away.
    """

    room: RoomEntry
    owner: NodeEntry | None


class Taken(NamedTuple):
    """A room that has been taken over.

    Attributes:
        kind: the name of its kind.
        epoch: by which we have it.
        snapshot: what was saved last; b"" for nothing.
    """

    kind: str
    epoch: int
    snapshot: bytes


class Orphan(NamedTuple):
    """A room without a living owner.

    Attributes:
        code: its code.
        kind: the name of its kind.
    """

    code: str
    kind: str


class Page(NamedTuple):
    """A part of the list of rooms.

    Attributes:
        rooms: at most :data:`MOST_PER_PAGE`, by code.
        cursor: what to ask for the next part with; "" at the end.
    """

    rooms: tuple[RoomEntry, ...]
    cursor: str
