"""``FrontBoard``: the rooms of all workers, for the lobby, which lives in the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from multiplayer.rooms.board import BoardRefusedError
from multiplayer.rooms.listing import RoomRow
from multiplayer.rooms.room_codes import draw_code

from . import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from multiplayer.rooms.placement import PlacedRoom

    from .front import Front


class FrontBoard:
    """A ``RoomBoard`` over the workers of a front.

    Args:
        front: the workers.
        bits: returns a number of so many random bits, for codes.
    """

    def __init__(self, front: Front, bits: Callable[[int], int]) -> None:
        self._front = front
        self._bits = bits

    @property
    def kinds(self) -> Collection[str]:
        """The names of the kinds of which rooms can be made; none before a worker is ready."""
        return self._front.kinds

    def size_of(self, kind: str) -> int:
        """Return how many players a match of a kind has: its capacity."""
        return self._front.kinds[kind]

    def create(
        self,
        kind: str,
        *,
        creator: str,
        private: bool,
        metadata: Mapping[str, object],
        options: Mapping[str, str],
    ) -> str:
        """Make a room; see ``RoomBoard``. That its ``opened`` raises shows later: it is closed."""
        rooms = self._front.placement.rooms
        room = self._front.create(
            kind,
            draw_code(self._bits, rooms.__contains__, len(rooms)),
            creator=creator,
            private=private,
            metadata=metadata,
            options=options,
        )
        if room is None:
            raise BoardRefusedError("there is no place for another room", is_limit=True)
        return room.facts.code

    def change(
        self,
        code: str,
        *,
        locked: bool | None = None,
        private: bool | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Change a room; see ``RoomBoard``. Lists show it when its worker has done it."""
        what: dict[str, object] = {}
        if locked is not None:
            what["locked"] = locked
        if private is not None:
            what["private"] = private
        if metadata is not None:
            what["metadata"] = dict(metadata)
        room = self._front.placement.find(code)
        if room is not None and what:
            self._front.tell(room, messages.Change(code, what))

    def kick(self, code: str, peer: int, reason: str) -> bool:
        """Send a player away; whether there is one of that id only the room's worker knows."""
        room = self._front.placement.find(code)
        return room is not None and self._front.tell(room, messages.Kick(code, peer, reason))

    def reserve(self, code: str, token: str, seconds: float, *, owns: bool = False) -> bool:
        """Keep a place; see ``RoomBoard``."""
        room, now = self._front.placement.find(code), trio.current_time()
        if room is None or not room.has_place(now):
            return False
        if not self._front.tell(room, messages.Reserve(code, token, seconds, owns)):
            return False
        room.reserve(token, now, seconds)
        return True

    def base_of(self, code: str) -> str:
        """Return "": all rooms are behind this port."""
        del code
        return ""


def row_of(room: PlacedRoom) -> RoomRow:
    """Return a room as lists show it."""
    facts = room.facts
    return RoomRow(
        facts.kind,
        facts.code,
        facts.players,
        facts.capacity,
        facts.private,
        facts.locked,
        facts.metadata,
    )
