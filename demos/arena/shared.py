"""One match for clients of all dialects: an arena for each, behind one port, and the game once.

``/arena/CODE`` is for Python and browsers, ``/arena4/CODE-4`` for Godot 4, ``/arena3/CODE-3`` for
Godot 3; ``any`` does for a code. Whichever is opened first has the code alone, and the others
follow: with ``/arena4/CODE`` come ``/arena/CODE-n`` and ``/arena3/CODE-3``. A client reaches
those of other dialects through the server only: see docs/game/bridge.md.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import peers
from multiplayer import Dialect

from .match import Match
from .room import Arena
from .rules import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

IDLE: Final = 60.0
"""How many seconds a match stays open without players."""

MOST: Final = 16
"""How many players a match takes, of all dialects together."""


class SharedArena(Arena):
    """One of the arenas of a match; what has no session of its own is in :class:`Arena`.

    Attributes:
        party: all arenas of the match, this one included; set by :class:`Matches`.
    """

    capacity = MOST
    idle = None  # an empty one stays while others play
    party: Sequence[SharedArena] = ()

    def opened(self, options: Mapping[str, str]) -> None:
        """Get ready for a match, which :class:`Matches` makes."""
        del options
        self.api.validate = True
        assert self.peer  # see Arena.opened

    def joined(self, seat: peers.Seat) -> None:
        """Let a player in."""
        super().joined(seat)
        self._count()

    def left(self, seat: peers.Seat, why: str) -> None:
        """Let a player go; with the last, the match ends some time later."""
        super().left(seat, why)
        self._count()
        self.end_if_empty_for(IDLE)

    def _count(self) -> None:
        for room in self.party:
            room.locked = len(self.match.game.fighters) >= MOST

    def end_if_empty_for(self, seconds: float) -> None:
        """Close all arenas of the match unless somebody is there then."""
        if self.is_open:
            self.call_later(seconds, self._end_if_empty)

    def _end_if_empty(self) -> None:
        if not self.match.game.fighters:
            self.close("idle")

    def closed(self, why: str) -> None:
        """Close the others, since there is one match above them all."""
        for room in self.party:
            room.close(why)
        if self.party:
            self.match.bridge.close()

    def save(self) -> object:
        """Save nothing: rooms are restored one by one, and this match is above three."""
        return None


class Arena4(SharedArena):
    """The arena of Godot 4."""

    dialect = Dialect.GODOT_4


class Arena3(SharedArena):
    """The arena of Godot 3."""

    dialect = Dialect.GODOT_3


KINDS: Final[Mapping[str, type[peers.Room]]] = {
    "arena": SharedArena,
    "arena4": Arena4,
    "arena3": Arena3,
}
"""For ``peers.serve_rooms``; then make :class:`Matches` of the server. The first has the leads."""

_ENDINGS: Final = {"arena": "-n", "arena4": "-4", "arena3": "-3"}
"""Codes are unique on a server. So the first arena of a match has the code, the others one more."""


class Matches:
    """Opens all arenas of a match as soon as one of them is opened.

    Args:
        server: has :data:`KINDS`, and no rooms yet.
        settings: how long rounds are.
        clock: what time it is, in seconds.
    """

    def __init__(
        self,
        server: peers.RoomServer,
        settings: Settings = Settings(),  # noqa: B008 - it cannot be changed
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._settings = settings
        self._clock = clock
        self._opening = False
        server.room_opened.connect(self._opened)

    def _opened(self, first: peers.Room) -> None:
        if self._opening or not isinstance(first, SharedArena):
            return
        rooms: dict[str, SharedArena] = {}
        self._opening = True
        try:
            for kind, ending in _ENDINGS.items():
                room = first
                if kind != first.kind:
                    code = first.code + ending
                    room = self._server.create(kind, code=code, private=first.private)
                assert isinstance(room, SharedArena)
                rooms[kind] = room
            match = Match(self._settings, self._clock, [room.api for room in rooms.values()])
        except BaseException:
            for room in [first, *rooms.values()]:
                room.close("the match could not be made", code=peers.CloseCode.TRY_LATER)
            raise
        finally:
            self._opening = False
        for room in rooms.values():
            room.match, room.party = match, [*rooms.values()]
        first.end_if_empty_for(IDLE)
