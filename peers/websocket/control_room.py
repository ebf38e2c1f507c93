"""How many pings and pongs may come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .frames import Frames

# For how many seconds pings and pongs may have gathered while we did not read.
_CONTROL_GATHERS: Final = 10.0


class ControlRoom:
    """How many pings and pongs may come: so many a second, and those of some seconds at once.

    Args:
        frames: what counts them.
        most: how many a second; 0 for any number.
        now: the time.

    Attributes:
        due: when :meth:`make` has to be called, before more is decoded.
    """

    __slots__ = ("_frames", "_made", "_most", "due")

    def __init__(self, frames: Frames, most: int, now: float) -> None:
        self._frames = frames
        self._most = most
        self._made = now
        self.due = now + 1.0
        frames.control_room = most or None

    def make(self, now: float) -> None:
        """Let as many come as may within the time since this was done last."""
        gathered = min(now - self._made, _CONTROL_GATHERS)
        self._frames.control_room = int(self._most * gathered) or None
        self._made, self.due = now, now + 1.0

    def takes(self, count: int, now: float) -> bool:
        """Count what is as good as a ping; return whether that many may come."""
        if now >= self.due:
            self.make(now)
        frames = self._frames
        if frames.control_room is None:
            return True
        frames.control_room -= count
        return frames.control_room >= 0
