"""Notices that two sides have different RPCs on a node, and says what seems to differ."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from multiplayer.scene.methods.table import declared_names, function_names
from multiplayer.support.log_line import write_line
from multiplayer.support.token_bucket import TokenBucket

from .mismatch import MOST_BYTES, RpcMismatch, difference, explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.scene.rejections import ApiStatistics
    from multiplayer.scene.tree.places import Place

_Theirs = tuple[str, ...] | str | None
"""What a peer has told of its methods: the names, a checksum, or that they differ."""

_log = logging.getLogger(__name__)
_MOST_PER_PEER: Final = 16
"""A peer that announces more differing nodes gets no further explanations: each takes time."""

_SEARCHED_PER_SECOND: Final = 2 * MOST_BYTES
"""Bytes hashed for explanations of all peers: some 30 ms of a second, and at once, at most."""


class Mismatches:
    """Compares and tells, once for each peer and node, and again if the peer says more.

    Args:
        statistics: where it is counted.
        tell: takes what is told.
        now: the time, in seconds. Explanations take time, so that a second has only so many; what
            comes when they are used up is told without.
        may_log: ``MultiplayerPeer.may_log``.
    """

    def __init__(
        self,
        statistics: ApiStatistics,
        tell: Callable[[RpcMismatch], object],
        now: Callable[[], float],
        may_log: Callable[[int, int], bool],
    ) -> None:
        self._statistics = statistics
        self._tell = tell
        self._now = now
        self._may_log = may_log
        self._budget = TokenBucket(_SEARCHED_PER_SECOND, now())
        self._told: dict[int, dict[str, _Theirs]] = {}  # peer -> path -> what we told of it
        self._count: Counter[int] = Counter()

    def announced(self, peer: int, place: Place, theirs: _Theirs) -> None:
        """A peer has announced other methods for a node than ours.

        Args:
            peer: who announced.
            place: the node here.
            theirs: the names, or a checksum.
        """
        if not isinstance(theirs, tuple):
            self.told_by_peer(peer, place, theirs)
        elif self._is_news(peer, place, theirs):
            table = place.table
            lacks, has = difference(table.names, theirs)
            self._notice(
                RpcMismatch(
                    peer, place.path, table.checksum, None, table.names, lacks, has, explained=True
                )
            )

    def told_by_peer(self, peer: int, place: Place, theirs: str | None) -> None:
        """The peer says that its methods of a node are not ours; its checksum, if we heard it."""
        if theirs is not None:
            self._tell_checksum(peer, place, theirs)
        elif self._is_news(peer, place, None):
            table = place.table
            self._notice(RpcMismatch(peer, place.path, table.checksum, None, table.names))

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

    def _is_news(self, peer: int, place: Place, theirs: _Theirs) -> bool:
        """Return whether this was not told yet; that they differ is no news after how they do."""
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
        self._tell(mismatch)

    def forget_path(self, peer: int, path: str) -> None:
        """What a peer meant by a path has gone; what comes there is told of again."""
        self._told.get(peer, {}).pop(path, None)

    def forget(self, peer: int) -> None:
        """A peer has left."""
        self._told.pop(peer, None)
        self._count.pop(peer, None)

    def clear(self) -> None:
        """The session is over."""
        self._told.clear()
        self._count.clear()
