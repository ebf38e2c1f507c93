"""``Run``: messages that came one behind the other, in one read, as one entry of the queue."""

from __future__ import annotations

from operator import length_hint
from typing import TYPE_CHECKING

from .events import Message

if TYPE_CHECKING:
    from collections.abc import Iterator


class Run:
    """Whole binary messages that came together: the common kind, which need no event each.

    It stays at the head of the queue until all have had their turn. Each is taken from
    :attr:`left` before it is handled; so whatever its handling raises, the next poll goes on with
    the one behind it.

    Args:
        packets: what the messages hold, in order of arrival.

    Attributes:
        packets: see above.
        left: yields those whose turn has not come.
    """

    __slots__ = ("_settled", "left", "packets")

    def __init__(self, packets: list[bytes]) -> None:
        self.packets = packets
        self.left: Iterator[bytes] = iter(packets)
        self._settled = 0

    @property
    def taken(self) -> int:
        """How many have had their turn, the one that is being handled included."""
        return len(self.packets) - length_hint(self.left)

    def messages(self) -> list[Message]:
        """Return those whose turn has not come, as single messages; they stay in the run."""
        return [Message(data, False) for data in self.packets[self.taken :]]

    def empty(self) -> None:
        """Leave none: they wait elsewhere, or never have their turn."""
        self._settled = len(self.packets)
        for _ in self.left:
            pass

    def unsettled(self) -> list[bytes]:
        """Return those that were taken since the last time, and count them no more."""
        taken, begin = self.taken, self._settled
        self._settled = taken
        return self.packets[begin:taken]

    def __repr__(self) -> str:
        return f"<{length_hint(self.left)} of {len(self.packets)} messages>"
