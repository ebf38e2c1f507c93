"""``RoomTable``: which rooms there are, which have a free place, and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from multiplayer import Limits

    from .room_session import RoomSession


class RoomTable:
    """The rooms of a server.

    Args:
        kinds: the names of the kinds.

    Attributes:
        by_code: those that are open.
        all: those that are closing, too.
        players: how many players there are in all of them.
        of_keys: the rooms of those who have chosen a seat key, by its hash.
    """

    def __init__(self, kinds: Iterable[str]) -> None:
        self.by_code: dict[str, RoomSession] = {}
        self.all: dict[RoomSession, None] = {}
        self.players = 0
        self.of_keys: dict[bytes, RoomSession] = {}
        self._free: dict[str, dict[RoomSession, None]] = {kind: {} for kind in ("", *kinds)}
        self._visited: dict[str, dict[RoomSession, None]] = {}
        self._addresses: dict[RoomSession, dict[str, None]] = {}  # the same, by room
        self._opened_by: dict[str, dict[RoomSession, None]] = {}

    @property
    def count(self) -> int:
        """How many rooms there are, besides the lobby's own."""
        lobby = self.by_code.get("lobby")
        return len(self.all) - (lobby is not None and not lobby.kind)

    def add(self, session: RoomSession) -> None:
        """Take in a room that is open."""
        self.all[session] = None
        self.by_code[session.code] = session
        if session.creator:  # not before: an interrupt in between would be charged for ever
            self._opened_by.setdefault(session.creator, {})[session] = None
        self.note(session)

    def note(self, session: RoomSession) -> None:
        """See again how many are in a room, and whether there is a free place."""
        if session not in self.all:  # restored, and perhaps without success
            return
        count = session.below.count()
        # Both at once: an interrupt between them would be counted for ever.
        self.players, session.counted = self.players + count - session.counted, count
        free = self._free[session.kind]
        if session.has_place and not session.private:
            free[session] = None
        else:
            free.pop(session, None)
        if not session.is_open and self.by_code.get(session.code) is session:
            del self.by_code[session.code]

    def remove(self, session: RoomSession) -> None:
        """Forget a room."""
        self.note(session)
        self.all.pop(session, None)
        for address in [*self._addresses.get(session, ())]:  # of those who left without a word
            self._end_visit(session, address)
        self._free[session.kind].pop(session, None)
        mine = self._opened_by.get(session.creator)
        if mine is not None:
            mine.pop(session, None)
            if not mine:
                del self._opened_by[session.creator]

    def with_place(self, kind: str) -> Iterator[RoomSession]:
        """Yield the rooms of a kind that have a place for anybody, the first that had one first."""
        return (session for session in self._free.get(kind, ()) if session.has_place)

    def opened_by(self, address: str) -> int:
        """Return how many of the rooms clients from an address have opened."""
        return len(self._opened_by.get(address, ()))

    def visit(self, session: RoomSession, address: str) -> None:
        """Take note that somebody from an address is in a room."""
        if session not in self.all:
            return
        self._addresses.setdefault(session, {})[address] = None
        self._visited.setdefault(address, {})[session] = None

    def limit_reached(self, address: str, limits: Limits) -> str:
        """Return the limit that keeps out another player from an address; "" for none."""
        if 0 < limits.max_peers <= self.players:
            return "max_peers"
        most = limits.max_peers_per_address
        if 0 < most <= self._count_at(address):
            return "max_peers_per_address"
        return ""

    def _count_at(self, address: str) -> int:
        rooms = self._visited.get(address, ())
        return sum(session.below.count_at(address) for session in rooms)

    def gone(self, session: RoomSession, address: str) -> None:
        """Take note that somebody from an address has left a room, or come back from elsewhere."""
        self.note(session)
        if not session.below.count_at(address):
            self._end_visit(session, address)

    def _end_visit(self, session: RoomSession, address: str) -> None:
        rooms, addresses = self._visited.get(address, {}), self._addresses.get(session, {})
        rooms.pop(session, None)
        if not rooms:
            self._visited.pop(address, None)
        addresses.pop(address, None)
        if not addresses:
            self._addresses.pop(session, None)

    def clear_visits(self) -> None:
        """Forget who came from where."""
        self._visited.clear()
        self._addresses.clear()
        self.of_keys.clear()
