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
    from collections.abc import Container

STALL: Final = 0.25
"""By how many seconds a deadline must be missed to say that it was we who did not look."""

_GRACE: Final = (0.5, 3.0)
"""How much longer, in seconds, to wait then: as long as we did not look, within these bounds."""


class Holder(Protocol):
    """What an account needs of whoever moves the bytes of the peer that it is of."""

    def receivers(self) -> int:
        """Return how many get what is sent to all."""
        ...

    def hold(self) -> None:
        """Read no more of the peer, and leave what it has sent."""

    def let_go(self) -> None:
        """Go on with it."""


class Account:
    """What one peer has sent to others, and they have not taken yet.

    Args:
        holder: who holds the peer and lets it go.
        buffer_size: ``outbound_buffer_size``, in bytes; 0 for any.
        rate: ``relayed_bytes_per_second``; 0 for any.
        now: the time, in seconds.

    Attributes:
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
        "_holder",
        "_level",
        "_rate",
        "_rests_until",
        "_settled",
        "addressed",
        "held",
        "spent",
        "to_all",
    )

    def __init__(self, holder: Holder, buffer_size: int, rate: float, now: float) -> None:
        self._holder = holder
        self._half = buffer_size / 2 or math.inf
        self._charges: dict[object, int] = {}  # by outbox
        self._filled = 0  # at how many the charge is more than half
        self._rate = rate
        self._level = self._full = float(rate)
        self._settled = now
        self._rests_until = -math.inf
        self.addressed: set[int] = set()
        self.to_all = False
        self.spent = 0
        self.held = False

    def charge(self, outbox: object, size: int) -> None:
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
            self.judge()
        if not self._charges:
            self.addressed.clear()
            self.to_all = False

    def begin_anew(self) -> None:
        """Forget the charges, to be charged again for all that waits."""
        self._charges.clear()
        self._filled = 0

    def judge(self) -> None:
        """Hold the peer, or let it go, as its charges say."""
        fills_most = self._filled > 0 and 2 * self._filled >= self._reach()
        held = fills_most or self._rests_until > self._settled
        if held is self.held:
            return
        self.held = held
        if held:
            self._holder.hold()
        else:
            self._holder.let_go()

    def _reach(self) -> int:
        """Return how many it sends to."""
        others = max(self._holder.receivers() - 1, 1)
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
        self.judge()
        return self._rests_until if self._rests_until > now else -math.inf


class Reader(Protocol):
    """A connection whose other side may be behind."""

    @property
    def unsent(self) -> int:
        """How many bytes wait for it."""
        ...

    @property
    def octets_sent(self) -> int:
        """How many bytes it has taken."""
        ...

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds to take how many bytes; 0 seconds for any time."""
        ...

    def stall(self, now: float) -> None:
        """End the connection."""


class Stalls:
    """The readers that are behind.

    Attributes:
        terms: until when each has to have taken how much.
    """

    def __init__(self) -> None:
        self.terms: dict[Reader, Terms] = {}

    def note(self, reader: Reader, now: float) -> None:
        """Note that the socket of ``reader`` has taken what it takes for now."""
        timeout, size = reader.stall_terms
        if not timeout or 2 * reader.unsent <= size:
            self.terms.pop(reader, None)
            return
        terms = self.terms.get(reader)
        if terms is None or reader.octets_sent >= terms.enough:
            self.terms[reader] = Terms(now + timeout, reader.octets_sent + size)

    @property
    def due(self) -> float:
        """When the first has had its time; infinity if nobody is behind."""
        return min((terms.deadline for terms in self.terms.values()), default=math.inf)

    def stalled(self, now: float) -> list[Reader]:
        """Return those that have had their time, and forget them.

        Who has it long since is given some more, once: it was we who did not write.
        """
        found: list[Reader] = []
        for reader, terms in list(self.terms.items()):
            late = now - terms.deadline
            if late < 0:
                continue
            if late >= STALL and not terms.excused:
                terms.deadline, terms.excused = now + grace(late), True
            else:
                del self.terms[reader]
                found.append(reader)
        return found

    def keep(self, readers: Container[object]) -> None:
        """Forget all but those."""
        for reader in [each for each in self.terms if each not in readers]:
            del self.terms[reader]

    def forget(self, reader: Reader) -> None:
        """Nothing waits, or the connection is over."""
        self.terms.pop(reader, None)

    def clear(self) -> None:
        """All connections are over."""
        self.terms.clear()


@dataclass(slots=True)
class Terms:
    """Until when a reader has to have taken so much in all."""

    deadline: float
    enough: int
    excused: bool = False


def grace(late: float) -> float:
    """Return how much longer to wait, in seconds, after we have not looked for ``late`` seconds."""
    shortest, longest = _GRACE
    return min(max(late, shortest), longest)
