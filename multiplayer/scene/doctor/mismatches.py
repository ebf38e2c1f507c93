"""Notices that two sides have different RPCs on a node, and says what seems to differ."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from multiplayer.scene.cache.scene_cache import CacheObserver
from multiplayer.scene.methods.table import declared_names, function_names
from multiplayer.scene.subsystem import Subsystem
from multiplayer.support.log_line import write_line
from multiplayer.support.token_bucket import TokenBucket

from .mismatch import MOST_BYTES, RpcMismatch, difference, explain

if TYPE_CHECKING:
    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.scene_cache import Methods
    from multiplayer.scene.transport import Transport
    from multiplayer.scene.tree.places import Place
    from multiplayer.signals import BoundSignal

_log = logging.getLogger(__name__)
_MOST_PER_PEER: Final = 16
"""If a peer announces more differing nodes, they are not explained, because that takes time."""

_SEARCHED_PER_SECOND: Final = 2 * MOST_BYTES
"""Bytes hashed for explanations of all peers, a second and at once: at most some 30 ms."""


class Mismatches(Subsystem, CacheObserver):
    """Compares and reports, once for each peer and node, and again if the peer reveals more.

    Args:
        state: what the API keeps.
        transport: to the peer below, which has the clock. Explanations take time, so only so many
            are made each second; beyond that, differences are reported without one.
        rpc_mismatch: the signal.
    """

    def __init__(
        self, state: ApiState, transport: Transport, rpc_mismatch: BoundSignal[RpcMismatch]
    ) -> None:
        self._statistics = state.statistics
        self._handlers = state.handlers
        self._rpc_mismatch = rpc_mismatch
        self._now = transport.peer.now
        self._may_log = transport.peer.may_log
        self._budget = TokenBucket(_SEARCHED_PER_SECOND, self._now())
        self._told: dict[int, dict[str, Methods]] = {}  # peer -> path -> what we told of it
        self._count: Counter[int] = Counter()

    def differs(self, peer: int, place: Place, theirs: Methods) -> None:
        """Note that a peer has other methods on a node than we do; see ``CacheObserver``."""
        if isinstance(theirs, str):
            self._tell_checksum(peer, place, theirs)
        elif self._is_news(peer, place, theirs):
            table = place.table
            mismatch = RpcMismatch(peer, place.path, table.checksum, None, table.names)
            if theirs is not None:
                lacks, has = difference(table.names, theirs)
                mismatch = mismatch._replace(peer_lacks=lacks, peer_has=has, explained=True)
            self._notice(mismatch)

    def _tell_checksum(self, peer: int, place: Place, theirs: str) -> None:
        if not self._is_news(peer, place, theirs):
            return
        table = place.table
        found = None
        if self._count[peer] < _MOST_PER_PEER:
            now = self._now()
            known = (*function_names(type(place.member)), *declared_names())
            found = explain(
                table.configured,
                table.scripted,
                theirs,
                known,
                lambda cost: self._budget.take(cost, now),
            )
        lacks, has = found or ((), ())
        self._notice(
            RpcMismatch(
                peer, place.path, table.checksum, theirs, table.names, lacks, has, found is not None
            )
        )

    def _is_news(self, peer: int, place: Place, theirs: Methods) -> bool:
        """Return whether this is news; that methods differ is not, once it is known how."""
        told = self._told.setdefault(peer, {})
        if place.path in told and theirs in (None, told[place.path]):
            return False
        told[place.path] = theirs
        return True

    def _notice(self, mismatch: RpcMismatch) -> None:
        self._statistics.mismatches += 1
        self._count[mismatch.peer] += 1
        level = logging.WARNING if self._count[mismatch.peer] <= _MOST_PER_PEER else logging.DEBUG
        if _log.isEnabledFor(level) and self._may_log(mismatch.peer, level):
            write_line(_log, level, "%s", mismatch, fields={"peer_id": mismatch.peer})
        self._handlers.emit(self._rpc_mismatch, mismatch.peer, mismatch)

    def path_unused(self, peer: int, path: str) -> None:
        """Forget what a peer meant by a path, so that what comes there is reported again."""
        self._told.get(peer, {}).pop(path, None)

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Forget what was reported about a peer that has left."""
        if not present:
            self._told.pop(peer, None)
            self._count.pop(peer, None)

    def reset(self) -> None:
        """Forget the session, which is over."""
        self._told.clear()
        self._count.clear()
