"""``Members``: who belongs to a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Members:
    """The ids of the others in a session, in order of joining.

    Attributes:
        ids: the ids; change them only with the methods.
        version: changes whenever somebody joins or leaves, so that what depends on the members
            need not be computed for every packet.
        suspended: who has lost their connections and may come back, members or not yet.
    """

    __slots__ = ("ids", "suspended", "version")

    def __init__(self) -> None:
        self.ids: dict[int, None] = {}
        self.suspended: set[int] = set()
        self.version = 0

    def __contains__(self, peer: int) -> bool:
        return peer in self.ids

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, peer: int) -> None:
        """Note that a peer has joined."""
        self.ids[peer] = None
        self.version += 1

    def remove(self, peer: int) -> None:
        """Note that a member has left."""
        self.ids.pop(peer, None)
        self.version += 1

    def clear(self) -> None:
        """Note that the session is over."""
        self.ids.clear()
        self.suspended.clear()
        self.version += 1
