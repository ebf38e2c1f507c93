"""``Schedule``: which rooms have something to do when, so that the others cost nothing."""

from __future__ import annotations

import heapq
import math
from itertools import count
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class Due(Protocol):
    """What has a time.

    Attributes:
        due: when; infinity for never.
    """

    due: float


T = TypeVar("T", bound=Due)


class Schedule(Generic[T]):
    """Things that are due at some time; each knows its own."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._numbers = count()

    def note(self, thing: T, due: float) -> None:
        """Have a thing be due at another time."""
        if due == thing.due:
            return
        thing.due = due
        if due < math.inf:
            heapq.heappush(self._heap, (due, next(self._numbers), thing))

    @property
    def due(self) -> float:
        """When the first thing is due; infinity for never."""
        heap = self._heap
        while heap and heap[0][0] != heap[0][2].due:
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def passed(self, now: float) -> Iterator[T]:
        """Yield what is due, and forget its time."""
        while self.due <= now:
            thing = heapq.heappop(self._heap)[2]
            thing.due = math.inf
            yield thing

    def forget(self, thing: T) -> None:
        """A thing is due no more."""
        thing.due = math.inf

    def clear(self) -> None:
        """Nothing is due any more."""
        for _, _, thing in self._heap:
            thing.due = math.inf
        self._heap.clear()
