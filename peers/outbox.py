"""What waits to be sent on one connection."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

# How many pieces one write takes; below the IOV_MAX of every system.
_PIECES_PER_WRITE: Final = 64


class Outbox:
    """Frames in the order in which they leave.

    A frame that the socket has begun to take is finished whatever happens; only the frames behind
    it can still be dropped.
    """

    __slots__ = ("_begun", "_frames", "_waiting")

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._begun = 0  # how many bytes of the first frame have been taken
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many bytes the socket has not taken yet."""
        return self._waiting

    @property
    def backlog(self) -> int:
        """The same without the first frame: what a peer that reads too slowly lets pile up."""
        return self._waiting + self._begun - len(self._frames[0]) if self._frames else 0

    def append(self, frame: bytes) -> None:
        """Queue a frame."""
        self._frames.append(frame)
        self._waiting += len(frame)

    def pieces(self) -> list[bytes | memoryview]:
        """Return what to write next, in order."""
        pieces: list[bytes | memoryview] = [*islice(self._frames, _PIECES_PER_WRITE)]
        if self._begun:
            pieces[0] = memoryview(pieces[0])[self._begun :]
        return pieces

    def taken(self, count: int) -> None:
        """Note that the socket took ``count`` bytes of :meth:`pieces`."""
        self._waiting -= count
        count += self._begun
        while self._frames and count >= len(self._frames[0]):
            count -= len(self._frames.popleft())
        self._begun = count

    def drop_unbegun(self) -> int:
        """Drop all frames of which nothing has been sent; return how many those were."""
        keep = 1 if self._begun else 0
        dropped = len(self._frames) - keep
        while len(self._frames) > keep:
            self._waiting -= len(self._frames.pop())
        return dropped

    def clear(self) -> None:
        """Drop everything: the connection is gone."""
        self._frames.clear()
        self._begun = 0
        self._waiting = 0
