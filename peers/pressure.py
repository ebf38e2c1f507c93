"""Who floods is slowed: a peer whose packets fill the others' outboxes is not read for a while.

What a peer sends to others, and what this program sends because of it, is *charged* to the peer
while it waits in an outbox. The peer is *held* while its charge is more than half of
``outbound_buffer_size`` at half or more of those it sends to: it is not read, and what has been
read of it waits. So the network slows it down, and nobody is closed for what it sends. A reader
that is behind while most are not keeps nobody waiting: its outbox overflows, and it is closed.

A held peer waits for nobody longer than ``Limits.stall_timeout``: a reader for whom more than half
of that size waits, and who does not take as much as all of it within that time, makes no progress,
however many bytes it sips. It is closed too.

``Limits.relayed_bytes_per_second`` bounds what one peer may set off: who exceeds it is held until
that much time has passed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from .link import Link
    from .outbox import Outbox

STALL: Final = 0.25
"""By how many seconds a deadline must be missed to say that it was we who did not look."""

_GRACE: Final = (0.5, 3.0)
"""How much longer, in seconds, to wait then: as long as we did not look, within these bounds."""


class Owner(Protocol):
    """What an account needs of whoever moves the bytes."""

    def receivers(self) -> int:
        """Return how many get what is sent to all."""
        ...

    def hold(self, link: Link) -> None:
        """Read no more of ``link``, and leave what it has sent."""

    def let_go(self, link: Link) -> None:
        """Go on with ``link``."""


class Account:
    """What one peer has sent to others, and they have not taken yet.

    Args:
        link: the peer's connection.
        owner: who holds and releases it.
        buffer_size: ``outbound_buffer_size``, in bytes; 0 for any.
        rate: ``relayed_bytes_per_second``; 0 for any.
        now: the time, in seconds.

    Attributes:
        link: see above.
        addressed: the ids of those it sends packets of their own.
        to_all: it sends to everybody, too.
        spent: how many bytes it has set off since :meth:`settle`, counted at each receiver.
        held: see the module's docstring.
    """

    __slots__ = (
        "_charges",
        "_filled",
        "_full",
        "_half",
        "_level",
        "_owner",
        "_rate",
        "_rests_until",
        "_settled",
        "addressed",
        "held",
        "link",
        "spent",
        "to_all",
    )

    def __init__(self, link: Link, owner: Owner, buffer_size: int, rate: float, now: float) -> None:
        self.link = link
        self._owner = owner
        self._half = buffer_size / 2 or math.inf
        self._charges: dict[Outbox, int] = {}
        self._filled = 0  # at how many the charge is more than half
        self._rate = rate
        self._level = self._full = float(rate)
        self._settled = now
        self._rests_until = -math.inf
        self.addressed: set[int] = set()
        self.to_all = False
        self.spent = 0
        self.held = False

    def charge(self, outbox: Outbox, size: int) -> None:
        """Note that ``size`` bytes more of it wait in an outbox; fewer, if it is negative."""
        before = self._charges.get(outbox, 0)
        after = before + size
        if after:
            self._charges[outbox] = after
        else:
            del self._charges[outbox]
        filled = (after > self._half) - (before > self._half)
        if filled:
            self._filled += filled
            self._judge()
        if not self._charges:
            self.addressed.clear()
            self.to_all = False

    def _judge(self) -> None:
        fills_most = self._filled > 0 and 2 * self._filled >= self._reach()
        held = fills_most or self._rests_until > self._settled
        if held is self.held:
            return
        self.held = held
        if held:
            self._owner.hold(self.link)
        else:
            self._owner.let_go(self.link)

    def _reach(self) -> int:
        """Return how many it sends to."""
        others = max(self._owner.receivers() - 1, 1)
        return others if self.to_all else min(len(self.addressed), others)

    # ---------------------------------------------------------------- the rate

    def settle(self, now: float) -> float:
        """Take what was :attr:`spent` out of what it may; return when to settle again.

        Minus infinity while there is enough.
        """
        if self._rate:
            earned = max(0.0, now - self._settled) * self._rate
            self._level = min(self._full, self._level + earned) - self.spent
            if self._level < 0:
                self._rests_until = now - self._level / self._rate
        self.spent = 0
        self._settled = max(now, self._settled)
        self._judge()
        return self._rests_until if self._rests_until > now else -math.inf


class Stalls:
    """The readers that are behind, and until when they have to have taken how much."""

    def __init__(self) -> None:
        self._terms: dict[Link, _Terms] = {}

    def note(self, link: Link, now: float) -> None:
        """Note that the socket of ``link`` has taken what it takes for now."""
        timeout, size = link.stall_terms
        if not timeout or 2 * link.outbox.waiting <= size:
            self._terms.pop(link, None)
            return
        terms = self._terms.get(link)
        if terms is None or link.octets_sent >= terms.enough:
            self._terms[link] = _Terms(now + timeout, link.octets_sent + size)

    @property
    def due(self) -> float:
        """When the first has had its time; infinity if nobody is behind."""
        return min((terms.deadline for terms in self._terms.values()), default=math.inf)

    def stalled(self, now: float) -> list[Link]:
        """Return those that have had their time, and forget them.

        Who has it long since is given some more, once: it was we who did not write.
        """
        found: list[Link] = []
        for link, terms in list(self._terms.items()):
            late = now - terms.deadline
            if late < 0:
                continue
            if late >= STALL and not terms.excused:
                terms.deadline, terms.excused = now + grace(late), True
            else:
                del self._terms[link]
                found.append(link)
        return found

    def forget(self, link: Link) -> None:
        """Nothing waits, or the connection is over."""
        self._terms.pop(link, None)

    def clear(self) -> None:
        """All connections are over."""
        self._terms.clear()


@dataclass(slots=True)
class _Terms:
    """Until when a reader has to have taken so much in all."""

    deadline: float
    enough: int
    excused: bool = False


def grace(late: float) -> float:
    """Return how much longer to wait, in seconds, after we have not looked for ``late`` seconds."""
    shortest, longest = _GRACE
    return min(max(late, shortest), longest)
