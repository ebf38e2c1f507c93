"""Who sends very much is decoded a slice at a time, so that polls end and others have theirs."""

from __future__ import annotations

from typing import Final, Generic

from .channel import ChannelT

SLICE: Final = 256
"""How many messages are decoded in one poll of channels that have more than that, together."""

_SMALLEST_SLICE: Final = 32


class Slices(Generic[ChannelT]):
    """Those that have more to decode than they were let.

    Attributes:
        size: how many messages a channel may decode at once.
        behind: those, the first to be behind first.
    """

    def __init__(self) -> None:
        self.size = SLICE
        self.behind: dict[ChannelT, None] = {}

    def begin(self) -> list[ChannelT]:
        """Return those that are to go on, each with its slice; they are not behind until then."""
        behind = [*self.behind]
        self.behind.clear()
        self.size = max(_SMALLEST_SLICE, SLICE // len(behind))
        return behind

    def end(self, served: list[ChannelT]) -> None:
        """Note that they have had their slices."""
        if not any(channel.behind for channel in served):
            self.size = SLICE
