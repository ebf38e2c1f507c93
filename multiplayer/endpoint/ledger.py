"""What is counted about one connection, and what the log says about it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from multiplayer.endpoint.statistics import Statistics

if TYPE_CHECKING:
    from multiplayer.support.log_once import LogOnce


class Subject(Protocol):
    """The connection that a ledger is about.

    Attributes:
        peer_id: the id of the other side; 0 at first.
        address: its address, "" until connected.
        gdpeers_version: see ``Link``.
    """

    peer_id: int
    address: str
    gdpeers_version: int


class Ledger:
    """Counts, and logs each kind of fault once.

    Args:
        subject: the connection.
        envelope: what its packets travel in.
        faults: writes the log.

    Attributes:
        statistics: what has been counted.
        closed: the connection is over; nothing is logged any more.
    """

    __slots__ = ("_envelope", "_faults", "_subject", "closed", "statistics")

    def __init__(self, subject: Subject, envelope: str, faults: LogOnce) -> None:
        self._subject = subject
        self._envelope = envelope
        self._faults = faults
        self.statistics = Statistics()
        self.closed = False

    def rename(self, envelope: str) -> None:
        """Say from now on that packets travel in another envelope."""
        self._envelope = envelope

    def write_to(self, faults: LogOnce) -> None:
        """Log from now on by another; what has been logged is summed up."""
        if not self.closed:
            self._faults.end(self._subject.peer_id, fields=self.log_fields)
        self._faults = faults

    def drop(self, reason: str, count: int = 1) -> None:
        """Count packets that go nowhere: nobody's fault where peers come and go."""
        self.statistics.drops[reason] += count
        self.note(logging.INFO, f"dropped_{reason}")

    def violate(self, kind: str, detail: str = "") -> None:
        """Count a violation."""
        self.statistics.violations[kind] += 1
        self.note(logging.WARNING, kind, detail)

    def reach(self, limit: str) -> None:
        """Count that a limit was reached."""
        self.statistics.limits_reached[limit] += 1

    def note(self, level: int, kind: str, detail: str = "") -> None:
        """Log something, once for this peer."""
        if not self.closed:
            peer, fields = self._subject.peer_id, self.log_fields
            self._faults.note(peer, kind, detail, level=level, fields=fields)

    def close(self) -> None:
        """Log how often each fault was: the connection is over."""
        self.closed = True
        self._faults.end(self._subject.peer_id, fields=self.log_fields)

    def copy(self, round_trip_time: float | None) -> Statistics:
        """Return a copy of :attr:`statistics` with that."""
        copy = Statistics(round_trip_time=round_trip_time)
        copy.add(self.statistics)
        return copy

    @property
    def log_fields(self) -> dict[str, object]:
        """What every log line about this connection has, besides the peer's id."""
        envelope = "gdpeers" if self._subject.gdpeers_version else self._envelope
        return {"address": self._subject.address, "dialect": envelope}
