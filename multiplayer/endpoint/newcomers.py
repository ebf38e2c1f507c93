"""Those who have been accepted and are not of the session yet: some must not keep out others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from .channel import ChannelT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Newcomers(Generic[ChannelT]):
    """The channels that have been accepted, the oldest first; some are of the session by now.

    Attributes:
        waiting: those channels.
        most: how many may be pending, ``max_pending_handshakes``; 0 for any number, and None as
            long as nobody is accepted.
        looked_through: who is pending has been found out since the endpoint began to serve, which
            is when that can change. For each of those who come at once it would take too long.
    """

    def __init__(self) -> None:
        self.waiting: dict[ChannelT, None] = {}
        self.most: int | None = None
        self.looked_through = False

    def add(self, channel: ChannelT, now: float) -> Iterator[ChannelT]:
        """Take in a channel; yield those that have given way for that, and are to be dropped.

        Those who have been pending longest give way: who is honest needs a moment only.
        """
        self.waiting[channel] = None
        if not 0 < (self.most or 0) < len(self.waiting):
            return
        if not self.looked_through:
            self.looked_through = True
            self.waiting = {each: None for each in self.waiting if each.pending}
        while len(self.waiting) > (self.most or 0):
            oldest = next(iter(self.waiting))
            del self.waiting[oldest]
            oldest.give_way(now)
            yield oldest

    def forget(self, channel: ChannelT) -> None:
        """The channel is not there any more."""
        self.waiting.pop(channel, None)

    def recover(self, here: list[ChannelT]) -> None:
        """Find out after an interrupt who of those that are here is pending."""
        present = {*here}
        waiting = {each: None for each in self.waiting if each in present}
        if self.most is not None:
            waiting |= {each: None for each in here if each.pending}
        self.waiting = waiting

    def clear(self) -> None:
        """Nobody is there any more."""
        self.waiting.clear()
