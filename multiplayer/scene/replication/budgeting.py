"""``Budgeting``: a tick in which each peer gets no more than so many bytes.

What is always sent and what has changed take part alike, each synchronizer by its ``priority`` and
by how long it has waited. Spawns are not held back, but what they take is missing afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .budget import Budget

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multiplayer.wire.dialects.replication_packets import ReplicationWire

    from .deltas import Deltas
    from .outlet import Outlet
    from .records import Feed, Source, View
    from .states import States


class Budgeting:
    """Sends SYNCs and deltas within a budget.

    Args:
        wire: how packets are written.
        outlet: to the peers.
        states: what is always sent.
        deltas: what has changed.
    """

    def __init__(
        self, wire: ReplicationWire, outlet: Outlet, states: States, deltas: Deltas
    ) -> None:
        self._wire = wire
        self._outlet = outlet
        self._states = states
        self._deltas = deltas
        self._in_use = False

    def send(self, feeds: Iterable[Feed], size: int, now: float) -> None:
        """Send to each peer what is most urgent.

        Args:
            feeds: all peers.
            size: the bytes that each gets.
            now: the time.
        """
        self._in_use = True
        for feed in feeds:
            view = feed.view
            if view is None or not feed.here:
                continue
            budget = self._budget_of(feed, view, size)
            budget.begin_tick()
            if feed.waiting <= size:  # else it does not read
                self._send(feed, view, budget, now)

    def end(self, feeds: Iterable[Feed]) -> None:
        """Forget who waits: from now on all is sent."""
        if self._in_use:
            for feed in feeds:
                feed.budget = None
            self._in_use = False

    def _budget_of(self, feed: Feed, view: View, size: int) -> Budget[tuple[Source, bool]]:
        budget = feed.budget
        if budget is None:
            budget = feed.budget = Budget(size)
            feed.budgeted = None
        budget.size = size
        if feed.budgeted is not view:
            for source in view.sources:
                if source.always.paths:
                    budget.add((source, False))
            for source in feed.behind:
                budget.add((source, True))
            feed.budgeted = view
        return budget

    def _send(
        self, feed: Feed, view: View, budget: Budget[tuple[Source, bool]], now: float
    ) -> None:
        states, deltas, members = self._states, self._deltas, view.members
        made: dict[Source, bytes] = {}  # of deltas

        def measure(key: tuple[Source, bool]) -> tuple[int, float] | None:
            source, is_delta = key
            if source not in members:  # it is not to be seen any more, or cannot be sent yet
                return None
            if not is_delta:
                return len(states.element(source, now)), source.synchronizer.priority
            if source not in feed.behind:
                return None
            if not source.due:
                return 0, source.synchronizer.priority
            element = made[source] = deltas.element(feed, source)
            if not element:
                feed.behind.pop(source, None)
                return None
            return len(element), source.synchronizer.priority

        taken = budget.take(measure)
        if not feed.here:  # a property that was read has sent the peer away
            return
        elements = [states.element(source, now) for source, is_delta in taken if not is_delta]
        for body in states.packed(elements):
            self._outlet.put(feed, self._wire.sync(feed.time, body), self._wire.sync_mode)
        changed = [source for source, is_delta in taken if is_delta and source in made]
        deltas.give_all(feed, changed, [made[source] for source in changed])
