"""``ServerBoard``: the rooms of one ``RoomServer``, for its lobby."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from multiplayer import MultiplayerError
from multiplayer.rooms.board import BoardRefusedError
from multiplayer.rooms.listing import RoomRow
from peers.websocket.http_head import HttpRefusedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .room import Room
    from .room_session import RoomSession
    from .room_table import RoomTable


class Elsewhere(Protocol):
    """Has rooms that the lobby knows and the server has not."""

    def reserve(self, code: str, token: str, seconds: float, *, owns: bool = False) -> bool:
        """Keep a place; see ``RoomBoard``."""
        ...

    def base_of(self, code: str) -> str:
        """Return where a room is; see ``RoomBoard``."""
        ...


class HasRooms(Protocol):
    """A server of rooms.

    Attributes:
        elsewhere: has other rooms; None if nobody does.
    """

    elsewhere: Elsewhere | None

    @property
    def kinds(self) -> Mapping[str, type[Room]]:
        """The kinds of rooms, by name."""
        ...

    @property
    def table(self) -> RoomTable:
        """The rooms."""
        ...

    def open_for(
        self,
        kind: str,
        address: str,
        options: Mapping[str, str],
        *,
        private: bool = False,
        metadata: Mapping[str, object] | None = None,
    ) -> RoomSession:
        """Open a room because somebody at that address wants one.

        Raises:
            HttpRefusedError: it cannot be opened.
        """
        ...


class ServerBoard:
    """A ``RoomBoard`` over one server.

    Args:
        server: the server.
    """

    def __init__(self, server: HasRooms) -> None:
        self._server = server

    @property
    def kinds(self) -> Collection[str]:
        """The names of the kinds of which rooms can be made."""
        return self._server.kinds

    def size_of(self, kind: str) -> int:
        """Return how many players a match of a kind has: its capacity."""
        return self._server.kinds[kind].capacity

    def create(
        self,
        kind: str,
        *,
        creator: str,
        private: bool,
        metadata: Mapping[str, object],
        options: Mapping[str, str],
    ) -> str:
        """Make a room; see ``RoomBoard``."""
        try:
            session = self._server.open_for(
                kind, creator, options, private=private, metadata=metadata
            )
        except HttpRefusedError as error:
            raise BoardRefusedError(error.detail) from None
        except MultiplayerError:  # it is stopping
            raise BoardRefusedError("this server opens no rooms any more") from None
        return session.code

    def change(
        self,
        code: str,
        *,
        locked: bool | None = None,
        private: bool | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Change a room; see ``RoomBoard``."""
        session = self._find(code)
        if session is None:
            return
        if locked is not None:
            session.locked = locked
        if private is not None:
            session.private = private
        if metadata is not None:
            session.metadata = metadata
        session.changed()

    def kick(self, code: str, peer: int, reason: str) -> bool:
        """Send a player away; see ``RoomBoard``."""
        session = self._find(code)
        seat = None if session is None else session.seats.get(peer)
        if seat is None:
            return False
        seat.kick(reason)
        return True

    def reserve(self, code: str, token: str, seconds: float, *, owns: bool = False) -> bool:
        """Keep a place; see ``RoomBoard``."""
        session = self._find(code)
        if session is not None:
            return session.reserve(token, seconds, owns=owns)
        elsewhere = self._server.elsewhere
        return elsewhere is not None and elsewhere.reserve(code, token, seconds, owns=owns)

    def base_of(self, code: str) -> str:
        """Return where a room is: "" for here."""
        elsewhere = self._server.elsewhere
        return "" if elsewhere is None or self._find(code) else elsewhere.base_of(code)

    def _find(self, code: str) -> RoomSession | None:
        session = self._server.table.by_code.get(code)
        return session if session is not None and session.kind else None


def row_of(room: Room) -> RoomRow:
    """Return a room as lists show it."""
    return RoomRow(
        room.kind,
        room.code,
        len(room.seats),
        room.capacity,
        room.private,
        room.locked or room.joins_held,
        room.metadata,
    )
