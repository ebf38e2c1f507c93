"""``Listing``: the rooms that everybody may see, by page.

The newest come first. A cursor is the number of the last room of the page before: rooms that were
opened or closed meanwhile do not move the others, so that none comes twice, and none that was there
all the time is left out.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = 50
"""How many rooms a page has at most."""

_MOST_LOOKED_AT: Final = 1000
"""So many rooms are looked at for one page; if fewer fit, the page is shorter, and has a cursor."""


class RoomRow(NamedTuple):
    """A room, as lists show it.

    Attributes:
        kind: the name of its kind.
        code: its code.
        players: how many seats are taken, suspended ones too.
        capacity: how many there are; 0 for any number.
        private: only those who have its code find it.
        locked: nobody gets in any more, unless a place was kept before.
        metadata: what the game or the owner says about it.
    """

    kind: str
    code: str
    players: int = 0
    capacity: int = 0
    private: bool = False
    locked: bool = False
    metadata: Mapping[str, object] = {}

    @property
    def is_free(self) -> bool:
        """Whether another player gets in."""
        return not self.locked and (self.capacity <= 0 or self.players < self.capacity)


class Wanted(NamedTuple):
    """Which rooms to list.

    Attributes:
        kind: of that kind; "" for any.
        free: only those into which another player gets.
        metadata: only those whose metadata have all of these values.
    """

    kind: str = ""
    free: bool = False
    metadata: Mapping[str, object] = {}

    def fits(self, row: RoomRow) -> bool:
        """Return whether a room is to be listed."""
        if row.private or (self.kind and row.kind != self.kind) or (self.free and not row.is_free):
            return False
        said = row.metadata
        return all(
            name in said and _same(said[name], value) for name, value in self.metadata.items()
        )


def _same(one: object, other: object) -> bool:
    """Return whether two values are the same; as text, if one comes from a query."""
    if isinstance(other, str) and not isinstance(one, str):
        text = str(one).lower() if isinstance(one, bool) else str(one)
        return isinstance(one, bool | int | float) and text == other
    return type(one) is type(other) and one == other


class RoomPage(NamedTuple):
    """Some of the rooms.

    Attributes:
        rooms: at most 50.
        cursor: for the next page; "" if there is none.
    """

    rooms: list[RoomRow]
    cursor: str


class Listing:
    """All rooms, in the order in which they were opened."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, RoomRow]] = {}  # by code
        self._codes: dict[int, str] = {}  # by number, ascending
        self._last = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, code: str) -> bool:
        return code in self._rows

    def put(self, row: RoomRow) -> None:
        """Note a room that was opened, or what has become of one."""
        known = self._rows.get(row.code)
        if known is None:
            self._last += 1
            self._codes[self._last] = row.code
            self._rows[row.code] = (self._last, row)
        else:
            self._rows[row.code] = (known[0], row)

    def remove(self, code: str) -> None:
        """Forget a room that was closed; not to know it does not matter."""
        known = self._rows.pop(code, None)
        if known is not None:
            del self._codes[known[0]]

    def find(self, code: str) -> RoomRow | None:
        """Return a room, listed or private; None if there is none."""
        known = self._rows.get(code)
        return None if known is None else known[1]

    def page(self, wanted: Wanted, cursor: str = "", most: int = PAGE) -> RoomPage:
        """Return some of the rooms that are wanted, the newest first.

        Args:
            wanted: which.
            cursor: that of the page before; "" for the first page.
            most: how many rooms; 1 to 50.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: no page had such a cursor, or has so many
                rooms.
        """
        if not 1 <= most <= PAGE:
            message = f"a page has 1 to {PAGE} rooms, not {most}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        before = _number(cursor)
        numbers = [*self._codes]  # ascending: rooms get growing numbers
        at = bisect_left(numbers, before) if cursor else len(numbers)
        rooms: list[RoomRow] = []
        stop = max(at - _MOST_LOOKED_AT, 0)
        while at > stop and len(rooms) < most:
            at -= 1
            row = self._rows[self._codes[numbers[at]]][1]
            if wanted.fits(row):
                rooms.append(row)
        return RoomPage(rooms, str(numbers[at]) if at > 0 else "")


def _number(cursor: str) -> int:
    if not cursor:
        return 0
    if len(cursor) > 18 or not (cursor.isascii() and cursor.isdigit()):
        message = f"{cursor!r:.40} is not the cursor of a page"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return int(cursor)
