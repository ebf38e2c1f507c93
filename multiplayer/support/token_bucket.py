"""A token bucket: so much a second on average, and at most a second's worth at once."""

from __future__ import annotations

from typing import Final

_FEWEST_REFUSED: Final = 16
_SECONDS_REFUSED: Final = 5


class TokenBucket:
    """Allows ``rate`` units a second; it starts full, with a second's worth.

    Attributes:
        rate: units a second.
        refused: how many units :meth:`take` has refused since the bucket was full.

    Args:
        rate: units a second; more than 0. The bucket always holds at least one unit.
        now: the time, in seconds.
    """

    __slots__ = ("_full", "_level", "_time", "rate", "refused")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._full = self._level = max(rate, 1.0)
        self._time = now
        self.refused = 0.0

    def take(self, amount: float, now: float) -> bool:
        """Take ``amount`` units out if there are that many; return whether there were."""
        self._level = min(self._full, self._level + max(0.0, now - self._time) * self.rate)
        self._time = now
        if self._level == self._full:
            self.refused = 0.0
        if amount > self._level:
            self.refused += amount
            return False
        self._level -= amount
        return True

    def take_if_any(self, amount: float, now: float) -> bool:
        """Take ``amount`` units out if there are that many; else it is as if nobody had asked."""
        level = min(self._full, self._level + max(0.0, now - self._time) * self.rate)
        return amount <= level and self.take(amount, now)


def patience(bucket: TokenBucket) -> int:
    """Return how many refused units use up a peer's chances: 16, or what it may do in 5 s.

    So a program that stalled for a while does not close peers that kept to their rate meanwhile.
    """
    return max(_FEWEST_REFUSED, int(_SECONDS_REFUSED * bucket.rate))
