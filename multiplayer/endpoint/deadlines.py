"""When channels want to be checked, the soonest first."""

from __future__ import annotations

import heapq
import itertools
import math
from typing import TYPE_CHECKING, Final, Generic

from .channel import ChannelT
from .pressure import STALL, grace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OLD_DEADLINES: Final = 64
"""How many deadlines that hold no more may be kept, besides some for each channel."""


class Deadlines(Generic[ChannelT]):
    """The deadlines of those who are there.

    Attributes:
        noted: who is there, and the deadline of each as it was noted last.
        heap: the deadlines, the soonest first, with some that hold no more.
    """

    def __init__(self) -> None:
        self.noted: dict[ChannelT, float | None] = {}
        self.heap: list[tuple[float, int, ChannelT]] = []
        self._count = itertools.count()
        self._excused: dict[ChannelT, float] = {}  # the deadline that was moved

    def note(self, channel: ChannelT) -> None:
        """Note the deadline of a channel, which is there from now on."""
        deadline = self.noted[channel] = channel.deadline
        if deadline is not None:
            heapq.heappush(self.heap, (deadline, next(self._count), channel))
            if len(self.heap) > _OLD_DEADLINES + 4 * len(self.noted):
                # Those that hold no more would keep their channels until they come, if ever.
                self.heap[:] = [each for each in self.heap if each[2].deadline == each[0]]
                heapq.heapify(self.heap)

    def forget(self, channel: ChannelT) -> None:
        """The channel is not there any more."""
        self.noted.pop(channel, None)
        self._excused.pop(channel, None)

    @property
    def due(self) -> float:
        """When the first comes; infinity if there is none."""
        heap = self.heap
        while heap and heap[0][2].deadline != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else math.inf

    def passed(self, now: float) -> Iterator[ChannelT]:
        """Yield those whose deadline has come, and forget it."""
        while self.heap and self.heap[0][0] <= now:
            when, _, channel = heapq.heappop(self.heap)
            if channel.deadline == when and not self._excuse(channel, when, now):
                yield channel

    def _excuse(self, channel: ChannelT, when: float, now: float) -> bool:
        """Move a deadline, once, that was missed because nobody looked.

        A game that loads for some seconds must not take its own silence for the other side's.
        """
        if channel not in self.noted or now - when < STALL or self._excused.get(channel) == when:
            return False
        self._excused[channel] = now + grace(now - when)
        channel.wait_until(self._excused[channel])
        self.note(channel)
        return True

    def begin_anew(self, channels: Iterable[ChannelT]) -> None:
        """Know these, and no others."""
        self.heap.clear()
        self.noted.clear()
        for channel in channels:
            self.note(channel)
        for channel in [each for each in self._excused if each not in self.noted]:
            del self._excused[channel]

    def clear(self) -> None:
        """Nobody is there any more."""
        self.begin_anew(())
