"""A frame whose header is not copied together with what it carries."""

from __future__ import annotations

from typing import Final

LONG: Final = 1 << 18
"""From how many bytes on it pays not to copy a message."""


class LongFrame:
    """A frame in two pieces: to everybody who only asks how long it is, a frame like others.

    Args:
        head: its header.
        payload: the rest.
    """

    __slots__ = ("_size", "head", "payload")

    def __init__(self, head: bytes, payload: bytes) -> None:
        self.head = head
        self.payload = payload
        self._size = len(head) + len(payload)

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return self.head + self.payload

    def after(self, count: int) -> list[bytes | memoryview]:
        """Return the pieces that are left when ``count`` bytes, but not all, have been sent."""
        size = len(self.head)
        if count < size:
            return [memoryview(self.head)[count:], self.payload]
        return [memoryview(self.payload)[count - size :]]


Frame = bytes | LongFrame
