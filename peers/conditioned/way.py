"""``Way``: what is under way in one direction, over all links, and when it arrives."""

from __future__ import annotations

import math
from collections import defaultdict
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from multiplayer.addressing import TransferMode
from multiplayer.testing.simulation.link_model import SECOND, LinkModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.testing.simulation.chance import Chance
    from multiplayer.testing.simulation.conditions import Conditions

T = TypeVar("T")

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class UnderWay(NamedTuple, Generic[T]):
    """One thing that is under way.

    Attributes:
        time: when it arrives, in microseconds.
        number: which it is of all; what arrives at the same time does so in this order.
        link: over which link.
        size: in bytes.
        what: the thing.
    """

    time: int
    number: int
    link: int
    size: int
    what: T


class Way(Generic[T]):
    """One direction of all links, each of which has a model, and a stream of chance, of its own.

    Args:
        conditions: those of each link.
        chance: what each link's stream is a branch of.

    Attributes:
        octets: how many bytes are under way over each link.
        total: how many over all.
    """

    def __init__(self, conditions: Conditions, chance: Chance) -> None:
        self._conditions = conditions
        self._chance = chance
        self._models: dict[int, LinkModel] = {}
        self._last_news: dict[int, int] = {}
        self._heap: list[UnderWay[T]] = []
        self._number = 0
        self.octets: defaultdict[int, int] = defaultdict(int)
        self.total = 0

    @property
    def conditions(self) -> Conditions:
        """The conditions; new ones apply to what is put from then on."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self._conditions = conditions
        for model in self._models.values():
            model.conditions = conditions

    def put(
        self, now: float, link: int, size: int, mode: TransferMode, make: Callable[[], T]
    ) -> bool:
        """Let something leave; return whether it will arrive.

        Args:
            now: the time, in seconds.
            link: over which link.
            size: in bytes.
            mode: how; what is not reliable may be lost, or arrive twice.
            make: returns the thing, once for each time that it arrives.
        """
        drawn = self.draw(now, link, size, mode, make)
        self.add(drawn)
        return bool(drawn)

    def draw(
        self,
        now: float,
        link: int,
        size: int,
        mode: TransferMode,
        make: Callable[[], T],
        not_before: int = 0,
    ) -> list[UnderWay[T]]:
        """Return what :meth:`put` would add: nothing, one thing, or the same twice.

        Args:
            now: see :meth:`put`, also for the next four.
            link: the same.
            size: the same.
            mode: the same.
            make: the same.
            not_before: when it may arrive at the earliest, in microseconds.
        """
        model = self._models.get(link)
        if model is None:
            chance = self._chance.branch(link)
            model = self._models[link] = LinkModel(self._conditions, chance)
        arrivals = model.arrivals(round(now * SECOND), size, mode)
        return [self._drawn(max(each, not_before), link, size, make()) for each in arrivals]

    def _drawn(self, time: int, link: int, size: int, what: T) -> UnderWay[T]:
        self._number += 1
        return UnderWay(time, self._number, link, size, what)

    def add(self, drawn: list[UnderWay[T]]) -> None:
        """Let leave what :meth:`draw` has returned."""
        for each in drawn:
            heappush(self._heap, each)
            self._count(each.link, each.size)

    def add_the_rest(self, drawn: list[UnderWay[T]]) -> None:
        """Add what an interrupted :meth:`add` has not."""
        numbers = {each.number for each in self._heap}
        self.add([each for each in drawn if each.number not in numbers])

    def put_news(self, now: float, link: int, what: T, *, together: bool = False) -> int:
        """Let news leave: reliable, and without a size; return when it arrives, in microseconds.

        Args:
            now: the time, in seconds.
            link: over which link.
            what: the news.
            together: it arrives with the news before it.
        """
        if together and link in self._last_news:
            drawn = [self._drawn(self._last_news[link], link, 0, what)]
        else:
            drawn = self.draw(now, link, 0, _RELIABLE, lambda: what)
        self._last_news[link] = drawn[0].time
        self.add(drawn)
        return drawn[0].time

    def next(self, now: float, *, at_once: bool = False) -> UnderWay[T] | None:
        """Return what has arrived and comes first; :meth:`remove` it when that is done.

        Args:
            now: the time, in seconds.
            at_once: whatever is under way has arrived.
        """
        heap = self._heap
        if heap and (at_once or heap[0].time <= round(now * SECOND)):
            return heap[0]
        return None

    def remove(self, first: UnderWay[T]) -> None:
        """Remove what :meth:`next` has returned, unless that has been done."""
        if self._heap and self._heap[0] is first:
            heappop(self._heap)
            self._count(first.link, -first.size)

    def _count(self, link: int, octets: int) -> None:
        self.total += octets
        left = self.octets[link] + octets
        if left:
            self.octets[link] = left
        else:
            del self.octets[link]

    def due(self) -> float:
        """Return when the next thing arrives, in seconds; infinity for never."""
        return self._heap[0].time / SECOND if self._heap else math.inf

    def __len__(self) -> int:
        return len(self._heap)

    def recount(self) -> None:
        """Put in order what an interrupt has left."""
        heapify(self._heap)
        self.octets.clear()
        self.total = 0
        for each in self._heap:
            self._count(each.link, each.size)

    def forget(self, link: int, *, drop: bool) -> None:
        """A link is gone.

        Args:
            link: which.
            drop: so is what is under way over it.
        """
        self._models.pop(link, None)
        self._last_news.pop(link, None)
        if drop:
            self._heap = [each for each in self._heap if each.link != link]
            self.recount()

    def drain(self, link: int) -> list[UnderWay[T]]:
        """Return what is under way over a link, in the order in which it would arrive."""
        return sorted(each for each in self._heap if each.link == link)

    def all(self) -> list[UnderWay[T]]:
        """Return what is under way over all links, in that order."""
        return sorted(self._heap)

    def clear(self) -> None:
        """Forget all that is under way, and all links."""
        self._heap = []
        self._models.clear()
        self._last_news.clear()
        self.octets.clear()
        self.total = 0
