"""``SnapshotBuffer``: what others do, shown smoothly, a little later than it was."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from statistics import median
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar, cast

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from .linear import Linear

T = TypeVar("T")

_MEASURED: Final = 64
"""Of how many snapshots the buffer knows how late they came."""

_YOUNG: Final = 4
"""With so few snapshots the delay gets longer at once: the picture stands still for a moment."""


class _Snapshot(NamedTuple, Generic[T]):
    time: float
    value: T
    cut: bool


def between(one: T, other: T, weight: float) -> T:
    """Return ``one + (other - one) * weight``, as it is for numbers, vectors and colours."""
    first, second = cast("Linear", one), cast("Linear", other)
    return cast("T", first + (second - first) * weight)


class SnapshotBuffer(Generic[T]):
    """Plays back what came as snapshots, with so much delay that there is nearly always a next one.

    Snapshots of a remote player come 10 or 20 times a second, and not evenly; drawn as they come,
    the player jerks. This keeps the last ones, and shows the player where it was ``delay`` ago,
    between the two snapshots around that time. The delay is measured: as late as snapshots come,
    but for the worst few, and one interval between them.

    It gets longer and shorter slowly, so that time always goes on: nothing is shown backwards.

    Args:
        blend: returns the value between two, with a weight of 0 to 1; :func:`between` by default,
            which adds and multiplies. Angles need another one.
        least: the shortest delay, in seconds.
        most: the longest, in seconds. What comes later than that is not waited for.
        quantile: of which share of snapshots the next one is to be there in time, 0 to 1.
        ahead: for how long movement goes on as before, in seconds, if no snapshot has come in time.
            Then the value stands still.
        slew: by how much slower or faster time may be played back to change the delay.

    Attributes:
        delay: the delay now, in seconds.
        late: how many snapshots came after their time had been played.
        starved: how often :meth:`at` had no next snapshot.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument is out of range.
    """

    def __init__(
        self,
        blend: Callable[[T, T, float], T] = between,
        *,
        least: float = 0.0,
        most: float = 1.0,
        quantile: float = 0.95,
        ahead: float = 0.0,
        slew: float = 0.1,
    ) -> None:
        self._blend = blend
        self._least = check_number("least", least)
        self._most = check_number("most", most)
        self._ahead = check_number("ahead", ahead)
        self._slew = check_number("slew", slew, above_zero=True)
        self._quantile = check_number("quantile", quantile, above_zero=True)
        if self._least > self._most or self._quantile > 1 or self._slew >= 1:
            message = "least must not exceed most; quantile is at most 1, and slew below 1"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._snapshots: list[_Snapshot[T]] = []
        self._lateness: deque[float] = deque(maxlen=_MEASURED)
        self._intervals: deque[float] = deque(maxlen=_MEASURED)
        self._wanted = self.delay = self._least
        self._looked: float | None = None
        self._played = -math.inf
        self.late = 0
        self.starved = 0

    # ---------------------------------------------------------------- what comes

    def push(self, time: float, value: T, now: float, *, cut: bool = False) -> None:
        """Take a snapshot; one of the same time replaces the one that is there.

        Args:
            time: when the value was so, by the server's clock, in seconds.
            value: the value; it must not change any more.
            now: the server's time now (``ServerClock.time``), in seconds.
            cut: the value has jumped, as at a respawn: nothing is shown between the last one and
                this.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a time is not finite.
        """
        if not (math.isfinite(time) and math.isfinite(now)):
            message = f"a snapshot's times must be finite, not {time} and {now}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        snapshots = self._snapshots
        place = bisect_left(snapshots, time, key=_time_of)
        replaces = place < len(snapshots) and snapshots[place].time == time
        if not replaces:
            if snapshots and place == len(snapshots):
                self._intervals.append(time - snapshots[-1].time)
            self._lateness.append(now - time)
            self._measure()
        if time <= self._played and not replaces:
            self.late += 1
        snapshots[place : place + replaces] = [_Snapshot(time, value, cut)]
        self._forget()

    def _measure(self) -> None:
        """See how long the delay should be."""
        ordered = sorted(self._lateness)
        usual = ordered[min(math.ceil(self._quantile * len(ordered)), len(ordered)) - 1]
        self._wanted = min(max(usual + self.interval, self._least), self._most)
        if len(self._lateness) <= _YOUNG:
            self.delay = max(self.delay, self._wanted)

    def _forget(self) -> None:
        """Forget what can never be shown again: all but one before the time that is played."""
        first = bisect_right(self._snapshots, self._played, key=_time_of)
        del self._snapshots[: max(first - 2 if self._ahead else first - 1, 0)]

    # ---------------------------------------------------------------- what is shown

    def at(self, now: float) -> T | None:
        """Return the value to show; None before the first snapshot.

        Args:
            now: the server's time now, in seconds.
        """
        if self._looked is not None and now > self._looked:
            most = (now - self._looked) * self._slew
            self.delay += min(max(self._wanted - self.delay, -most), most)
        self._looked = now if self._looked is None else max(now, self._looked)
        if not self._snapshots:
            return None
        # The oldest is shown before its time, too, and then nothing older.
        self._played = max(self._played, now - self.delay, self._snapshots[0].time)
        self._forget()
        return self._value_at(self._played)

    def _value_at(self, time: float) -> T:
        snapshots = self._snapshots
        place = bisect_right(snapshots, time, key=_time_of)
        if place == len(snapshots):
            self.starved += time > snapshots[-1].time
            return self._go_on(time)
        before, after = snapshots[place - 1 : place + 1]
        if after.cut:
            return before.value
        weight = (time - before.time) / (after.time - before.time)
        return self._blend(before.value, after.value, weight)

    def _go_on(self, time: float) -> T:
        """Return the value after the last snapshot: it moves on for a while, then stands still."""
        last = self._snapshots[-1]
        if self._ahead == 0 or len(self._snapshots) < 2 or last.cut:
            return last.value
        before = self._snapshots[-2]
        passed = min(time - last.time, self._ahead)
        return self._blend(before.value, last.value, 1 + passed / (last.time - before.time))

    @property
    def interval(self) -> float:
        """The median time between snapshots, in seconds; 0 before there are two."""
        return median(self._intervals) if self._intervals else 0.0

    def __len__(self) -> int:
        return len(self._snapshots)

    @property
    def times(self) -> list[float]:
        """The times of the snapshots that are kept, ascending, in seconds."""
        return [snapshot.time for snapshot in self._snapshots]


def _time_of(snapshot: _Snapshot[T]) -> float:
    return snapshot.time
