"""How long rooms of dead workers take to be open again, for whoever wants to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

_MOST: Final = 64


@dataclass(slots=True)
class _Failover:
    begun: float
    rooms: int
    """How many are not open again."""


class Failovers:
    """Rooms on their way from dead workers to others.

    Attributes:
        taken: how long each took, from the end of the process until all of its rooms were open
            again or lost, in seconds; the last 64.
    """

    def __init__(self) -> None:
        self._moving: dict[str, _Failover] = {}
        self.taken: list[float] = []

    def begin(self, codes: Collection[str], ended: float) -> None:
        """Note that the worker of these rooms ended at that time."""
        failover = _Failover(ended, len(codes))
        for code in codes:
            self.settle(code, ended)
            self._moving[code] = failover

    def settle(self, code: str, now: float) -> None:
        """Note that a room is open, or never will be again."""
        failover = self._moving.pop(code, None)
        if failover is not None:
            failover.rooms -= 1
            if failover.rooms == 0:
                self.taken = [*self.taken[1 - _MOST :], now - failover.begun]
