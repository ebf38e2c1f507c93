"""What is counted about one connection, and what the log says about it."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from .statistics import Statistics

if TYPE_CHECKING:
    from multiplayer.support.log_once import LogOnce

_NOTHING: Final[Counter[str]] = Counter()
"""What there is until something is counted: three counters take a quarter of a kilobyte."""


class Ledger:
    """A base of connections: counts, and logs each kind of fault once.

    Args:
        envelope: what its packets travel in.
        faults: writes the log.

    Attributes:
        peer_id: see ``PeerChannel``, also for the next two.
        address: see there.
        gdpeers_version: see there.
        statistics: what has been counted. Others add to its numbers only.
    """

    __slots__ = ("_envelope", "_faults", "_is_summed_up", "statistics")

    peer_id: int
    address: str
    gdpeers_version: int

    def __init__(self, envelope: str, faults: LogOnce) -> None:
        self._envelope = envelope
        self._faults = faults
        self._is_summed_up = False  # the connection is over; nothing is logged any more
        self.statistics = Statistics(drops=_NOTHING, violations=_NOTHING, limits_reached=_NOTHING)

    def rename_envelope(self, envelope: str) -> None:
        """Say from now on that packets travel in another envelope."""
        self._envelope = envelope

    def log_by(self, faults: LogOnce) -> None:
        """Log from now on by another; what has been logged is summed up."""
        if not self._is_summed_up:
            self._faults.end(self.peer_id, fields=self.log_fields)
        self._faults = faults

    # ---------------------------------------------------------------- counting

    def count_drops(self, reason: str, count: int) -> None:
        """Count packets that go nowhere, and log nothing."""
        statistics = self.statistics
        if statistics.drops is _NOTHING:
            statistics.drops = Counter()
        statistics.drops[reason] += count

    def count_violation(self, kind: str) -> None:
        """Count a violation, and log nothing."""
        statistics = self.statistics
        if statistics.violations is _NOTHING:
            statistics.violations = Counter()
        statistics.violations[kind] += 1

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that go nowhere: nobody's fault where peers come and go."""
        self.count_drops(reason, count)
        self.note(logging.INFO, f"dropped_{reason}")

    def violate(self, kind: str, detail: str = "") -> None:
        """Count a violation of the session's rules."""
        self.count_violation(kind)
        self.note(logging.WARNING, kind, detail)

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""
        statistics = self.statistics
        if statistics.limits_reached is _NOTHING:
            statistics.limits_reached = Counter()
        statistics.limits_reached[limit] += 1

    def counts(self, round_trip_time: float | None) -> Statistics:
        """Return a copy of :attr:`statistics` with that."""
        copy = Statistics(round_trip_time=round_trip_time)
        copy.add(self.statistics)
        return copy

    # ---------------------------------------------------------------- the log

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this peer."""
        if not self._is_summed_up:
            self._faults.note(self.peer_id, kind, detail, level=level, fields=self.log_fields)

    def sum_up(self) -> None:
        """Log how often each fault was: the connection is over."""
        self._is_summed_up = True
        self._faults.end(self.peer_id, fields=self.log_fields)

    @property
    def log_fields(self) -> dict[str, object]:
        """What every log line about this connection has, besides the peer's id."""
        envelope = "gdpeers" if self.gdpeers_version else self._envelope
        return {"address": self.address, "dialect": envelope}
