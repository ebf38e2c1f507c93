"""What the front and its workers say to each other, and how that is written.

A message is a msgpack array, its name first, behind four bytes that say how long it is. With
:class:`Take` goes a socket, where sockets can be passed. Whoever reads checks all of it: a worker
runs somebody's game, and what that breaks must not break the front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast, get_type_hints

from multiplayer.codecs import MsgpackCodec
from multiplayer.errors import DecodeError
from multiplayer.rooms.snapshot import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST: Final = MOST_BYTES + (1 << 16)
"""How many bytes a message may have: a snapshot, and a little more."""

_LENGTH: Final = 4
_CODEC: Final = MsgpackCodec()

Table = dict[str, object]


# ---------------------------------------------------------------- to a worker


class Hello(NamedTuple):
    """The first: what all workers have in common.

    Attributes:
        secret: what seats' tokens are signed with.
    """

    secret: bytes

    def __repr__(self) -> str:
        return "Hello(…)"  # the secret must not get into a log


class Open(NamedTuple):
    """Open a room."""

    kind: str
    code: str
    options: Table
    private: bool
    owner: int
    metadata: Table


class Restore(NamedTuple):
    """Restore a room; without what the game saved if it is to be fresh."""

    code: str
    snapshot: bytes
    fresh: bool

    def __repr__(self) -> str:
        return f"Restore(code={self.code!r}, …)"  # the rest must not get into a log


class Take(NamedTuple):
    """Go on with a connection, whose socket comes along.

    Attributes:
        address: the client's IP address.
        port: its TCP port.
        received: what it has sent so far: the head of its request, and perhaps more.
        code: of the room that was opened for it; "" if its request names one.
    """

    address: str
    port: int
    received: bytes
    code: str = ""

    def __repr__(self) -> str:
        return f"Take(code={self.code!r}, …)"  # the rest must not get into a log


class Change(NamedTuple):
    """Change what a room tells the lobby: ``private``, ``locked`` or ``metadata``."""

    code: str
    what: Table


class Kick(NamedTuple):
    """Throw a player out of a room."""

    code: str
    id: int
    reason: str


class Reserve(NamedTuple):
    """Keep a place of a room for whoever brings a token; who ``owns`` it then."""

    code: str
    token: str
    seconds: float
    owns: bool

    def __repr__(self) -> str:
        return f"Reserve(code={self.code!r}, …)"  # the rest must not get into a log


class Close(NamedTuple):
    """Close a room."""

    code: str
    reason: str


class Drain(NamedTuple):
    """Close all connections within so many seconds, and end."""

    seconds: float


# ---------------------------------------------------------------- to the front


class Ready(NamedTuple):
    """A worker has loaded its game.

    Attributes:
        kinds: how many players a room of each kind takes.
        port: of its listener on the loopback interface, where sockets cannot be passed; else 0.
    """

    kinds: Table
    port: int


class Beat(NamedTuple):
    """A sign of life."""

    connections: int


class Restoring(NamedTuple):
    """A worker begins to restore a room, and may die of it."""

    code: str


class Told(NamedTuple):
    """A room is open, or has changed; see ``placement.Facts``."""

    kind: str
    code: str
    players: int
    capacity: int
    private: bool
    locked: bool
    owner: int
    metadata: Table
    arrived: int


class Kept(NamedTuple):
    """What is to be kept of a room."""

    code: str
    snapshot: bytes

    def __repr__(self) -> str:
        return f"Kept(code={self.code!r}, …)"  # the rest must not get into a log


MOVED: Final = "moved"
"""Why a room is closed that is to go on elsewhere."""


class Closed(NamedTuple):
    """A room is closed, or could not be opened."""

    code: str
    why: str


Message = (
    Hello
    | Open
    | Restore
    | Take
    | Change
    | Kick
    | Reserve
    | Close
    | Drain
    | Ready
    | Beat
    | Restoring
    | Told
    | Kept
    | Closed
)

_CLASSES: Final[dict[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (
        *(Hello, Open, Restore, Take, Change, Kick, Reserve, Close, Drain),
        *(Ready, Beat, Restoring, Told, Kept, Closed),
    )
}
_TYPES: Final = {
    name: tuple(dict if hint == Table else hint for hint in get_type_hints(kind).values())
    for name, kind in _CLASSES.items()
}


def encoded(message: Message) -> bytes:
    """Return a message as bytes.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a value in it has no counterpart.
    """
    body = _CODEC.encode([type(message).__name__, *message])
    return len(body).to_bytes(_LENGTH, "big") + body


class MessageReader:
    """Cuts bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> Iterator[Message]:
        """Take bytes, and yield the messages that are whole.

        Raises:
            DecodeError: these are none.
        """
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _LENGTH:
            end = _LENGTH + int.from_bytes(buffer[:_LENGTH], "big")
            if end > MOST:
                raise DecodeError(f"a message of {end} bytes, of at most {MOST}")
            if len(buffer) < end:
                return
            body = bytes(buffer[_LENGTH:end])
            del buffer[:end]
            yield _message(_CODEC.decode(body))


def _message(fields: object) -> Message:
    name, *values = cast("list[object]", fields) if isinstance(fields, list) and fields else [None]
    if not isinstance(name, str) or name not in _CLASSES:
        raise DecodeError("not a message")
    types = _TYPES[name]
    if len(values) != len(types) or not all(map(_fits, values, types)):
        raise DecodeError(f"a field of {name} has a wrong type")
    return cast("Callable[..., Message]", _CLASSES[name])(*values)


def _fits(value: object, kind: type) -> bool:
    if kind is dict and isinstance(value, dict):
        return all(isinstance(key, str) for key in cast("dict[object, object]", value))
    return type(value) is kind or (kind is float and type(value) is int)
