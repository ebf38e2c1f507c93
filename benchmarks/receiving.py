"""What the benchmarks of received calls share: the methods, and raw clients that call them.

The frames are encoded once, so that the clients take nearly nothing of the machine. A native
Godot has the same methods, in ``contestants/godot4/receiver.gd``.
"""

from __future__ import annotations

import math
import struct
from hashlib import md5
from typing import TYPE_CHECKING, Any, Final

from multiplayer import Node, encode_compact, rpc

from .handshake import frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .handshake import Client

UNIFORM: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (("move", (7, 1.5, 2.5, "walking")),)
MIXED: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (
    ("move", (7, 1.5, 2.5, "walking")),
    ("hit", (300, -70_000, True)),
    ("move", (1, math.pi, -0.25, "x")),
    ("say", ("What a long and winding tale, told by one of many players!!", 5_000_000_000)),
    ("move", (70_000, 1e9 / 3, math.e, "running to the hills")),
    ("say", ("gg", 12)),
    ("hit", (2, 3, False)),
    ("move", (130, 4.0, 1 / 3, "jumping")),
)
"""Three methods, integers of several widths, floats of both sizes, short and long strings."""
KINDS: Final = {"uniform": UNIFORM, "mixed": MIXED}

METHODS: Final = ("hit", "mark", "move", "say", "seen")
"""In Godot's order, which gives them their numbers."""
PATH: Final = "Game"
NODE: Final = 1


class Game(Node):
    """Receives the calls; none of them does anything but ``mark``."""

    def __init__(self) -> None:
        super().__init__(PATH)

    @rpc("any_peer")
    def move(self, entity: int, x: float, y: float, state: str) -> None:
        pass

    @rpc("any_peer")
    def hit(self, target: int, damage: int, critical: bool) -> None:
        pass

    @rpc("any_peer")
    def say(self, text: str, at: int) -> None:
        pass

    @rpc("any_peer")
    def mark(self) -> None:
        """Tell the sender that all calls before this one have been handled."""
        self.seen.rpc_id(self.multiplayer.get_remote_sender_id())

    @rpc("any_peer")
    def seen(self) -> None:
        pass


_KIND: Final = 7
_CALL: Final = 0
_ANNOUNCE: Final = 1
_NO_ARGUMENTS: Final = 0x80


def _frame_of(name: str, arguments: Sequence[Any]) -> bytes:
    head = bytes((_CALL if arguments else _NO_ARGUMENTS, NODE, METHODS.index(name)))
    if not arguments:
        return frame(head)
    values = b"".join(map(encode_compact, arguments))
    return frame(head + bytes((len(arguments),)) + values)


def announcement() -> bytes:
    """Return the frame that gives the node its number."""
    checksum = md5("".join(METHODS).encode(), usedforsecurity=False).hexdigest().encode()
    head = bytes((_ANNOUNCE,)) + checksum + b"\0" + struct.pack("<I", NODE)
    return frame(head + PATH.encode() + b"\0")


def calls(kind: str, count: int) -> bytes:
    """Return the frames of so many calls."""
    some = KINDS[kind]
    return b"".join(_frame_of(*some[number % len(some)]) for number in range(count))


def mark() -> bytes:
    """Return the frame of a call that is answered."""
    return _frame_of("mark", ())


def wait_for_call(client: Client) -> None:
    """Read until the server calls: what else it says is forgotten."""
    while (payload := client.read_text()) and payload[0] & _KIND != _CALL:
        pass
