"""``Member``: a client in a server's session, or in its plain mode."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import TransferMode
from multiplayer.support.token_bucket import TokenBucket, patience

from .outbox import Outbox
from .statistics import Statistics

if TYPE_CHECKING:
    from multiplayer.limits import Limits

    from .face import Face
    from .fanout import Queued
    from .inbox import Inbox
    from .peer_channel import PeerChannel


_RATES: Final = ("packets_per_second", "bytes_per_second")


class Member:
    """A client of a server, whatever connection carries it.

    It can lose its connection and get another: :meth:`lose`, then :meth:`carry`. What waits to be
    sent to it, what it has sent and nobody has fetched, what was counted and what it is charged
    for are the member's, and go with it.

    Args:
        channel: the connection that carries it, which has its id.
        face: the connection as users see it.

    Attributes:
        id: its id.
        channel: the connection that carries it; None while there is none.
        is_reached: it gets what is for all.
        told: the program has been told of it.
    """

    __slots__ = (
        "_before",
        "_buckets",
        "_counted",
        "_violations",
        "_waiting",
        "channel",
        "face",
        "id",
        "is_reached",
        "told",
    )

    def __init__(self, channel: PeerChannel, face: Face) -> None:
        self.id = channel.peer_id
        self.channel: PeerChannel | None = channel
        self.face = face
        self.is_reached = False
        self.told = False
        self._before = channel  # the last one that carried it
        # These are made when they are needed: there may be thousands of members.
        self._waiting: Outbox | None = None  # while none does
        self._counted: Statistics | None = None  # by those that are gone
        self._violations: deque[float] | None = None  # when each was
        self._buckets: list[TokenBucket | None] | None = None

    # ---------------------------------------------------------------- what carries it

    @property
    def outbox(self) -> Outbox:
        """What waits to be sent."""
        return self._adrift if self.channel is None else self.channel.outbox

    @property
    def _adrift(self) -> Outbox:
        if self._waiting is None:
            self._waiting = Outbox()
        return self._waiting

    @property
    def _past(self) -> Statistics:
        if self._counted is None:
            self._counted = Statistics()
        return self._counted

    @property
    def last(self) -> PeerChannel:
        """The connection that carries it, or that did so last."""
        return self._before

    def lose(self) -> None:
        """Have no connection any more; what waits to be sent waits on."""
        link, self.channel = self.channel, None
        if link is not None:
            link.outbox.pour_into(self._adrift)
            self._past.add(link.statistics)

    def queue(self, queued: Queued) -> None:
        """Queue a frame while there is no connection.

        Which is as one that takes nothing: what is unreliable is dropped.
        """
        frame, size, mode, origin = queued
        waiting, counted = self._adrift, self._past
        waiting.blocked = True
        dropped = waiting.append(frame, mode, origin)
        if dropped:
            counted.drops["adrift"] += dropped
        if not (dropped and mode is TransferMode.TRANSFER_MODE_UNRELIABLE):
            counted.packets_sent += 1
            counted.bytes_sent += size

    def carry(self, channel: PeerChannel, inbox: Inbox[PeerChannel]) -> None:
        """Be carried by ``channel``: what has waited leaves by it, behind what waits there.

        Args:
            channel: a connection whose upgrade was accepted.
            inbox: where packets wait that it has sent before.
        """
        before, self._before = self._before, channel
        channel.peer_id = self.id
        for size in [*inbox.relabel(before, channel), *self.face.sizes()]:
            channel.unfetched += 1
            channel.unfetched_bytes += size
        self.face.move_to(channel)
        if self._waiting is not None:
            self._waiting.pour_into(channel.outbox)
        self.channel = channel

    def counted(self) -> Statistics:
        """Return what was counted of it by all connections that have carried it."""
        total = Statistics()
        if self._counted is not None:
            total.add(self._counted)
        if self.channel is not None:
            total.add(self.channel.statistics)
        return total

    def snapshot(self) -> Statistics:
        """Return the same with what waits now."""
        total = Statistics(bytes_queued=0 if self._waiting is None else self._waiting.waiting)
        if self._counted is not None:
            total.add(self._counted)
        if self.channel is not None:
            total.add(self.channel.snapshot())
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
        self._before.reach("max_violations")
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
                self._before.reach(name)
                return False
        return True

    @property
    def is_hopeless(self) -> bool:
        """Whether it keeps sending although nothing passes."""
        buckets = self._buckets or ()
        return any(bucket is not None and bucket.refused >= patience(bucket) for bucket in buckets)
