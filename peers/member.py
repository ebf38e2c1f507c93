"""``Member``: somebody who is in a server's session, or in its plain mode."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from multiplayer.support.token_bucket import TokenBucket, patience

if TYPE_CHECKING:
    from multiplayer import Limits

    from .websocket.link import Link
    from .websocket_peer import WebSocketPeer

_RATES: Final = ("packets_per_second", "bytes_per_second")


class Member:
    """A client of a server.

    Args:
        channel: the connection that carries it, which has its id.
        face: the connection as users see it.

    Attributes:
        id: its id.
        told: the program has been told of it.
    """

    __slots__ = ("_buckets", "_violations", "channel", "face", "id", "told")

    def __init__(self, channel: Link, face: WebSocketPeer) -> None:
        self.id = channel.peer_id
        self.channel = channel
        self.face = face
        self.told = False
        self._violations: deque[float] = deque()  # when each was
        self._buckets: list[TokenBucket | None] | None = None

    def note_told(self) -> None:
        """Note that the program has been told of it."""
        self.told = True

    def too_many_violations(self, limits: Limits, now: float) -> bool:
        """Note a violation; return whether they are too many by now."""
        if not limits.max_violations:
            return False
        times = self._violations
        times.append(now)
        while now - times[0] > limits.violation_window:
            times.popleft()
        if len(times) < limits.max_violations:
            return False
        self.channel.reach("max_violations")
        return True

    def may_send(self, size: int, limits: Limits, now: float) -> bool:
        """Return whether a message of ``size`` bytes may pass; if it may not, that is counted."""
        buckets = self._buckets
        if buckets is None:
            rates = (limits.packets_per_second, limits.bytes_per_second)
            buckets = [TokenBucket(rate, now) if rate else None for rate in rates]
            self._buckets = buckets
        for name, bucket, amount in zip(_RATES, buckets, (1, size), strict=True):
            if bucket is not None and not bucket.take(amount, now):
                self.channel.reach(name)
                return False
        return True

    @property
    def is_hopeless(self) -> bool:
        """Whether it goes on and on sending although nothing passes."""
        buckets = self._buckets or ()
        return any(bucket is not None and bucket.refused >= patience(bucket) for bucket in buckets)
