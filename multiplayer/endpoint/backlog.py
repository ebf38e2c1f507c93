"""For which peers much waits to be sent, and when it has left, which ``peer_drained`` reports.

Much means more than half of ``outbound_buffer_size`` that the engine did not take; it has left once
no more than a quarter waits. A peer between the two is reported once, not at each write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Container


class Sender(Protocol):
    """A connection."""

    @property
    def waiting(self) -> int:
        """How many bytes the engine has not taken."""
        ...

    @property
    def buffer_size(self) -> int:
        """How many bytes may wait, or count as full if any number may."""
        ...


class Backlogs:
    """The connections for which much waits.

    Args:
        tell: called with each that has been drained.

    Attributes:
        full: those connections.
    """

    __slots__ = ("_tell", "full")

    def __init__(self, tell: Callable[[Sender], object]) -> None:
        self._tell = tell
        self.full: dict[Sender, None] = {}

    def note(self, sender: Sender) -> None:
        """Note that what ``sender`` takes for now was taken."""
        waiting, size = sender.waiting, sender.buffer_size
        if sender not in self.full:
            if 2 * waiting > size:
                self.full[sender] = None
        elif 4 * waiting <= size:
            self._tell(sender)
            self.full.pop(sender, None)

    def keep(self, senders: Container[object], told: Container[object]) -> None:
        """Forget all but ``senders``, and those that were ``told`` before an interrupt."""
        for sender in [each for each in self.full if each not in senders or each in told]:
            del self.full[sender]

    def forget(self, sender: Sender) -> None:
        """The connection is over."""
        self.full.pop(sender, None)

    def clear(self) -> None:
        """All connections are over."""
        self.full.clear()
