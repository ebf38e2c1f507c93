"""Who is being authenticated, and for how long still (WIRE4 B.4).

Pure bookkeeping: ``Admission`` sends and tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class _Pending:
    deadline: float
    we_are_done: bool = False
    they_are_done: bool = False


class Authentication:
    """The peers that are connected and not admitted yet."""

    def __init__(self) -> None:
        self._pending: dict[int, _Pending] = {}

    @property
    def peers(self) -> list[int]:
        """Their ids, in the order in which they connected."""
        return list(self._pending)

    def __bool__(self) -> bool:
        return bool(self._pending)

    def __contains__(self, peer: int) -> bool:
        return peer in self._pending

    def begin(self, peer: int, deadline: float) -> None:
        """``peer`` has connected; it has until ``deadline``, in seconds of the peer's clock."""
        self._pending[peer] = _Pending(deadline)

    def end(self, peer: int) -> bool:
        """Forget ``peer``; return whether it was pending."""
        return self._pending.pop(peer, None) is not None

    def is_done(self, peer: int) -> bool:
        """Return whether either side has seen enough: credentials cannot be sent any more."""
        pending = self._pending[peer]
        return pending.we_are_done or pending.they_are_done

    def have_completed(self, peer: int) -> bool:
        """Return whether we have seen enough of ``peer``."""
        return self._pending[peer].we_are_done

    def we_complete(self, peer: int) -> None:
        """We have seen enough of ``peer``."""
        self._pending[peer].we_are_done = True

    def they_complete(self, peer: int) -> None:
        """``peer`` has seen enough of us."""
        self._pending[peer].they_are_done = True

    def is_complete(self, peer: int) -> bool:
        """Return whether both sides have seen enough."""
        pending = self._pending[peer]
        return pending.we_are_done and pending.they_are_done

    def late(self, now: float) -> list[int]:
        """Return who has had time enough."""
        return [peer for peer, pending in self._pending.items() if pending.deadline <= now]

    def next_deadline(self) -> float:
        """Return when the first has had time enough; ``math.inf`` if nobody is pending."""
        return min((pending.deadline for pending in self._pending.values()), default=math.inf)

    def clear(self) -> None:
        """Forget everybody."""
        self._pending.clear()
