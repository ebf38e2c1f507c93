"""``DirectoryTable``: which node has which room, in memory, with the time given from outside.

The rules of every directory, in the plainest form: one in Redis has to answer the same.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING, Final

from .directory_entries import MOST_PER_PAGE, Found, Orphan, Page, RoomEntry, Taken

if TYPE_CHECKING:
    from .directory_entries import NodeEntry, RoomState

NOBODY: Final = ""
"""The owner of a room that was given away."""

_MOST_ORPHANS: Final = 32


class _Room:
    __slots__ = ("epoch", "held", "kind", "owner", "snapshot", "state")

    def __init__(self, kind: str, owner: str, epoch: int, state: RoomState) -> None:
        self.kind = kind
        self.owner = owner
        self.epoch = epoch
        self.state = state
        self.snapshot = b""
        self.held: dict[str, float] = {}  # until when, by reservation


class DirectoryTable:
    """Nodes and rooms. Times are in seconds on one clock, the directory's own."""

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[NodeEntry, float]] = {}  # and until when it is believed
        self._rooms: dict[str, _Room] = {}
        self._of_owner: dict[str, dict[str, None]] = {}
        self._listed: dict[str, list[str]] = {}  # codes in order, by kind
        self._epoch = 0
        self._secret = b""

    def secret(self, offered: bytes) -> bytes:
        """Return the secret of all nodes: the first that was offered."""
        self._secret = self._secret or offered
        return self._secret

    def beat(self, node: NodeEntry, duration: float, now: float) -> bool:
        """Believe in a node for ``duration`` seconds more; return whether it was believed in."""
        known = self.is_alive(node.incarnation, now)
        for dead in [each for each in self._nodes if not self.is_alive(each, now)]:
            del self._nodes[dead]
        self._nodes[node.incarnation] = (node, now + duration)
        return known

    def leave(self, incarnation: str) -> None:
        """Believe no more in a node: its process has ended."""
        self._nodes.pop(incarnation, None)

    def is_alive(self, incarnation: str, now: float) -> bool:
        """Return whether a node is believed in."""
        found = self._nodes.get(incarnation)
        return found is not None and now < found[1]

    def claim(
        self, code: str, kind: str, incarnation: str, state: RoomState, now: float
    ) -> int | None:
        """Claim the code of a room; one wins.

        A room that its owner claims again is its own, by the same epoch; one whose owner is dead is
        not free: it may be taken over.

        Returns:
            The epoch; 0 if somebody else has the room; None if the node is not believed in.
        """
        if not self.is_alive(incarnation, now):
            return None
        room = self._rooms.get(code)
        if room is not None:
            return room.epoch if room.owner == incarnation else 0
        room = self._rooms[code] = _Room(kind, incarnation, self._next_epoch(now), state)
        self._of_owner.setdefault(incarnation, {})[code] = None
        self._list(code, room)
        return room.epoch

    def take(self, code: str, incarnation: str, now: float) -> Taken | None:
        """Take over a room whose owner is dead or has given it away; one wins.

        Returns:
            What to restore it from; None if there is no such room, its owner lives, or the node
            that asks is not believed in.
        """
        if not self.is_alive(incarnation, now):
            return None
        room = self._rooms.get(code)
        if room is None:
            return None
        if room.owner != incarnation:
            if self.is_alive(room.owner, now):
                return None
            self._give(code, room, incarnation)
            room.epoch = self._next_epoch(now)
        return Taken(room.kind, room.epoch, room.snapshot)

    def find(self, code: str, now: float) -> Found | None:
        """Return where a room is; None if there is none."""
        room = self._rooms.get(code)
        if room is None:
            return None
        alive = self.is_alive(room.owner, now)
        return Found(self._entry(code, room), self._nodes[room.owner][0] if alive else None)

    def change(self, code: str, epoch: int, state: RoomState) -> bool:
        """Note how full a room is; return whether it is still owned by that epoch."""
        room = self._owned(code, epoch)
        if room is None:
            return False
        room.state = state
        self._list(code, room)
        return True

    def save(self, code: str, epoch: int, snapshot: bytes) -> bool:
        """Keep a snapshot; return whether the room is still owned by that epoch."""
        room = self._owned(code, epoch)
        if room is None:
            return False
        room.snapshot = snapshot
        return True

    def release(self, code: str, epoch: int) -> bool:
        """Give a room away, to whoever takes it; return whether it was owned by that epoch."""
        room = self._owned(code, epoch)
        if room is None:
            return False
        self._give(code, room, NOBODY)
        return True

    def drop(self, code: str, epoch: int) -> bool:
        """Forget a room that has closed; return whether it was owned by that epoch."""
        room = self._owned(code, epoch)
        if room is None:
            return False
        del self._rooms[code]
        self._disown(code, room.owner)
        self._unlist(code, room.kind)
        return True

    def orphans(self, now: float) -> list[Orphan]:
        """Return some rooms whose owner is dead or has given them away."""
        found: list[Orphan] = []
        for owner, codes in self._of_owner.items():
            if self.is_alive(owner, now):
                continue
            for code in codes:
                if len(found) == _MOST_ORPHANS:
                    return found
                found.append(Orphan(code, self._rooms[code].kind))
        return found

    def page(self, kind: str, cursor: str, limit: int) -> Page:
        """Return the public rooms of a kind whose codes come after ``cursor``."""
        listed = self._listed.get(kind, [])
        start = bisect_right(listed, cursor)
        codes = listed[start : start + min(limit, MOST_PER_PAGE)]
        more = start + len(codes) < len(listed)
        rooms = tuple(self._entry(code, self._rooms[code]) for code in codes)
        return Page(rooms, codes[-1] if codes and more else "")

    def reserve(self, code: str, reservation: str, seconds: float, now: float) -> bool:
        """Hold a place in a room for a while; return whether there was one."""
        room = self._rooms.get(code)
        if room is None or room.state.locked:
            return False
        room.held = {each: until for each, until in room.held.items() if until > now}
        others = len(room.held) - (reservation in room.held)
        if 0 < room.state.capacity <= room.state.players + others:
            return False
        room.held[reservation] = now + seconds
        return True

    def fulfil(self, code: str, reservation: str, now: float) -> bool:
        """Use a reservation, once; return whether it was still good."""
        room = self._rooms.get(code)
        return room is not None and room.held.pop(reservation, now) > now

    def _next_epoch(self, now: float) -> int:
        # As in Redis: after a loss of data the time goes on where counting would begin again.
        self._epoch = max(self._epoch + 1, int(now * 1000))
        return self._epoch

    def _owned(self, code: str, epoch: int) -> _Room | None:
        room = self._rooms.get(code)
        return room if room is not None and room.epoch == epoch and room.owner else None

    def _give(self, code: str, room: _Room, owner: str) -> None:
        self._disown(code, room.owner)
        room.owner = owner
        self._of_owner.setdefault(owner, {})[code] = None

    def _disown(self, code: str, owner: str) -> None:
        codes = self._of_owner[owner]
        del codes[code]
        if not codes:
            del self._of_owner[owner]

    def _entry(self, code: str, room: _Room) -> RoomEntry:
        return RoomEntry(code, room.kind, room.epoch, room.state)

    def _list(self, code: str, room: _Room) -> None:
        codes = self._listed.setdefault(room.kind, [])
        place = bisect_right(codes, code)
        is_listed = place > 0 and codes[place - 1] == code
        if room.state.private:
            if is_listed:
                self._unlist(code, room.kind)
        elif not is_listed:
            insort(codes, code)

    def _unlist(self, code: str, kind: str) -> None:
        codes = self._listed.get(kind, [])
        place = bisect_right(codes, code)
        if place > 0 and codes[place - 1] == code:
            del codes[place - 1]
        if not codes:
            self._listed.pop(kind, None)
