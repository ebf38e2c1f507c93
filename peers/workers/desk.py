"""``Desk``: what the front answers itself: the lobby, over WebSocket and HTTP, and other HTTP."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from multiplayer import MultiplayerError
from multiplayer.rooms.attempts import Attempts
from multiplayer.rooms.lobby import LobbySettings
from peers.rooms.room_server import RoomServer
from peers.trio import run

from .front_board import FrontBoard, row_of

if TYPE_CHECKING:
    import socket

    from multiplayer.rooms.placement import PlacedRoom

    from .front import Front


class Desk:
    """A ``RoomServer`` in the front whose only room is the lobby.

    Args:
        front: the workers, whose rooms the lobby lists.
        server: a server without kinds, as it was set up; None for one with the defaults.

    Attributes:
        server: the server.
        attempts: counts codes that no room has, in URLs and in the lobby.
    """

    def __init__(self, front: Front, server: RoomServer | None = None) -> None:
        self.server = server or RoomServer({})
        self.attempts = Attempts(*(self.server.lobby or LobbySettings()).codes)
        service = self.server.open_desk(FrontBoard(front, secrets.randbits), self.attempts)
        self._lobby = None if service is None else service.lobby
        if self._lobby is not None:
            front.listeners.append(self._heard)

    def _heard(self, what: str, room: PlacedRoom) -> None:
        assert self._lobby is not None
        if what == "opened":
            self._lobby.opened(row_of(room))
        elif what == "changed":
            self._lobby.changed(row_of(room))
        elif what == "closed":
            self._lobby.closed(room.facts.code)

    def take(self, sock: socket.socket, address: tuple[str, int], received: bytes) -> None:
        """Answer a connection that goes to no worker."""
        try:
            self.server.adopt(sock, address, received)
        except MultiplayerError:  # it is stopping
            sock.close()

    async def run(self) -> None:
        """Answer, until it is closed."""
        await run(self.server)
