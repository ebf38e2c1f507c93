"""``RoomOpener``: opens new rooms of a node, and goes on with those of nodes that are dead."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import MultiplayerError
from multiplayer.errors import DecodeError
from multiplayer.rooms.directory_entries import RoomState
from multiplayer.rooms.room_codes import draw_code
from multiplayer.rooms.snapshot import unpack

from .directory import DirectoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multiplayer.rooms.directory_entries import Taken
    from peers.rooms.room import Room
    from peers.rooms.room_server import RoomServer

    from .directory import Directory
    from .keeper import RoomKeeper

_log = logging.getLogger(__name__)

_ROUNDS: Final = 16
"""How often to look for more rooms of the dead in one beat, while there are some."""

_DRAWS: Final = 8
"""How often to draw another code for a new room if other nodes have had the same ones."""


class RoomOpener:
    """Opens rooms that are this node's in the directory.

    Args:
        server: has them.
        directory: knows of them.
        keeper: keeps them.
        incarnation: of this node.
    """

    def __init__(
        self, server: RoomServer, directory: Directory, keeper: RoomKeeper, incarnation: str
    ) -> None:
        self._server = server
        self._directory = directory
        self._keeper = keeper
        self._incarnation = incarnation

    # ---------------------------------------------------------------- new rooms

    async def open_new(self, kind: str, options: Mapping[str, str], creator: str) -> Room | None:
        """Open a new room, by a code that no other node has; return None if that is not possible.

        Args:
            kind: the name of its kind.
            options: what its ``opened`` gets.
            creator: the IP address of the client that wants it.

        Raises:
            DirectoryError: it is not known whether the code is free.
            Exception: what the room's ``opened`` raised.
        """
        keeper, server = self._keeper, self._server
        for _ in range(_DRAWS):
            if not keeper.takes_rooms:
                return None
            count = 8 * len(server.rooms)  # others have some, too
            code = draw_code(server.front.randbits, keeper.is_taken, count)
            asked = trio.current_time()
            keeper.opening.add(code)
            try:
                epoch = await self._claim(code, kind)
                if epoch:
                    room = self._open(code, kind, options, epoch, creator)
                    keeper.add(room, epoch, asked)
                    return room
            finally:
                keeper.opening.discard(code)
        return None

    async def _claim(self, code: str, kind: str) -> int:
        state = RoomState(0, self._server.kinds[kind].capacity)
        try:
            return await self._directory.claim(code, kind, self._incarnation, state)
        except BaseException:
            self._keeper.let_forget(code, kind)
            raise

    def _open(
        self, code: str, kind: str, options: Mapping[str, str], epoch: int, creator: str = ""
    ) -> Room:
        try:
            return self._server.create(kind, code=code, options=options, creator=creator)
        except BaseException:
            self._keeper.let_forget(code, kind, epoch)
            raise

    # ---------------------------------------------------------------- rooms of others

    async def take(self, code: str, kind: str) -> Room | None:
        """Go on with a room that no living node has; return None if that is not possible.

        Raises:
            DirectoryError: it is not known.
        """
        room = self._server.find(code)
        if room is not None or not self._keeper.takes_rooms or kind not in self._server.kinds:
            return room
        asked = trio.current_time()
        taken = await self._directory.take(code, self._incarnation)
        if taken is None or taken.kind not in self._server.kinds:
            return None
        room = self._server.find(code)  # another task may have been quicker
        return self._go_on(code, taken, asked) if room is None else room

    def _go_on(self, code: str, taken: Taken, asked: float) -> Room | None:
        keeper = self._keeper
        keeper.opening.add(code)
        try:
            room = self._restored(code, taken)
            if room is None:
                room = self._open(code, taken.kind, {}, taken.epoch)
        except MultiplayerError as error:  # there are too many rooms here: others may have it
            keeper.let_give_away(code, taken.epoch)
            _log.warning("room %s could not be opened again: %s", code, error)
            return None
        except Exception as error:
            keeper.let_forget(code, taken.kind, taken.epoch)
            _log.warning("room %s could not be opened again: %s", code, type(error).__name__)
            return None
        finally:
            keeper.opening.discard(code)
        keeper.add(room, taken.epoch, asked)
        _log.info("room %s: taken over", code)
        return room

    def _restored(self, code: str, taken: Taken) -> Room | None:
        """Return the room as it was saved; None if nothing was, or it cannot be read."""
        if not taken.snapshot:
            return None
        try:
            saved = unpack(taken.snapshot)
            if (saved.code, saved.kind) != (code, taken.kind):
                _log.warning("the snapshot of room %s is of another one; it opens fresh", code)
                return None
            return self._server.restore(taken.snapshot)
        except DecodeError as error:
            _log.warning("the snapshot of room %s is none (%s); it opens fresh", code, error)
            return None

    async def take_forever(self) -> None:
        """Go on with rooms that have no living node, with each beat."""
        while True:
            try:
                await self._take_orphans()
            except DirectoryError:
                pass  # the beats tell of it
            except Exception:
                _log.exception("rooms could not be taken over")
            await self._keeper.wait_for_beat()

    async def _take_orphans(self) -> None:
        for _ in range(_ROUNDS):
            if not self._keeper.takes_rooms:
                return
            orphans = await self._directory.orphans()
            taken = [await self.take(code, kind) for code, kind in orphans]
            if not any(taken):
                return
