"""``Member``: a client in a server's session, or in its plain mode."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import TransferMode
from multiplayer.support.token_bucket import TokenBucket, patience

from .adrift import Adrift
from .shares import Queued
from .statistics import Statistics

if TYPE_CHECKING:
    from multiplayer.limits import Limits

    from .face import Face
    from .inbox import Inbox
    from .peer_channel import PeerChannel
    from .seat import Seat


_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_RATES: Final = ("packets_per_second", "bytes_per_second")


class Member:
    """A client of a server, whatever connection carries it.

    It can lose its connection and get another: :meth:`lose`, then :meth:`carry`; ``adrift.py`` says
    what it is in between. What waits to be sent to it, what it has sent and nobody has fetched,
    what was counted and what it is charged for are the member's, and go with it.

    Args:
        channel: the connection that carries it, which has its id.
        face: the connection as users see it.

    Attributes:
        id: its id.
        channel: the connection that carries it; None while there is none.
        last: the connection that carries it, or that did so last.
        adrift: what it has instead while there is none.
        is_reached: it gets what is for all.
        told: the program has been told of it.
        seat: what it has by which it can come back; None if it cannot.
        counts_at: the address at which it counts; "" if it counts at none.
    """

    __slots__ = (
        "_buckets",
        "_counted",
        "_violations",
        "adrift",
        "channel",
        "counts_at",
        "face",
        "id",
        "is_reached",
        "last",
        "seat",
        "told",
    )

    def __init__(self, channel: PeerChannel, face: Face) -> None:
        self.id = channel.peer_id
        self.channel: PeerChannel | None = channel
        self.last = channel
        self.adrift: Adrift | None = None
        self.face = face
        self.is_reached = False
        self.told = False
        self.seat: Seat | None = None
        self.counts_at = ""
        # These are made when they are needed: there may be thousands of members.
        self._counted: Statistics | None = None  # before this connection
        self._violations: deque[float] | None = None  # when each was
        self._buckets: list[TokenBucket | None] | None = None

    # ---------------------------------------------------------------- what carries it

    @property
    def knows_words(self) -> bool:
        """Whether its client has agreed on ``docs/protocol/resume.md``."""
        return self.seat is not None and self.seat.ring is not None

    @property
    def backlog(self) -> int:
        """How many bytes wait to be sent to it."""
        link = self.channel
        if link is not None:
            return link.buffered
        if self.seat is not None:
            return self.seat.waiting
        return 0 if self.adrift is None else self.adrift.outbox.waiting

    def lose(self) -> None:
        """Have no connection any more; what waits to be sent waits on."""
        link, seat = self.channel, self.seat
        if link is None:
            return
        dropped = 0 if seat is None else seat.leave(link.outbox)
        self.adrift = adrift = Adrift(link.outbox, seat)
        if dropped:
            adrift.counted.drops["adrift"] += dropped
        self.face.lose(adrift.counted.drops)
        self.channel = None

    def carry(self, channel: PeerChannel, inbox: Inbox[PeerChannel]) -> None:
        """Be carried by ``channel``: what has waited leaves by it, behind what waits there.

        Args:
            channel: a connection that was accepted.
            inbox: where packets wait that it has sent before.
        """
        channel.peer_id = self.id  # first: by this it is found if the rest is interrupted
        before, self.last = self.last, channel
        self._count(before.statistics)
        for size in [*inbox.relabel(before, channel), *self.face.sizes()]:
            channel.unfetched += 1
            channel.unfetched_bytes += size
        self.face.move_to(channel)
        self.channel = channel
        adrift, self.adrift = self.adrift, None
        if adrift is not None:
            adrift.pour_into(channel.outbox)
            self._count(adrift.counted)

    def send_run(self, frames: bytes, packets: int, size: int) -> None:
        """Queue several reliable frames as one, of packets that have ``size`` bytes together.

        All are equally long.
        """
        link, seat = self.channel, self.seat
        if not packets:
            return
        if link is None:
            if self.adrift is not None:
                self.adrift.queue(Queued(frames, size, _RELIABLE), packets)
        elif seat is None or seat.ring is None:
            link.send_run(frames, packets, size)
        else:  # each has a number of its own
            length = len(frames) // packets
            for start in range(0, len(frames), length):
                link.send_shared(frames[start : start + length], size // packets, _RELIABLE)

    def _count(self, more: Statistics) -> None:
        if self._counted is None:
            self._counted = Statistics()
        self._counted.add(more)

    def counted(self) -> Statistics:
        """Return what was counted of it, by all connections that have carried it."""
        total = Statistics()
        total.add(self.last.statistics)
        return self._complete(total)

    def snapshot(self) -> Statistics:
        """Return the same with what waits now."""
        total = self._complete(self.last.snapshot())
        if self.adrift is not None:
            total.bytes_queued += self.backlog
        return total

    def _complete(self, total: Statistics) -> Statistics:
        """Add what was counted elsewhere than by the last connection."""
        if self._counted is not None:
            total.add(self._counted)
        if self.adrift is not None:
            total.add(self.adrift.counted)
        return total

    # ---------------------------------------------------------------- what it does

    def note_told(self) -> None:
        """Note that the program has been told of it."""
        self.told = True

    def too_many_violations(self, limits: Limits, now: float) -> bool:
        """Note a violation; return whether there are too many by now."""
        if not limits.max_violations:
            return False
        if self._violations is None:
            self._violations = deque()
        times = self._violations
        times.append(now)
        while now - times[0] > limits.violation_window:
            times.popleft()
        if len(times) < limits.max_violations:
            return False
        self.last.reach("max_violations")
        return True

    def may_send(self, size: int, limits: Limits, now: float) -> bool:
        """Return whether a message of ``size`` bytes may pass; if not, count it."""
        buckets = self._buckets
        if buckets is None:
            rates = (limits.packets_per_second, limits.bytes_per_second)
            buckets = [TokenBucket(rate, now) if rate else None for rate in rates]
            self._buckets = buckets
        for name, bucket, amount in zip(_RATES, buckets, (1, size), strict=True):
            if bucket is not None and not bucket.take(amount, now):
                self.last.reach(name)
                return False
        return True

    @property
    def is_hopeless(self) -> bool:
        """Whether it keeps sending although nothing passes."""
        buckets = self._buckets or ()
        return any(bucket is not None and bucket.refused >= patience(bucket) for bucket in buckets)
