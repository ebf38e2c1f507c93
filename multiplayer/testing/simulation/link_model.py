"""``LinkModel``: when the packets of one direction of one link arrive, and how often."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import TransferMode

from .chance import MILLION

if TYPE_CHECKING:
    from .chance import Chance
    from .conditions import Conditions

SECOND: Final = 1_000_000
"""Times in here are whole microseconds."""

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_ORDERED: Final = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED

_LEAST_RETRANSMISSION: Final = 10_000
_LONGEST_RETRANSMISSION: Final = 60 * SECOND  # RFC 6298 (2.5)
_LEAST_DELAY: Final = 1  # so that all that is put at one instant is put before any of it arrives
_LEAST_OVERTAKEN: Final = 20_000


class LinkModel:
    """One direction of one link: takes the time and a packet's size, and says when it arrives.

    It draws from a stream of its own, in the order of the packets of this direction, so that
    nothing that happens elsewhere changes what happens here.

    A reliable packet that is lost comes after the time in which its sender notices: a round trip
    and four times the jitter, doubled with each loss of the same packet (RFC 6298 section 2).
    Those behind it wait for it; unreliable ones do not. An unreliable_ordered packet that a later
    one has overtaken is dropped.

    Args:
        conditions: the conditions at first.
        chance: the stream.
    """

    __slots__ = (
        "_bandwidth",
        "_chance",
        "_conditions",
        "_duplication",
        "_free",
        "_jitter",
        "_last",
        "_last_reliable",
        "_latency",
        "_loss",
        "_overtaken",
        "_plain",
        "_reordering",
        "_retransmission",
    )

    def __init__(self, conditions: Conditions, chance: Chance) -> None:
        self._chance = chance
        self._free = 0  # when the wire is free again
        self._last = 0  # when the last packet arrives that was not overtaken
        self._last_reliable = 0
        self.conditions = conditions

    @property
    def conditions(self) -> Conditions:
        """The conditions; new ones apply to packets that are put from then on."""
        return self._conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._latency = max(_microseconds(conditions.latency), _LEAST_DELAY)
        self._jitter = _microseconds(conditions.jitter)
        self._loss = _millionths(conditions.loss)
        self._duplication = _millionths(conditions.duplication)
        self._reordering = _millionths(conditions.reordering)
        bandwidth = conditions.bandwidth
        self._bandwidth = 0 if math.isinf(bandwidth) else max(round(bandwidth), 1)
        expected = 2 * (self._latency + self._jitter) + 4 * self._jitter
        self._retransmission = max(expected, _LEAST_RETRANSMISSION)
        self._overtaken = max(4 * self._jitter, self._latency // 2, _LEAST_OVERTAKEN)
        drawn = self._jitter or self._loss or self._duplication or self._reordering
        self._plain = not (drawn or self._bandwidth)

    def arrivals(self, now: int, size: int, mode: TransferMode) -> tuple[int, ...]:
        """Return when a packet arrives that is put now: never, once or twice.

        Args:
            now: the time, in microseconds.
            size: how many bytes it has on the wire.
            mode: its transfer mode.
        """
        if self._plain:
            arrival = now + self._latency
            if arrival < self._last:
                arrival = self._last
            self._last = arrival
            if mode is _RELIABLE:
                if arrival < self._last_reliable:
                    arrival = self._last_reliable
                self._last_reliable = arrival
            return (arrival,)
        if self._bandwidth:
            self._free = max(self._free, now) + size * SECOND // self._bandwidth
            now = self._free
        chance = self._chance
        arrival = now + self._latency
        if self._jitter:
            arrival += chance.exponential(self._jitter)
        if mode is _RELIABLE:
            arrival = self._last = max(arrival, self._last)
            return (self._reliable_arrival(arrival),)
        if self._loss and chance.happens(self._loss):
            return ()
        if self._reordering and chance.happens(self._reordering):
            arrival += 1 + chance.below(self._overtaken)
        else:
            arrival = self._last = max(arrival, self._last)
        if self._duplication and chance.happens(self._duplication):
            return arrival, arrival + 1 + chance.below(self._overtaken)
        return (arrival,)

    def _reliable_arrival(self, arrival: int) -> int:
        if self._loss:
            patience = self._retransmission
            while self._chance.happens(self._loss):
                arrival += patience
                patience = min(2 * patience, _LONGEST_RETRANSMISSION)
        arrival = max(arrival, self._last_reliable)
        self._last_reliable = arrival
        return arrival

    def late_arrival(self, now: int) -> int:
        """Return when a packet arrives that goes on its way again now, as after a partition."""
        return self._reliable_arrival(now + self._latency)


def _microseconds(seconds: float) -> int:
    return round(seconds * SECOND)


def _millionths(portion: float) -> int:
    return round(portion * MILLION)
