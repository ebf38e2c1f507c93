"""``RoomTime``: the timers of a room, and its ticks."""

from __future__ import annotations

import heapq
import math
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Timer:
    """What ``call_later`` returns.

    Attributes:
        cancelled: it will not be called.
    """

    __slots__ = ("_function", "cancelled")

    def __init__(self, function: Callable[[], object]) -> None:
        self._function: Callable[[], object] | None = function
        self.cancelled = False

    @property
    def is_spent(self) -> bool:
        """Whether it has been called, or was cancelled."""
        return self._function is None

    def cancel(self) -> None:
        """Call nothing."""
        self.cancelled = True
        self._function = None

    def fire(self) -> None:
        """Call the function, once."""
        function, self._function = self._function, None
        if function is not None:
            function()


class RoomTime:
    """What a room has to do at some time."""

    __slots__ = ("_numbers", "_ticked", "_timely", "_timers")

    def __init__(self) -> None:
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()
        self._ticked: float | None = None
        self._timely = 0.0  # when that tick was due

    def call_at(self, due: float, function: Callable[[], object]) -> Timer:
        """Call a function at a time."""
        timer = Timer(function)
        heapq.heappush(self._timers, (due, next(self._numbers), timer))
        return timer

    def passed(
        self, now: float, tick_hz: float, process: Callable[[float], object]
    ) -> Iterator[tuple[str, Callable[[], object]]]:
        """Yield what is due now: its name, and what to call.

        Each timer is forgotten once it has been called, so that an interrupt loses none.

        Args:
            now: the time.
            tick_hz: how many ticks a second has; 0 for none.
            process: what a tick calls, with the seconds since the one before.
        """
        timers = self._timers
        for _ in range(sum(due <= now for due, _, _ in timers)):
            while timers and timers[0][2].is_spent:
                heapq.heappop(timers)
            if timers and timers[0][0] <= now:
                yield "call_later", timers[0][2].fire
        if tick_hz:
            last = self._ticked
            length = 1 / tick_hz
            if last is None:
                self._ticked = self._timely = now
            elif now >= self._timely + length:
                # From when it was due, so that what each is late does not add up.
                missed = now >= self._timely + 2 * length
                self._ticked, self._timely = now, now if missed else self._timely + length
                yield "process", partial(process, now - last)

    def next(self, tick_hz: float) -> float:
        """Return when something is due; infinity for never, minus infinity for now."""
        timers = self._timers
        while timers and timers[0][2].is_spent:
            heapq.heappop(timers)
        due = timers[0][0] if timers else math.inf
        if tick_hz:
            due = min(due, -math.inf if self._ticked is None else self._timely + 1 / tick_hz)
        return due

    def cancel_all(self) -> None:
        """Forget all timers."""
        for _, _, timer in self._timers:
            timer.cancel()
        self._timers.clear()
