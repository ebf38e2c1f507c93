"""``MemoryDirectory``: a directory for nodes of one process, and the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from multiplayer.rooms.directory_table import DirectoryTable

from .directory import DirectoryError

if TYPE_CHECKING:
    from multiplayer.rooms.directory_entries import (
        Found,
        NodeEntry,
        Orphan,
        Page,
        RoomState,
        Taken,
    )


class MemoryDirectory:
    """See :class:`~peers.cluster.directory.Directory`. Its time is trio's."""

    def __init__(self) -> None:
        self._table = DirectoryTable()

    async def secret(self, offered: bytes) -> bytes:
        """Return the secret that all nodes share: the first that was offered."""
        await trio.lowlevel.checkpoint()
        return self._table.secret(offered)

    async def beat(self, node: NodeEntry, duration: float) -> bool:
        """Believe in a node for ``duration`` seconds more; return whether it was believed in."""
        await trio.lowlevel.checkpoint()
        return self._table.beat(node, duration, trio.current_time())

    async def leave(self, incarnation: str) -> None:
        """Believe no more in a node."""
        await trio.lowlevel.checkpoint()
        self._table.leave(incarnation)

    async def claim(self, code: str, kind: str, incarnation: str, state: RoomState) -> int:
        """Claim the code of a room; return the epoch, or 0."""
        await trio.lowlevel.checkpoint()
        epoch = self._table.claim(code, kind, incarnation, state, trio.current_time())
        if epoch is None:
            message = f"node {incarnation} is not believed in; beat first"
            raise DirectoryError(message)
        return epoch

    async def take(self, code: str, incarnation: str) -> Taken | None:
        """Take over a room whose owner is dead or has given it away."""
        await trio.lowlevel.checkpoint()
        return self._table.take(code, incarnation, trio.current_time())

    async def find(self, code: str) -> Found | None:
        """Return where a room is; None if there is none."""
        await trio.lowlevel.checkpoint()
        return self._table.find(code, trio.current_time())

    async def change(self, code: str, epoch: int, state: RoomState) -> bool:
        """Note how full a room is; return whether that epoch still owns it."""
        await trio.lowlevel.checkpoint()
        return self._table.change(code, epoch, state)

    async def save(self, code: str, epoch: int, snapshot: bytes) -> bool:
        """Keep a snapshot; return whether that epoch still owns the room."""
        await trio.lowlevel.checkpoint()
        return self._table.save(code, epoch, snapshot)

    async def release(self, code: str, epoch: int) -> bool:
        """Give a room away; return whether that epoch owned it."""
        await trio.lowlevel.checkpoint()
        return self._table.release(code, epoch)

    async def drop(self, code: str, epoch: int) -> bool:
        """Forget a room that has closed; return whether that epoch owned it."""
        await trio.lowlevel.checkpoint()
        return self._table.drop(code, epoch)

    async def orphans(self) -> list[Orphan]:
        """Return some of the rooms whose owner is dead or has given them away."""
        await trio.lowlevel.checkpoint()
        return self._table.orphans(trio.current_time())

    async def page(self, kind: str, cursor: str = "", limit: int = 50) -> Page:
        """Return public rooms of a kind, by code."""
        await trio.lowlevel.checkpoint()
        return self._table.page(kind, cursor, limit)

    async def reserve(self, code: str, reservation: str, seconds: float) -> bool:
        """Hold a place in a room for a while; return whether there was one."""
        await trio.lowlevel.checkpoint()
        return self._table.reserve(code, reservation, seconds, trio.current_time())

    async def fulfil(self, code: str, reservation: str) -> bool:
        """Use a reservation, once; return whether it was still good."""
        await trio.lowlevel.checkpoint()
        return self._table.fulfil(code, reservation, trio.current_time())
