"""Peers that flood are slowed down, and peers that take nothing are closed.

What a peer sends to others, and what this program sends because of it, is *charged* to the peer
while it waits in an outbox. The peer *fills* an outbox in which more than half of
``outbound_buffer_size`` is charged to peers, if no less than half of an equal share is charged to
it (for a single peer, all of that half). It is *held* while it fills the outboxes of half or more
of those it sends to: it is not read, and what has been read of it waits. So the network slows it
down, and nobody is closed for what it sends. It goes on once no more than a quarter waits for most,
and for those of the others who take at least half as much as these.

While anybody is held, nobody adds to outboxes that are nearly full, if those are half or more of
all. A message's receivers are unknown until it is handled: so a peer that has anything in one of
those outboxes waits with its next message, whatever that is, and a peer that has nothing there
waits only if they have no room for it. Two peers that talk to each other go on, whoever else is
held. A reader that is behind while most are not keeps nobody waiting: its outbox overflows, and it
is closed.

A held peer waits for nobody longer than ``Limits.stall_timeout``: a reader for which more than half
of that size waits, and which within that time neither takes as much as the whole of it nor brings
what waits down, makes no progress, however many bytes it sips. It is closed, too.

``Limits.relayed_bytes_per_second`` bounds what one peer may set off: a peer that exceeds it is held
until that much time has passed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

STALL: Final = 0.25
"""By how many seconds a deadline must be missed to conclude that we were not looking."""

_NOTHING: Final[dict[Any, int]] = {}
"""What an account has until it has something of its own, as few ever do; never changed."""

_GRACE: Final = (0.5, 3.0)
"""How much longer, in seconds, to wait then: as long as we were not looking, within bounds."""

NEARLY_FULL: Final = 0.75
"""The part of ``outbound_buffer_size`` to which nobody adds while others are held."""

_FILLS: Final = "what it has sent fills the others' buffers"
_RESTS: Final = "it has set off more than relayed_bytes_per_second"


class Holder(Protocol):
    """What an account needs of whatever moves the bytes of peers."""

    def receivers(self) -> int:
        """Return how many peers get what is sent to all."""
        ...

    def hold(self, channel: object, why: str) -> None:
        """Stop reading a peer, and leave what it has sent."""

    def let_go(self, channel: object) -> None:
        """Go on with it."""


class Buffer(Protocol):
    """What waits for one peer.

    Attributes:
        blocked: the engine did not take everything at the last write.
        charged: for how many bytes of it somebody is charged.
        charged_to: how many peers are charged.
        sent: how many bytes of it have been taken.
    """

    blocked: bool
    charged: int
    charged_to: int
    sent: int

    @property
    def load(self) -> int:
        """How many bytes wait."""
        ...


class Account:
    """What one peer has sent to others that they have not taken yet.

    Args:
        holder: holds the peer and lets it go.
        channel: who that is, as the holder knows it.
        buffer_size: ``outbound_buffer_size``, in bytes; 0 for any.
        rate: ``relayed_bytes_per_second``; 0 for any.
        now: the time, in seconds.

    Attributes:
        spent: how many bytes it has set off since :meth:`settle`, counted per receiver.
        held: see the module's docstring.
        sent_to_all: how many bytes it has sent to each of all, since it was last charged nothing.
        rests_until: when it has made up for what it set off beyond its rate.
    """

    __slots__ = (
        "_channel",
        "_charges",
        "_filled",
        "_half",
        "_holder",
        "_level",
        "_rate",
        "_sent_to",
        "_settled",
        "_waits",
        "held",
        "rests_until",
        "sent_to_all",
        "spent",
    )

    def __init__(
        self, holder: Holder, channel: object, buffer_size: int, rate: float, now: float
    ) -> None:
        self._holder = holder
        self._channel = channel
        self._half = buffer_size / 2 or math.inf
        self._charges: dict[Buffer, int] = _NOTHING
        self._filled: dict[Buffer, int] = _NOTHING  # and what had been sent then
        self._waits = False  # for outboxes that others have filled
        # The same to single ones. Both serve to find out who got as much as the slow ones.
        self._sent_to: dict[Buffer, int] = _NOTHING
        self.sent_to_all = 0
        self._rate = rate
        self._level = rate
        self._settled = now
        self.rests_until = -math.inf
        self.spent = 0
        self.held = False

    def move_to(self, holder: Holder, channel: object) -> None:
        """Be of a peer that something else carries from now on."""
        self._holder, self._channel = holder, channel

    def note_sent(self, outbox: Buffer, size: int) -> None:
        """Note that it sends this many bytes to one peer."""
        sent_to = self._sent_to
        if sent_to is _NOTHING:
            sent_to = self._sent_to = {}
        sent_to[outbox] = sent_to.get(outbox, 0) + size
        self.spent += size

    # ---------------------------------------------------------------- what waits

    def charge(self, outbox: Buffer, size: int) -> None:
        """Note that ``size`` more of its bytes wait in ``outbox``."""
        charges = self._charges
        if charges is _NOTHING:
            charges = self._charges = {}
        before = charges.get(outbox, 0)
        charges[outbox] = before + size
        outbox.charged += size
        if not before:
            outbox.charged_to += 1
        if outbox.charged > self._half and outbox not in self._filled and self._fills(outbox):
            self._note_filled(outbox)
            self.judge()

    def _note_filled(self, outbox: Buffer) -> None:
        if self._filled is _NOTHING:
            self._filled = {}
        self._filled.setdefault(outbox, outbox.sent)

    def discharge(self, outbox: Buffer, size: int) -> None:
        """Note that ``size`` of its bytes no longer wait there."""
        left = self._charges[outbox] - size
        outbox.charged -= size
        if left:
            self._charges[outbox] = left
        else:
            del self._charges[outbox]
            outbox.charged_to -= 1
        if outbox in self._filled and not self._fills(outbox):
            del self._filled[outbox]
            self.judge()

    def adds_to(self, outboxes: Iterable[Buffer]) -> bool:
        """Return whether anything it sent waits in one of ``outboxes``."""
        return any(outbox in self._charges for outbox in outboxes)

    def wait_for(self, outboxes: Iterable[Buffer]) -> None:
        """Wait, if half or more of those it sends to are among those that are nearly full."""
        self._waits = True
        for outbox in outboxes:
            self._note_filled(outbox)
        self.judge()
        self._waits = self.held

    def look_again(self) -> None:
        """Check whether others have taken what it is held for, or have left."""
        self._filled = {
            outbox: sent for outbox, sent in self._filled.items() if self._fills(outbox)
        }
        self.judge()

    def _fills(self, outbox: Buffer) -> bool:
        # It could wait for ever for less than this, because `Stalls` does not watch it.
        little = self._half / 2 if outbox in self._filled else self._half
        if not outbox.blocked or outbox.load <= little:
            return False
        if self._waits:
            return True
        charge = self._charges.get(outbox, 0)
        return outbox.charged > little and 2 * charge * outbox.charged_to >= outbox.charged

    def begin_anew(self) -> None:
        """Forget the charges; it will be charged again for all that waits."""
        self._charges.clear()
        self._filled.clear()
        self._waits = False

    def judge(self) -> None:
        """Hold the peer, or let it go, as its charges say."""
        rests = self.rests_until > self._settled
        held = rests or self._has_to_wait()
        if held is self.held:
            return
        self.held = held
        if held:
            self._holder.hold(self._channel, _RESTS if rests else _FILLS)
        else:
            self._waits = False
            self._holder.let_go(self._channel)

    def _has_to_wait(self) -> bool:
        filled = self._filled
        if not filled:
            return False
        if 2 * len(filled) >= self._reach():
            return True
        if self.held:  # most are done
            enough = self._half / 4
            for outbox in [each for each, sent in filled.items() if each.sent < sent + enough]:
                del filled[outbox]
        return self.held and bool(filled)

    def _reach(self) -> int:
        """Return how many it sends to: those that got half as much as those it fills."""
        sent_to, to_all = self._sent_to, self.sent_to_all
        enough = max(to_all + sent_to.get(outbox, 0) for outbox in self._filled) / 2
        if to_all >= enough:
            return max(self._holder.receivers() - 1, len(self._filled))
        return sum(to_all + each >= enough for each in sent_to.values())

    # ---------------------------------------------------------------- the rate

    def settle(self, now: float) -> bool:
        """Deduct what was :attr:`spent` from its allowance; return whether that was too much."""
        if not self._charges:
            if self._sent_to:
                self._sent_to.clear()
            self.sent_to_all = 0
        before, rate, level = self.rests_until, self._rate, self._level
        if now > self._settled:
            level += (now - self._settled) * rate
            self._settled = now
        if rate:
            self._level = level = min(rate, level) - self.spent
            if level < 0:
                self.rests_until = now - level / rate
        self.spent = 0
        if self.held or self._filled or self.rests_until > self._settled:
            self.judge()
        return self.rests_until > before and self.rests_until > now

    def rest_no_more(self) -> None:
        """Let it go on although it set off too much: it is gone, and can set off no more."""
        self.rests_until = -math.inf
        self.judge()


class Reader(Protocol):
    """A connection whose other side may be behind."""

    @property
    def outbox(self) -> Buffer:
        """What waits for it."""
        ...

    @property
    def stall_terms(self) -> tuple[float, int]:
        """Within how many seconds to take how many bytes; if one of them is 0, any time will do."""
        ...

    def stall(self, now: float) -> None:
        """End the connection."""


class Stalls:
    """The readers that are behind: more than half of what may wait for them has been waiting.

    They remain so until no more than a quarter is.

    Attributes:
        terms: by when each has to have taken how much.
    """

    def __init__(self) -> None:
        self.terms: dict[Reader, Terms] = {}

    def note(self, reader: Reader, now: float) -> None:
        """Note that what ``reader`` takes for now was taken."""
        timeout, size = reader.stall_terms
        terms, load = self.terms.get(reader), reader.outbox.load
        if terms is None:
            behind = 0 < size < 2 * load
        else:
            # Not a half: a peer held for it goes on as soon as it has taken a little.
            behind = size < 4 * load
            if behind and reader.outbox.sent < terms.enough:
                return
        if behind:
            deadline = now + timeout if timeout else math.inf
            self.terms[reader] = Terms(deadline, reader.outbox.sent + size)
        else:
            self.forget(reader)

    @property
    def due(self) -> float:
        """When the first reader's time is up; infinity if nobody is behind."""
        return min((terms.deadline for terms in self.terms.values()), default=math.inf)

    def stalled(self, now: float) -> list[Reader]:
        """Return those whose time is up, and forget them.

        If it has been up for long, they get some more, once: we were the ones not writing.
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
        """Forget all others."""
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
    """By when a reader has to have taken how much in all."""

    deadline: float
    enough: int
    excused: bool = False


def grace(late: float) -> float:
    """Return how much longer to wait, in seconds, after not looking for ``late`` seconds."""
    shortest, longest = _GRACE
    return min(max(late, shortest), longest)
