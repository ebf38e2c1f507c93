"""How many pings and pongs may come."""

from __future__ import annotations

import math
from typing import Final

# For how many seconds pings and pongs may have gathered while we did not read.
_CONTROL_GATHERS: Final = 10.0


class ControlRoom:
    """How many pings and pongs may come: so many a second, and those of some seconds at once.

    A base of what counts them. Any number may come until :meth:`bound_controls`.

    Attributes:
        control_room: how many more may come; None for any number.
        control_due: when :meth:`make_control_room` has to be called, before more is decoded.
    """

    __slots__ = ("_made", "_most", "control_due", "control_room")

    def __init__(self) -> None:
        self._most = 0  # how many a second; 0 for any number
        self._made = 0.0
        self.control_due = math.inf
        self.control_room: int | None = None

    def bound_controls(self, most: int, now: float) -> None:
        """Let so many come a second from now on; 0 for any number."""
        self._most = most
        self._made, self.control_due = now, now + 1.0
        self.control_room = most or None

    def make_control_room(self, now: float) -> None:
        """Let as many come as may within the time since this was done last."""
        gathered = min(now - self._made, _CONTROL_GATHERS)
        self.control_room = int(self._most * gathered) or None
        self._made, self.control_due = now, now + 1.0

    def takes_controls(self, count: int, now: float) -> bool:
        """Count what is as good as a ping; return whether that many may come."""
        if now >= self.control_due:
            self.make_control_room(now)
        if self.control_room is None:
            return True
        self.control_room -= count
        return self.control_room >= 0
