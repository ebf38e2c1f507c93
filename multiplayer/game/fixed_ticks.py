"""``FixedTicks``: ticks of the same length, however irregularly a loop comes round."""

from __future__ import annotations

import math
from typing import Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

_MOST: Final = 8


class FixedTicks:
    """Says which ticks of a fixed-tick loop are due.

    A simulation that steps by the time since the last frame gives other results on another machine.
    With this, each step takes ``1 / hz`` seconds, and a frame has none, one or several of them::

        for tick in ticks.due(now):
            world.step(1 / ticks.hz)
        draw(world, ticks.fraction(now))

    Ticks have numbers, from 0, without gaps. The first is due at the first call. The n-th is due
    n lengths later, and not a length after the last call: nothing adds up.

    Args:
        hz: ticks a second.
        most: how many ticks one call gives at most. If more are due, since the program was stopped
            or a tick takes longer than its length, the time of the others is skipped: to make up
            for it would take even more time.

    Attributes:
        hz: ticks a second.
        tick: the number of the next tick.
        skipped: how many ticks' time was skipped.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument is not above 0.
    """

    def __init__(self, hz: float, *, most: int = _MOST) -> None:
        self.hz = check_number("hz", hz, above_zero=True)
        self._most = int(check_number("most", most, whole=True, above_zero=True))
        self.tick = 0
        self.skipped = 0
        self._begin: float | None = None
        self._since = 0  # how many ticks were given or skipped since then

    def due(self, now: float) -> range:
        """Return the numbers of the ticks that are due, each only once.

        Args:
            now: the time on any clock, in seconds. A time before that of the last call gives none.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the time is not finite.
        """
        if not math.isfinite(now * self.hz):
            message = f"the time must be finite, in seconds, not {now}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if self._begin is None:
            self._begin = now
        # Rounding may put a time that is meant to be a tick's just before it.
        late = int((now - self._begin) * self.hz + 1e-6) + 1 - self._since
        if late <= 0:
            return range(self.tick, self.tick)
        given = min(late, self._most)
        first = self.tick
        self.tick += given
        self.skipped += late - given
        self._since += late
        return range(first, self.tick)

    def fraction(self, now: float) -> float:
        """Return how far the time is from the last tick to the next, 0 to 1, for drawing between.

        Args:
            now: the time, in seconds.
        """
        if self._begin is None:
            return 0.0
        return min(max((now - self._begin) * self.hz + 1 - self._since, 0.0), 1.0)

    def next_deadline(self) -> float:
        """Return when the next tick is due, in seconds; minus infinity before the first call."""
        if self._begin is None:
            return float("-inf")
        return self._begin + self._since / self.hz
