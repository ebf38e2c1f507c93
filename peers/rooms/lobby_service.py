"""``LobbyService``: a lobby on a ``RoomServer``: its room, its HTTP, and the time."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Final

from multiplayer.rooms.lobby import Lobby
from multiplayer.rooms.matcher import PERIOD

from .lobby_http import LobbyHttp
from .lobby_room import LobbyRoom
from .server_board import row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from multiplayer.rooms.attempts import Attempts
    from multiplayer.rooms.board import RoomBoard
    from multiplayer.rooms.lobby import LobbySettings
    from peers.websocket.http_exchange import HttpCallback

    from .room import Room

_HZ: Final = 1 / PERIOD
"""So often a lobby in which somebody waits is stirred."""


class LobbyService:
    """What a lobby is made of.

    Args:
        board: has the rooms; it tells :attr:`lobby` of them.
        bits: returns a number of so many random bits.
        now: returns the time, in seconds.
        origins: returns the origins whose pages may ask; None for any.
        settings: what is allowed.
        attempts: counts codes that no room has.

    Attributes:
        lobby: decides.
        answer: answers an HTTP request; None if it is not the lobby's.
    """

    def __init__(
        self,
        board: RoomBoard,
        bits: Callable[[int], int],
        now: Callable[[], float],
        origins: Callable[[], Collection[str] | None],
        settings: LobbySettings,
        attempts: Attempts,
    ) -> None:
        self.lobby = Lobby(board, bits, settings, attempts)
        self._now = now
        itself = weakref.proxy(self)
        http = LobbyHttp(self.lobby, origins, now, itself.stir)
        self.answer: HttpCallback = http.answer
        self._room: Callable[[], LobbyRoom | None] = lambda: None

    def now(self) -> float:
        """Return the time, in seconds."""
        return self._now()

    def opened(self, room: Room) -> None:
        """Note that a room was opened."""
        self.lobby.opened(row_of(room))

    def changed(self, room: Room) -> None:
        """Note that something of a room has changed; not of one that is about to close."""
        if room.is_open:
            self.lobby.changed(row_of(room))
        else:
            self.lobby.closed(room.code)

    def closed(self, room: Room, why: str) -> None:
        """Note that a room was closed."""
        del why
        self.lobby.closed(room.code)

    def make_room(self) -> LobbyRoom:
        """Return the room of the lobby, which its server is to open."""
        room = LobbyRoom()
        room.service = self
        self._room = weakref.ref(room)
        return room

    def stir(self) -> None:
        """Have the lobby do what it has to do, in the next poll of its room."""
        room = self._room()
        if room is not None and room.is_open:
            room.call_later(0.0, self.stirred)

    def stirred(self) -> None:
        """Do what the lobby has to do, now and later."""
        room = self._room()
        if room is None or not room.is_open:
            return
        self.arrange(room)
        now = self.now()
        for ticket in self.lobby.process(now):
            if ticket in room.tickets:
                room.tell(ticket, self.lobby.outcome("", now, ticket))
            self.lobby.told(ticket)
        self.arrange(room)

    def arrange(self, room: LobbyRoom) -> None:
        """Have the room stir the lobby, again and again, as long as somebody waits for a match."""
        hz = _HZ if self.lobby.next_deadline() < math.inf else 0.0
        if hz != room.tick_hz:
            room.tick_hz = hz
            room.call_later(0.0, lambda: None)  # so that its server looks at it
