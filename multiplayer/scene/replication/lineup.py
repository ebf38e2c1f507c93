"""``Lineup``: the synchronizers in the tree, by what each tick has to do for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .reconfigured import Reconfigured

if TYPE_CHECKING:
    from .records import Source
    from .states import States
    from .tracking import Tracking


class Lineup:
    """What is found out about synchronizers only when one of them, or of their kind, has changed.

    Args:
        tracking: knows which are in the tree.
        states: follows changes of their configurations.

    Attributes:
        sources: all of them, in order of entering the tree.
        filtered: those with filters.
        watched: those with properties that are sent on change.
    """

    def __init__(self, tracking: Tracking, states: States) -> None:
        self._tracking = tracking
        self._states = states
        self._followed: object = None  # the last change that is seen here
        self.sources: list[Source] = []
        self.filtered: list[Source] = []
        self.watched: list[Source] = []

    def follow(self) -> None:
        """Follow what has changed since the last call."""
        last = Reconfigured.last
        if last is self._followed:
            return
        self.sources = sources = [*self._tracking.sources.values()]
        for source in sources:
            self._states.refresh(source)
            synchronizer = source.synchronizer
            source.interval = synchronizer.replication_interval
            source.delta_interval = synchronizer.delta_interval
        self.filtered = [each for each in sources if each.synchronizer.get_filters()]
        self.watched = [each for each in sources if each.watched.paths]
        self._followed = last  # last: an interrupted call is made again
