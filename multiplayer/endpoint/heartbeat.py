"""Pings and pongs: who has fallen silent, and how long an answer takes."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

PING: Final = b"gdpeers"
"""What a heartbeat's ping holds: it tells its pong from those that nobody asked for."""

# After how many pings that nothing came back for a connection is given up, an interval later.
_PINGS_IN_VAIN: Final = 2


class Beat(Enum):
    """What an interval calls for."""

    WAIT = auto()
    """Nothing but to wait until the next one is over."""
    PING = auto()
    """Send a ping with :data:`PING`."""
    GIVE_UP = auto()
    """End the connection: nothing came back for the pings."""


class Heartbeat:
    """Pings who has been silent for an interval, and gives up who has been for three.

    Args:
        interval: in seconds; 0 for no pings.
        now: the time.

    Attributes:
        heard: when something came last; whoever receives sets it.
        due: when :meth:`beat` wants to be called; None for never.
        round_trip_time: of the last ping and its pong, in seconds; None before one.
    """

    __slots__ = (
        "_in_vain",
        "_interval",
        "_pinged",
        "_unanswered",
        "due",
        "heard",
        "round_trip_time",
    )

    def __init__(self, interval: float, now: float) -> None:
        self._interval = interval
        self._in_vain = 0  # how many pings had gone before `_pinged`, and since something came
        self._pinged = now  # when the last one went
        self._unanswered: float | None = None  # when the oldest without a pong went
        self.heard = now
        self.due: float | None = None
        self.round_trip_time: float | None = None

    def start(self, now: float) -> None:
        """Begin to count."""
        self.due = now + self._interval if self._interval else None

    @property
    def patience(self) -> float:
        """For how long somebody has been silent who is given up, in seconds."""
        return (_PINGS_IN_VAIN + 1) * self._interval

    def beat(self, now: float, *, reads: bool) -> Beat:
        """Return what to do now, and set :attr:`due` anew.

        Args:
            now: the time.
            reads: we read what comes; else silence says nothing.
        """
        if now < self.heard + self._interval:
            self.due = self.heard + self._interval
            return Beat.WAIT
        if self.heard >= self._pinged:
            self._in_vain = 0
        if self._in_vain >= _PINGS_IN_VAIN and reads:
            return Beat.GIVE_UP
        self.due = now + self._interval
        if not reads:
            return Beat.WAIT
        self._in_vain += 1
        self._pinged = now
        if self._unanswered is None:
            self._unanswered = now
        return Beat.PING

    def pong(self, payload: bytes, now: float) -> None:
        """Note a pong, if it answers a ping of ours."""
        if self._unanswered is not None and payload == PING:
            self.round_trip_time = now - self._unanswered
            self._unanswered = None
