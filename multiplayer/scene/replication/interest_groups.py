"""``RoomInterest`` and ``TeamInterest``: peers see what belongs where they belong."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from .interest import ALL_PEERS, Filtered, Interest, check_ours, check_peer, take_out

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multiplayer.scene.multiplayer_api import MultiplayerAPI

Group = Hashable
"""A room or a team: anything that can be a key, but for None, which is none of them."""


class RoomInterest(Interest):
    """A peer sees what is in its room, and nothing else.

    A peer without a room sees nothing, and nobody sees what is in no room.

    Args:
        api: see :class:`Interest`.
    """

    _none_is_for_all = False

    def __init__(self, api: MultiplayerAPI | None = None) -> None:
        super().__init__(api)
        self._groups: dict[Filtered, Group | None] = {}
        self._members: dict[Group, dict[Filtered, None]] = {}
        self._of_peers: dict[int, Group] = {}
        self._peers: dict[Group, dict[int, None]] = {}

    def sees(self, peer: int, synchronizer: Filtered) -> bool:
        """Return whether ``peer`` and ``synchronizer`` belong together."""
        group = self._groups.get(synchronizer)
        if group is None:
            return self._none_is_for_all
        return self._of_peers.get(peer) == group

    def add(self, synchronizer: Filtered, group: Group | None = None) -> None:
        """Decide who sees ``synchronizer``, or put it elsewhere if it was added before.

        Raises:
            MultiplayerError: ``ERR_UNAUTHORIZED``: another peer is its authority;
                ``ERR_INVALID_PARAMETER``: it is no synchronizer.
        """
        if synchronizer in self._filters:
            self.move(synchronizer, group)
            return
        check_ours(synchronizer)
        self._put(synchronizer, group)
        self._begin(synchronizer)

    def move(self, synchronizer: Filtered, group: Group | None) -> None:
        """Put ``synchronizer`` elsewhere; None for nowhere.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it was not added.
        """
        self._check_added(synchronizer)
        before = self._groups.get(synchronizer)
        if group != before:
            if self._none_is_for_all and (before is None or group is None):
                self._note([(synchronizer, ALL_PEERS)])
            else:
                self._note([(synchronizer, peer) for peer in self._in(before) + self._in(group)])
            self._put(synchronizer, group)
        self._flush()

    def place_peer(self, peer: int, group: Group | None) -> None:
        """Put a peer elsewhere; None for nowhere.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not the id of one peer.
        """
        before = self._of_peers.get(check_peer(peer))
        if group != before:
            for each in (before, group):
                self._note([(synchronizer, peer) for synchronizer in self._members.get(each, ())])
            if group is None:
                self._forget_peer(peer)
            else:
                self._peers.setdefault(group, {})[peer] = None
                self._of_peers[peer] = group
                take_out(self._peers, before, peer)
        self._flush()

    def _in(self, group: Group | None) -> list[int]:
        return [*self._peers.get(group, ())]

    def _put(self, synchronizer: Filtered, group: Group | None) -> None:
        before = self._groups.get(synchronizer)
        if group is not None:
            self._members.setdefault(group, {})[synchronizer] = None
        self._groups[synchronizer] = group
        if before != group:
            take_out(self._members, before, synchronizer)

    def _forget(self, synchronizer: Filtered) -> None:
        group = self._groups.pop(synchronizer, None)
        take_out(self._members, group, synchronizer)

    def _forget_peer(self, peer: int) -> None:
        take_out(self._peers, self._of_peers.pop(peer, None), peer)

    def _seen_by_peer(self, peer: int) -> Iterable[Filtered]:
        return [*self._members.get(self._of_peers.get(peer), ())]


class TeamInterest(RoomInterest):
    """A peer sees what its team has, and what has no team.

    Args:
        api: see :class:`Interest`.
    """

    _none_is_for_all = True
