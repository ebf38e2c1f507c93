"""A board whose rooms are a table, for tests of lobbies."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

from multiplayer.rooms.board import BoardRefusedError
from multiplayer.rooms.listing import RoomRow
from multiplayer.rooms.lobby import Lobby, LobbySettings
from multiplayer.rooms.reservations import Reservations
from multiplayer.rooms.room_codes import draw_code

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE, THERE = "192.0.2.1", "192.0.2.2"
SIZES = {"duel": 2, "squad": 4, "hall": 0}
FREE = LobbySettings(
    asking=(0, 1),
    joining=(0, 1),
    creating=(0, 1),
    matching=(0, 1),
    codes=(0, 1),
    max_tickets_per_address=0,
)


class Came(NamedTuple):
    code: str
    owns: bool


class Table:
    """A board whose rooms are a table, with the gate that every room has."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.bits = random.Random(5).getrandbits
        self.rows: dict[str, RoomRow] = {}
        self.kept: dict[str, Reservations] = {}
        self.options: dict[str, Mapping[str, str]] = {}
        self.most = 100
        self.kicked: list[tuple[str, int]] = []
        self.base = ""
        self.lobby: Lobby

    @property
    def kinds(self) -> list[str]:
        return [*SIZES]

    def size_of(self, kind: str) -> int:
        return SIZES[kind]

    def create(
        self,
        kind: str,
        *,
        creator: str,
        private: bool,
        metadata: Mapping[str, object],
        options: Mapping[str, str],
    ) -> str:
        if len(self.rows) >= self.most:
            raise BoardRefusedError("there are too many rooms", is_limit=False)
        code = draw_code(self.bits, self.rows.__contains__, len(self.rows))
        self.kept[code] = Reservations()
        self.options[code] = options
        self.put(RoomRow(kind, code, 0, SIZES[kind], private, False, metadata))
        return code

    def put(self, row: RoomRow) -> None:
        is_new = row.code not in self.rows
        self.rows[row.code] = row
        (self.lobby.opened if is_new else self.lobby.changed)(row)

    def change(
        self,
        code: str,
        *,
        locked: bool | None = None,
        private: bool | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        row = self.rows[code]
        if locked is not None:
            row = row._replace(locked=locked)
        if private is not None:
            row = row._replace(private=private)
        if metadata is not None:
            row = row._replace(metadata=metadata)
        self.put(row)

    def kick(self, code: str, peer: int, reason: str) -> bool:
        self.kicked.append((code, peer))
        return peer == 7

    def has_place(self, code: str) -> bool:
        row = self.rows[code]
        return not row.capacity or row.players + self.kept[code].held(self.now) < row.capacity

    def reserve(self, code: str, token: str, seconds: float, *, owns: bool = False) -> bool:
        if code not in self.rows or not self.has_place(code):
            return False
        return self.kept[code].keep(token, self.now, seconds, owns=owns)

    def base_of(self, code: str) -> str:
        return self.base

    def close(self, code: str) -> None:
        del self.rows[code]
        self.lobby.closed(code)

    def come(self, url: str) -> Came | None:
        """Go where a URL says; None if nobody is let in."""
        split = urlsplit(url)
        _, kind, code = split.path.split("/")
        row = self.rows.get(code)
        if row is None or row.kind != kind:
            return None
        token = parse_qs(split.query).get("reservation", [""])[0]
        owns = False
        if token:
            taken = self.kept[code].take(token, self.now)
            if taken is None:
                return None
            owns = taken.owns
        elif row.locked or not self.has_place(code):
            return None
        self.put(row._replace(players=row.players + 1))
        return Came(code, owns)


def lobby_over(table: Table, allowed: LobbySettings = FREE) -> Lobby:
    table.lobby = Lobby(table, table.bits, allowed)
    return table.lobby
