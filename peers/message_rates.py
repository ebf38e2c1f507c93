"""How many messages, and bytes of them, each client of a server may send a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.support.token_bucket import TokenBucket, patience

if TYPE_CHECKING:
    from multiplayer import Limits

    from .websocket.link import Link

_NAMES: Final = ("packets_per_second", "bytes_per_second")


class MessageRates:
    """The token buckets of a server's clients."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[TokenBucket | None]] = {}

    def allow(self, link: Link, size: int, limits: Limits, now: float) -> bool:
        """Return whether a message of ``size`` bytes may pass; if it may not, that is counted."""
        buckets = self._buckets.get(link.peer_id)
        if buckets is None:
            rates = (limits.packets_per_second, limits.bytes_per_second)
            buckets = [TokenBucket(rate, now) if rate else None for rate in rates]
            self._buckets[link.peer_id] = buckets
        for name, bucket, amount in zip(_NAMES, buckets, (1, size), strict=True):
            if bucket is not None and not bucket.take(amount, now):
                link.reach(name)
                return False
        return True

    def is_hopeless(self, link: Link) -> bool:
        """Return whether the peer goes on and on although nothing passes."""
        buckets = self._buckets[link.peer_id]
        return any(bucket is not None and bucket.refused >= patience(bucket) for bucket in buckets)

    def forget(self, peer_id: int) -> None:
        """The client has gone."""
        self._buckets.pop(peer_id, None)

    def clear(self) -> None:
        """All have gone."""
        self._buckets.clear()
