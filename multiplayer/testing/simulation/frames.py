"""The frames of simulated connections: what is sent, in which mode, or what it says of itself.

A frame is a kind, the length of what follows, and that. They exist so that what is sent to many
can be collected in one buffer, as over WebSockets, and still be lost one by one.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import TransferMode

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD: Final = struct.Struct("<BI")
_CLOSE: Final = struct.Struct("<H")

HEAD_SIZE: Final = _HEAD.size

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class Kind(IntEnum):
    """What a frame is; the first three are messages, by their :class:`TransferMode`."""

    UNRELIABLE = 0
    UNRELIABLE_ORDERED = 1
    RELIABLE = 2
    TEXT = 3
    """A reliable message that is text."""
    HELLO = 4
    """A client asks to be let in: the version of ``docs/protocol/gdpeers.md``, and a query."""
    WELCOME = 5
    """It is let in; the version that was agreed on."""
    REFUSAL = 6
    """It is not; why, in words."""
    CLOSE = 7
    """A code and a reason, or the answer to them."""
    PING = 8
    PONG = 9
    END = 10
    """The sender has let go of the connection; nothing follows."""


MODES: Final = (
    TransferMode.TRANSFER_MODE_UNRELIABLE,
    TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED,
    *(_RELIABLE for _ in range(len(Kind) - 2)),
)
"""The mode in which a frame of each kind travels."""

LAST_MESSAGE: Final = int(Kind.TEXT)


def message_frame(data: bytes, mode: TransferMode = _RELIABLE, *, text: bool = False) -> bytes:
    """Return the frame of a message, in that mode, or of text."""
    return _HEAD.pack(Kind.TEXT if text else mode, len(data)) + data


def frame(kind: Kind, data: bytes = b"") -> bytes:
    """Return the frame of another kind."""
    return _HEAD.pack(kind, len(data)) + data


def close_frame(code: int, reason: str) -> bytes:
    """Return the frame that closes."""
    return frame(Kind.CLOSE, _CLOSE.pack(code) + reason.encode())


def read_close(data: bytes) -> tuple[int, str]:
    """Return code and reason of the frame that closes."""
    return _CLOSE.unpack_from(data)[0], data[_CLOSE.size :].decode()


def split(pieces: Iterable[bytes | memoryview]) -> list[tuple[int, bytes]]:
    """Return the kind and the content of each frame of what is to be written, in order.

    No frame begins in one piece and ends in another: pieces are whole frames.
    """
    found: list[tuple[int, bytes]] = []
    unpack = _HEAD.unpack_from
    for piece in pieces:
        at, end = 0, len(piece)
        while at < end:
            kind, size = unpack(piece, at)
            start = at + HEAD_SIZE
            at = start + size
            found.append((kind, bytes(piece[start:at])))
    return found
