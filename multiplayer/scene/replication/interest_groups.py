"""``RoomInterest`` and ``TeamInterest``: peers see what belongs where they belong."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from .interest import ALL_PEERS, Filtered, Interest, check_peer, take_out

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
        """Decide who sees ``synchronizer``, or put it elsewhere if it was added before."""
        if synchronizer in self._filters:
            self.move(synchronizer, group)
            return
        self._put(synchronizer, group)
        self._begin(synchronizer)

    def move(self, synchronizer: Filtered, group: Group | None) -> None:
        """Put ``synchronizer`` elsewhere; None for nowhere.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it was not added.
        """
        self._check_added(synchronizer)
        before = self._groups.get(synchronizer)
        if group == before:
            return
        self._put(synchronizer, group)
        if self._none_is_for_all and (before is None or group is None):
            self._update([(synchronizer, ALL_PEERS)])
        else:
            self._update([(synchronizer, peer) for peer in self._in(before) + self._in(group)])

    def place_peer(self, peer: int, group: Group | None) -> None:
        """Put a peer elsewhere; None for nowhere.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not the id of one peer.
        """
        check_peer(peer)
        if group == self._of_peers.get(peer):
            return
        seen = [*self._forget_peer(peer)]
        if group is not None:
            self._of_peers[peer] = group
            self._peers.setdefault(group, {})[peer] = None
            seen += self._members.get(group, ())
        self._update([(synchronizer, peer) for synchronizer in seen])

    def _in(self, group: Group | None) -> list[int]:
        return [*self._peers.get(group, ())]

    def _put(self, synchronizer: Filtered, group: Group | None) -> None:
        self._forget(synchronizer)
        self._groups[synchronizer] = group
        if group is not None:
            self._members.setdefault(group, {})[synchronizer] = None

    def _forget(self, synchronizer: Filtered) -> None:
        group = self._groups.pop(synchronizer, None)
        take_out(self._members, group, synchronizer)

    def _forget_peer(self, peer: int) -> Iterable[Filtered]:
        group = self._of_peers.pop(peer, None)
        take_out(self._peers, group, peer)
        return [*self._members.get(group, ())]


class TeamInterest(RoomInterest):
    """A peer sees what its team has, and what has no team.

    Args:
        api: see :class:`Interest`.
    """

    _none_is_for_all = True
