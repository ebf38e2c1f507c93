"""``PeerGroup``: peers with a name, that calls can be made to. Godot has no such thing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from multiplayer.support.sealed import Sealed
from multiplayer.support.unique import Unique

from .subsystem import Subsystem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class PeerGroup(Sealed, Unique):
    """Some of the peers of a session; made by ``SceneMultiplayer.group(name)``.

    Give it to ``node.method.rpc_to(group, …)``. A peer that leaves the session leaves its groups; a
    peer that is suspended stays. All are empty when the session is over. Groups are this program's
    own: others do not know of them.

    Attributes:
        name: its name.
    """

    name: str

    def __init__(self, name: str, groups: Groups) -> None:
        self.name = name
        self._groups = groups
        self._ids: frozenset[int] = frozenset()

    @property
    def ids(self) -> frozenset[int]:
        """The ids in it; another object whenever they change."""
        return self._ids

    def add(self, *ids: int) -> None:
        """Take in peers of the session, this program too; one that has left is left out.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: there never was such a peer, or it is not
                the id of one. None is taken in.
        """
        here = [peer for peer in ids if self._groups.is_meant(peer)]
        for peer in here:
            self._groups.of_peer.setdefault(peer, {})[self] = None
        if not self._ids.issuperset(here):
            self._ids = self._ids.union(here)

    def discard(self, *ids: int) -> None:
        """Let peers out of it; one that is not in it does not matter."""
        if not self._ids.isdisjoint(ids):
            self._ids = self._ids.difference(ids)
        for peer in ids:
            self._groups.note_out(self, peer)

    def clear(self) -> None:
        """Let all out of it."""
        self.discard(*self._ids)

    def __contains__(self, peer: object) -> bool:
        return peer in self._ids

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._ids))

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        return f"<group {self.name!r} of {len(self._ids)} peers>"


class Groups(Subsystem):
    """The groups of an API, which outlive its sessions.

    Args:
        is_meant: returns whether a peer is in the session, and raises if it never was.

    Attributes:
        of_peer: by id, the groups in which a peer is.
    """

    def __init__(self, is_meant: Callable[[int], bool]) -> None:
        self.is_meant = is_meant
        self.of_peer: dict[int, dict[PeerGroup, None]] = {}  # also keeps those that are not empty
        self._named: WeakValueDictionary[str, PeerGroup] = WeakValueDictionary()

    def named(self, name: str) -> PeerGroup:
        """Return the group of that name."""
        group = self._named.get(name)
        if group is None:
            group = self._named[name] = PeerGroup(name, self)
        return group

    def note_out(self, group: PeerGroup, peer: int) -> None:
        """Note that a peer is not in a group."""
        groups = self.of_peer.get(peer)
        if groups is not None:
            groups.pop(group, None)
            if not groups:
                del self.of_peer[peer]

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Let a peer that has left out of its groups."""
        if not present:
            for group in [*self.of_peer.get(peer, ())]:
                group.discard(peer)

    def reset(self) -> None:
        """The session is over: nobody is in any group."""
        for peer in [*self.of_peer]:
            self.peer_changed(peer, present=False)
