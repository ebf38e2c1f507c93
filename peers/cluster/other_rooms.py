"""``OtherRooms``: the rooms of other nodes, for the lobby of this one."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

import trio

from multiplayer.rooms.listing import RoomRow

from .directory import DirectoryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multiplayer.rooms.directory_entries import RoomEntry
    from peers.rooms.room_server import RoomServer

    from .directory import Directory

_log = logging.getLogger(__name__)

_EVERY: Final = 2.0
"""How often to look, in seconds."""

_MOST: Final = 1000
"""How many rooms of a kind the lobby knows of other nodes."""

_MOST_PAGES: Final = 100
"""How often to ask for more, of a directory that has hardly any on each page."""


class OtherRooms:
    """Tells a lobby of the rooms of other nodes, and keeps places there.

    Args:
        server: has the lobby.
        directory: knows the rooms.
        nursery: has the requests that keep places.
    """

    def __init__(self, server: RoomServer, directory: Directory, nursery: trio.Nursery) -> None:
        self._server = server
        self._directory = directory
        self._nursery = nursery
        self._rows: dict[str, RoomRow] = {}
        self._entries: dict[str, RoomEntry] = {}

    async def look_forever(self) -> None:
        """See again and again what rooms there are."""
        while True:
            try:
                entries = [
                    each for kind in self._server.kinds for each in await self._rooms_of(kind)
                ]
                self._tell(entries)
            except DirectoryError:
                pass  # then what was seen last has to do
            except Exception:
                _log.exception("the rooms of other nodes could not be listed")
            await trio.sleep(_EVERY)

    async def _rooms_of(self, kind: str) -> list[RoomEntry]:
        rooms: list[RoomEntry] = []
        cursor = ""
        for _ in range(_MOST_PAGES):
            page = await self._directory.page(kind, cursor)
            rooms += page.rooms
            cursor = page.cursor
            if not cursor or len(rooms) >= _MOST:
                break
        return [each for each in rooms if self._server.find(each.code) is None]

    def _tell(self, entries: list[RoomEntry]) -> None:
        service = self._server.lobby_service
        if service is None:
            return
        known = self._entries
        rows = {
            each.code: self._rows[each.code] if known.get(each.code) == each else _row(each)
            for each in entries
        }
        self._entries = {each.code: each for each in entries}
        for code in self._rows.keys() - rows.keys():
            if self._server.find(code) is None:  # else it is here by now, and told by the server
                service.lobby.closed(code)
        for code, row in rows.items():
            if self._rows.get(code) != row:
                service.lobby.changed(row)
        self._rows = rows

    def reserve(self, code: str, token: str, seconds: float, *, owns: bool = False) -> bool:
        """Keep a place in a room of another node; see ``RoomBoard``.

        The answer is what was known last; the node that has the room decides when somebody comes.
        """
        row = self._rows.get(code)
        if row is None or owns or not row.is_free:
            return False
        self._nursery.start_soon(self._reserve, code, token, seconds)
        return True

    async def _reserve(self, code: str, token: str, seconds: float) -> None:
        with suppress(DirectoryError):
            await self._directory.reserve(code, token, seconds)

    def base_of(self, code: str) -> str:
        """Return where a room is; see ``RoomBoard``."""
        entry = self._entries.get(code)
        return "" if entry is None else entry.state.base


def _row(entry: RoomEntry) -> RoomRow:
    state = entry.state
    return RoomRow(
        entry.kind,
        entry.code,
        state.players,
        state.capacity,
        state.private,
        state.locked,
        _metadata(state.metadata),
    )


def _metadata(text: str) -> Mapping[str, object]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
