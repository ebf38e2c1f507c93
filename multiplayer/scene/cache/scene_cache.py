"""Announcing nodes, and learning which ids others announce for theirs.

Mirrors Godot's ``SceneCacheInterface`` (WIRE3 3.4 and 3.5, WIRE4 B.5).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from multiplayer.errors import MultiplayerError
from multiplayer.scene.rejections import RejectReason
from multiplayer.scene.subsystem import Subsystem
from multiplayer.scene.tree.paths import is_proper
from multiplayer.wire.dialects.api_packets import Announce, Confirm, Forget

from .path_cache import PathCache

if TYPE_CHECKING:
    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.subsystem import MemberPackets
    from multiplayer.scene.transport import Transport
    from multiplayer.scene.tree.places import Place

Methods = tuple[str, ...] | str | None
"""What a peer has sent about its methods of a node: the names, a checksum, or nothing."""

_MOST_FORGOTTEN_AT_ONCE: Final = 1024
"""Ids in one packet: 4 KiB, which fits into any buffer."""


class CacheObserver(Protocol):
    """Watches what peers announce; attached to :attr:`SceneCache.observers`."""

    def accepts(self, peer: int, confirm: Confirm) -> bool:
        """Return whether a confirmation counts."""
        del peer, confirm
        return True

    def differs(self, peer: int, place: Place, theirs: Methods) -> None:
        """Note that a peer has other methods at a place than we do.

        Args:
            peer: its id.
            place: the node here.
            theirs: what it has sent about them; None for nothing more.
        """

    def confirmed(self, peer: int, path_id: int) -> None:
        """Note that a peer knows what one of our ids stands for."""

    def path_unused(self, peer: int, path: str) -> None:
        """Note that a peer's id for a path no longer means anything."""


class SceneCache(Subsystem):
    """Announces which id stands for which node, and learns it from others.

    Args:
        state: what the API keeps.
        transport: to the peer below.

    Attributes:
        paths: which id stands for which path, on both sides.
        observers: who watches.
    """

    def __init__(self, state: ApiState, transport: Transport) -> None:
        self.paths = PathCache()
        self.observers: list[CacheObserver] = []
        self._transport = transport
        self._places = state.objects.places
        self._rejections = state.rejections
        self._statistics = state.statistics

    def member_packets(self) -> MemberPackets:
        """Return announcements, their answers, and withdrawals."""
        return {Announce: self._announced, Confirm: self._confirmed, Forget: self._taken_back}

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Forget what a peer that has left was told, and told us."""
        if not present:
            self.paths.forget_peer(peer)

    def peer_renewed(self, peer: int, *, by_us: bool) -> None:
        """Forget what a peer that begins anew was told, and told us."""
        del by_us
        self.paths.forget_peer(peer)

    def reset(self) -> None:
        """Forget the session: ids begin at 1 again."""
        self.paths.clear()

    def forget_path(self, path: str) -> None:
        """Tell those who know the ids of ``path`` and all below that they are gone."""
        wire = self._transport.wire
        for peer, path_ids in self.paths.forget_path(path).items():
            if not (wire.forgets and self._transport.is_up):
                continue
            for start in range(0, len(path_ids), _MOST_FORGOTTEN_AT_ONCE):
                packet = wire.forget(path_ids[start : start + _MOST_FORGOTTEN_AT_ONCE])
                self._transport.answer(peer, packet)

    # ---------------------------------------------------------------- what peers say

    def _announced(self, sender: int, announce: Announce) -> None:
        """Handle a peer's announcement of which id it uses for which node."""
        if not self._is_proper(sender, announce.path):
            return
        wire = self._transport.wire
        place = self._places.at(announce.path)
        if isinstance(announce.methods, str) and place is None:
            # The engine does not answer then, and is called by path for ever.
            detail = f"it announces {announce.path!r}, which does not exist here"
            self._rejections.reject(sender, RejectReason.UNKNOWN_NODE, detail)
            return
        by_name = announce.methods is None
        most = self._transport.peer.limits.max_rpc_paths
        noted = self.paths.hear(sender, announce, most=most, replace=by_name)
        while noted is None and self._gives_up_a_number(sender):
            noted = self.paths.hear(sender, announce, most=most, replace=by_name)
        if noted is None:
            detail = "it has announced more nodes than a peer may"
            if self._transport.is_server:
                with suppress(MultiplayerError):  # it may have gone by itself
                    self._transport.peer.expel_peer(sender, "too many announced nodes")
            self._rejections.reject(sender, RejectReason.TOO_MANY_PATHS, detail)
            return
        if not noted:
            detail = f"it announces number {announce.node} a second time, for {announce.path!r}"
            self._rejections.reject(sender, RejectReason.REPEATED_NUMBER, detail)
            return
        agrees = place is None or place.table.agrees_with(announce.methods)
        if wire.confirms:
            packet = wire.confirm(announce.node, announce.path, agrees=agrees)
            self._transport.answer(sender, packet)
        if place is not None and not agrees:
            self._tell_difference(sender, place, announce.methods)

    def _gives_up_a_number(self, sender: int) -> bool:
        """Make room for one more id of ``sender``, if we do such a thing; return whether.

        Clients do it in Godot's dialects, where ids are never withdrawn: otherwise a game with
        nodes that come and go could not be played for long. Servers do not trust their clients.
        """
        transport = self._transport
        if transport.is_server or transport.wire.forgets:
            return False
        given_up = self.paths.make_room(sender, lambda path: self._places.at(path) is not None)
        if given_up is None:
            return False
        self._statistics.numbers_given_up += 1
        self._tell_unused(sender, given_up.path)
        return True

    def _taken_back(self, sender: int, forget: Forget) -> None:
        """Handle a peer's word that it will not use some of its ids again."""
        for path_id in forget.nodes:
            known = self.paths.unhear(sender, path_id)
            if known is None:
                self._statistics.stale_numbers += 1
            else:
                self._tell_unused(sender, known.path)

    def _confirmed(self, sender: int, confirm: Confirm) -> None:
        """Handle a peer's word that it knows an id of ours."""
        if not all(observer.accepts(sender, confirm) for observer in self.observers):
            return
        path = self.paths.confirm(sender, confirm.node)
        if path is None:
            self._statistics.stale_numbers += 1
            return
        path_id = self.paths.id_of(path)
        for observer in self.observers:
            observer.confirmed(sender, path_id)
        if confirm.agrees:
            return
        place = self._places.at(path)
        if place is not None:
            self._tell_difference(sender, place, self.paths.checksum_heard(sender, path))

    def _is_proper(self, sender: int, path: str) -> bool:
        if is_proper(path):
            return True
        self._rejections.reject(sender, RejectReason.IMPROPER_PATH, f"{path!r} leaves the root")
        return False

    # ---------------------------------------------------------------- who watches

    def _tell_difference(self, peer: int, place: Place, theirs: Methods) -> None:
        for observer in self.observers:
            observer.differs(peer, place, theirs)

    def _tell_unused(self, peer: int, path: str) -> None:
        for observer in self.observers:
            observer.path_unused(peer, path)
