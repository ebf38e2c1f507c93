"""What of a worker's rooms is to outlive it: saved when they change, and now and then."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import trio

from multiplayer.support.log_error import describe_error

from .messages import Kept

if TYPE_CHECKING:
    from peers.rooms.room import Room
    from peers.rooms.room_server import RoomServer

    from .pipe import Pipe

_log = logging.getLogger("peers.workers.keeping")

SOON: Final = 0.05
"""How long after a change a room is saved, in seconds, together with what else has changed."""


class Keeping:
    """Saves rooms, and gives what is saved to the front.

    Args:
        server: whose rooms they are.
        pipe: to the front.
        every: how often to save rooms in which somebody is, in seconds.
    """

    def __init__(self, server: RoomServer, pipe: Pipe, every: float) -> None:
        self._server = server
        self._pipe = pipe
        self._every = every
        self._changed: dict[Room, None] = {}
        self._stirred = trio.Event()
        self._kept: WeakKeyDictionary[Room, bytes] = WeakKeyDictionary()
        self._failed: WeakKeyDictionary[Room, str] = WeakKeyDictionary()

    def note(self, room: Room) -> None:
        """Note that a room has changed."""
        self._changed[room] = None
        self._stirred.set()

    def forget(self, room: Room) -> None:
        """Note that a room is closed."""
        self._changed.pop(room, None)

    async def run(self) -> None:
        """Save what has changed, soon, and all rooms with players, now and then."""
        due = trio.current_time() + self._every
        while True:
            with trio.move_on_at(due):
                await self._stirred.wait()
                await trio.sleep(SOON)
            if trio.current_time() >= due:
                due = trio.current_time() + self._every
                self._changed.update((room, None) for room in self._server.rooms if room.seats)
            changed, self._changed, self._stirred = self._changed, {}, trio.Event()
            for room in changed:
                self.keep(room)
                await trio.lowlevel.checkpoint()  # one game's save is long enough a pause

    def keep(self, room: Room) -> None:
        """Save a room now."""
        if not room.is_open:
            return
        try:
            data = self._server.save(room)
        except Exception as error:
            words = describe_error(error)
            if self._failed.get(room) != words:
                _log.warning("room %s cannot be saved: %s", room.code, words)
            self._failed[room] = words
            return
        if self._kept.get(room) != data:
            self._kept[room] = data
            self._pipe.send(Kept(room.code, data))
