"""``Directory``: what nodes ask to know which of them has which room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from multiplayer.rooms.directory_entries import (
        Found,
        NodeEntry,
        Orphan,
        Page,
        RoomState,
        Taken,
    )


class DirectoryError(Exception):
    """A directory cannot be reached, or has answered what makes no sense.

    A request that failed may have been carried out all the same.
    """


class Directory(Protocol):
    """Which node has which room.

    Every method is one request, which takes effect as a whole or not at all; each may be asked
    again. A room is owned by one *incarnation* of a node, and by one *epoch*, which is higher for
    each owner: what an earlier owner still writes is refused.

    Raises:
        DirectoryError: from every method: there is no good answer.
    """

    async def secret(self, offered: bytes) -> bytes:
        """Return the secret that all nodes share: the first that was offered."""
        ...

    async def beat(self, node: NodeEntry, duration: float) -> bool:
        """Believe in a node for ``duration`` seconds more; return whether it was believed in."""
        ...

    async def leave(self, incarnation: str) -> None:
        """Believe no more in a node: others may take its rooms at once."""
        ...

    async def claim(self, code: str, kind: str, incarnation: str, state: RoomState) -> int:
        """Claim the code of a room; of several nodes one wins.

        A room that its owner claims again is its own, by the same epoch. One whose owner is dead is
        not free: it may be taken over.

        Returns:
            The epoch; 0 if the room is another's.

        Raises:
            DirectoryError: also if the node is not believed in: its rooms would be anybody's.
        """
        ...

    async def take(self, code: str, incarnation: str) -> Taken | None:
        """Take over a room whose owner is dead or has given it away; of several nodes one wins.

        Returns:
            What to restore it from; None if there is no such room, its owner lives, or the node
            that asks is not believed in.
        """
        ...

    async def find(self, code: str) -> Found | None:
        """Return where a room is; None if there is none."""
        ...

    async def change(self, code: str, epoch: int, state: RoomState) -> bool:
        """Note how full a room is; return whether that epoch still owns it."""
        ...

    async def save(self, code: str, epoch: int, snapshot: bytes) -> bool:
        """Keep a snapshot; return whether that epoch still owns the room."""
        ...

    async def release(self, code: str, epoch: int) -> bool:
        """Give a room away, to whoever takes it first; return whether that epoch owned it."""
        ...

    async def drop(self, code: str, epoch: int) -> bool:
        """Forget a room that has closed; return whether that epoch owned it."""
        ...

    async def orphans(self) -> list[Orphan]:
        """Return some of the rooms whose owner is dead or has given them away."""
        ...

    async def page(self, kind: str, cursor: str = "", limit: int = 50) -> Page:
        """Return public rooms of a kind, by code.

        Args:
            kind: the name of the kind.
            cursor: of the page before; "" for the first.
            limit: how many at most, up to 50.
        """
        ...

    async def reserve(self, code: str, reservation: str, seconds: float) -> bool:
        """Hold a place in a room for a while; return whether there was one."""
        ...

    async def fulfil(self, code: str, reservation: str) -> bool:
        """Use a reservation, once; return whether it was still good."""
        ...
