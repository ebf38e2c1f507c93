"""How fast a connection is read that we have closed: enough to find the other side's end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Generic

from multiplayer.endpoint.channel import ChannelT

from .tcp import READ_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tcp import Connection

AT_ONCE: Final = 1 << 20
"""How many bytes are read as they come, after our close: what an honest peer had sent before it."""

A_REST: Final = 1 << 14
"""How many bytes are read after each rest then."""

REST: Final = 1 / 16
"""How long a rest takes, in seconds: who goes on sending is read at 256 KiB a second."""


class LastReads(Generic[ChannelT]):
    """The connections that rest: who was expelled and goes on sending must not keep us busy.

    Attributes:
        resting: until when each does; the first are over first.
    """

    def __init__(self) -> None:
        self.resting: dict[Connection[ChannelT], float] = {}

    def note(self, connection: Connection[ChannelT], size: int, now: float) -> None:
        """Note that ``size`` bytes have been read after our close."""
        connection.read_late += size
        if connection.read_late >= AT_ONCE:
            connection.rests = True
            self.resting[connection] = now + REST

    @property
    def due(self) -> float:
        """When the next rest is over; infinity if there is none."""
        return next(iter(self.resting.values()), math.inf)

    def rested(self, now: float) -> Iterator[Connection[ChannelT]]:
        """Yield those whose rest is over."""
        while self.due <= now:
            connection = next(iter(self.resting))
            self.forget(connection)
            yield connection

    def forget(self, connection: Connection[ChannelT]) -> None:
        """End a rest, if there is one."""
        self.resting.pop(connection, None)
        connection.rests = False


def read_size(connection: Connection[ChannelT]) -> int:
    """Return how many bytes to read at most of a connection that we have closed."""
    return READ_SIZE if connection.read_late < AT_ONCE else A_REST
