"""How often each peer may call each method: ``@rpc(…, limit=20)``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from multiplayer.errors import MultiplayerError
from multiplayer.support.token_bucket import TokenBucket, patience

if TYPE_CHECKING:
    from multiplayer.scene.methods.method import RpcMethod
    from multiplayer.scene.transport import Transport


class CallLimits:
    """The token buckets of one session; a method without a limit has none."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._buckets: dict[int, dict[RpcMethod[..., Any], TokenBucket]] = {}

    def allow(self, peer: int, method: RpcMethod[..., Any]) -> bool:
        """Return whether ``peer`` may call ``method`` now; expel it if it does not stop."""
        if not method.limit:
            return True
        now = self._transport.peer.now()
        buckets = self._buckets.setdefault(peer, {})
        bucket = buckets.get(method)
        if bucket is None:
            bucket = buckets[method] = TokenBucket(method.limit, now)
        if bucket.take(1, now):
            return True
        if bucket.refused == patience(bucket) and self._transport.is_server:
            with suppress(MultiplayerError):  # it may have gone, or been expelled, before
                self._transport.peer.expel_peer(peer, f"{method.name}() was called too often")
        return False

    def allow_if_any(self, peer: int, method: RpcMethod[..., Any]) -> bool:
        """Return whether ``peer`` may call ``method`` now; if not, nobody has asked."""
        bucket = self._buckets.get(peer, {}).get(method)
        return bucket is not None and bucket.take_if_any(1, self._transport.peer.now())

    def forget(self, peer: int) -> None:
        """Forget a peer that has left."""
        self._buckets.pop(peer, None)

    def clear(self) -> None:
        """Forget the session, which is over."""
        self._buckets.clear()
