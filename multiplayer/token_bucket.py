"""A token bucket: so much a second on average, and at most a second's worth at once."""

from __future__ import annotations


class TokenBucket:
    """Allows ``rate`` units a second; full, with a second's worth, at first.

    Attributes:
        refused: how many times in a row :meth:`take` has said no.

    Args:
        rate: units a second; more than 0. At least one unit always fits into the bucket.
        now: the time, in seconds.
    """

    __slots__ = ("_full", "_level", "_rate", "_time", "refused")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._full = self._level = max(rate, 1.0)
        self._time = now
        self.refused = 0

    def take(self, amount: float, now: float) -> bool:
        """Take ``amount`` units out if there are so many; return whether there were."""
        self._level = min(self._full, self._level + max(0.0, now - self._time) * self._rate)
        self._time = now
        if amount > self._level:
            self.refused += 1
            return False
        self._level -= amount
        self.refused = 0
        return True
