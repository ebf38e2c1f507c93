"""Which worker process has which room: the directory that the front of several workers keeps.

Pure: what workers say goes in, and which worker a connection or a room goes to comes out. A room
without a worker, because that one died, is *homeless* until it is moved; what of it was kept
(:mod:`~multiplayer.rooms.snapshot`) moves with it.

A worker that dies while it restores a room may have died of it. That room is opened fresh next
time, and not at all the time after.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

UNDERWAY: Final = 3.0
"""For so many seconds a player who was sent to a room is counted before its worker counts it."""

_MOST_STRIKES: Final = 2

_SOON: Final = 60.0
"""A worker that dies within so many seconds after it got a room may have died of it."""

_MOST_DEATHS: Final = 5
"""After so many of those in a row a room is opened fresh."""


_LEAST_KEYS: Final = 64
"""So many keys are remembered of each room, or twice as many as it has places."""


class Stage(Enum):
    """How far a room has come."""

    OPENING = "opening"
    """Its worker has been told to open or to restore it, and has not said yet that it has."""
    RESTORING = "restoring"
    """Its worker has begun to restore it."""
    OPEN = "open"
    HOMELESS = "homeless"


class Facts(NamedTuple):
    """What a worker tells of a room, whenever it has changed.

    Attributes:
        kind: the name of its kind.
        code: its code.
        players: how many seats are taken.
        capacity: how many there are.
        private: whether the lobby leaves it out of its list.
        locked: whether it takes new players.
        owner: the peer id of who owns it; 0 for nobody.
        metadata: what it tells the lobby.
        arrived: how many players its worker has seen come, those who have left since too.
    """

    kind: str
    code: str
    players: int = 0
    capacity: int = 0
    private: bool = False
    locked: bool = False
    owner: int = 0
    metadata: Mapping[str, object] = {}
    arrived: int = 0


@dataclass(slots=True)
class PlacedRoom:
    """A room, as the front knows it.

    Attributes:
        facts: what its worker said last.
        worker: who has it; None while it is homeless.
        stage: how far it has come.
        creator: the address of whoever had it made; "" for nobody.
        options: what it was opened with.
        snapshot: what is kept of it; None before the first.
        strikes: how many workers have died while they restored it.
        contained: it goes to a worker without other rooms only.
        deaths: how many workers in a row have died soon after they got it.
        moved: when it was given to its worker, after another's death.
        underway: until when those count who were sent there and are not among its players yet.
        reserved: until when a place is kept for whoever brings a token.
        keys: hashes of the seat keys that were sent there, the oldest first.
    """

    facts: Facts
    worker: int | None
    stage: Stage = Stage.OPENING
    creator: str = ""
    options: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    snapshot: bytes | None = field(default=None, repr=False)
    strikes: int = 0
    contained: bool = False
    deaths: int = 0
    moved: float = -math.inf
    underway: deque[float] = field(default_factory=deque[float])
    reserved: dict[str, float] = field(default_factory=dict[str, float], repr=False)
    keys: dict[bytes, None] = field(default_factory=dict[bytes, None], repr=False)

    def expected(self, now: float) -> int:
        """Return how many players it has, or will have: those who were sent, places kept."""
        self.expire(now)
        return self.facts.players + len(self.underway) + len(self.reserved)

    def expire(self, now: float) -> None:
        """Forget those who were sent long ago, and places that were kept until now."""
        while self.underway and self.underway[0] <= now:
            self.underway.popleft()
        if self.reserved:
            self.reserved = {token: end for token, end in self.reserved.items() if now < end}

    def reserve(self, token: str, now: float, seconds: float) -> None:
        """Keep a place for whoever brings a token, for so many seconds."""
        self.expire(now)
        self.reserved[token] = now + seconds

    def keeps(self, token: str, now: float) -> bool:
        """Return whether a place is kept for whoever brings a token."""
        return now < self.reserved.get(token, now)

    def has_place(self, now: float) -> bool:
        """Return whether another player gets in, as far as is known here."""
        return not self.facts.locked and (
            self.facts.capacity <= 0 or self.expected(now) < self.facts.capacity
        )


class Move(NamedTuple):
    """A homeless room that has a worker again.

    Attributes:
        room: the room; its worker is the new one.
        fresh: it is not to get what the game saved.
    """

    room: PlacedRoom
    fresh: bool


class Placement:
    """The rooms of several workers.

    Args:
        max_rooms: how many there may be at a time; 0 for any number.
        max_rooms_per_address: how many of them one address may have made; 0 for any number.

    Attributes:
        rooms: all rooms, by code.
    """

    def __init__(self, *, max_rooms: int = 0, max_rooms_per_address: int = 0) -> None:
        self.rooms: dict[str, PlacedRoom] = {}
        self._max_rooms = max_rooms
        self._max_rooms_per_address = max_rooms_per_address
        self._loads: dict[int, Counter[str]] = {}  # of each worker that serves
        self._created: Counter[str] = Counter()
        self._of_keys: dict[bytes, PlacedRoom] = {}

    # ---------------------------------------------------------------- workers

    def serve(self, worker: int) -> None:
        """Give rooms to a worker from now on."""
        self._loads.setdefault(worker, Counter())

    @property
    def workers(self) -> list[int]:
        """Those that are given rooms."""
        return [*self._loads]

    def lose(self, worker: int, now: float, *, contained: bool = False) -> list[PlacedRoom]:
        """Forget a worker that died; its rooms become homeless, but for those without a trace.

        Args:
            worker: who.
            now: the time.
            contained: its rooms are to go to a worker without other rooms.

        Returns:
            The rooms that are gone for good: nothing was kept of them, or they have ended too many
            workers.
        """
        self._loads.pop(worker, None)
        gone: list[PlacedRoom] = []
        for code, room in [*self.rooms.items()]:
            if room.worker != worker:
                continue
            if room.stage is Stage.RESTORING:
                room.strikes += 1
            room.deaths = room.deaths + 1 if now - room.moved < _SOON else 1
            if room.snapshot is None or room.strikes >= _MOST_STRIKES:
                gone.append(room)
                self.forget(code)
            else:
                room.worker, room.stage, room.contained = None, Stage.HOMELESS, contained
                room.facts = room.facts._replace(players=0, arrived=0)
                room.underway.clear()
        return gone

    def rehouse(self, now: float) -> list[Move]:
        """Give homeless rooms a worker, as far as there are any for them."""
        moves: list[Move] = []
        together: list[int] = []  # those that share a worker of their own count when all are there
        for room in self.rooms.values():
            if room.stage is not Stage.HOMELESS:
                continue
            worker = self._emptiest(contained=room.contained)
            if worker is None:
                continue
            room.worker, room.stage, room.moved = worker, Stage.OPENING, now
            moves.append(Move(room, room.strikes > 0 or room.deaths >= _MOST_DEATHS))
            if room.contained:
                together.append(worker)
            else:
                self._loads[worker]["rooms"] += 1
        for worker in together:
            self._loads[worker]["rooms"] += 1
        return moves

    def _emptiest(self, *, contained: bool = False) -> int | None:
        loads = [
            (load.total(), worker)
            for worker, load in self._loads.items()
            if not contained or not load["rooms"]
        ]
        return min(loads, default=(0, None))[1]

    # ---------------------------------------------------------------- rooms

    def find(self, code: str, kind: str = "") -> PlacedRoom | None:
        """Return the room of a code, if it is of that kind ("" for any)."""
        room = self.rooms.get(code)
        return None if room is None or (kind and room.facts.kind != kind) else room

    def any_of(self, kind: str, now: float) -> PlacedRoom | None:
        """Return a room of a kind that others may be sent to; the fullest that has a place."""
        best: PlacedRoom | None = None
        for room in self.rooms.values():
            facts = room.facts
            if (
                facts.kind == kind
                and not facts.private
                and room.worker is not None
                and room.has_place(now)
                and (best is None or best.expected(now) < room.expected(now))
            ):
                best = room
        return best

    def may_create(self, creator: str) -> bool:
        """Return whether an address may have one more room made; "" for no address."""
        if 0 < self._max_rooms <= len(self.rooms):
            return False
        most = self._max_rooms_per_address
        return not creator or most <= 0 or self._created[creator] < most

    def create(
        self,
        kind: str,
        code: str,
        *,
        creator: str = "",
        options: Mapping[str, str] | None = None,
        private: bool = False,
    ) -> PlacedRoom | None:
        """Choose a worker for a new room; None if there is none.

        Args:
            kind: the name of its kind.
            code: a code that no room has.
            creator: the address of whoever has it made.
            options: what it is opened with.
            private: whether the lobby leaves it out of its list.
        """
        worker = self._emptiest()
        if worker is None:
            return None
        facts = Facts(kind, code, private=private)
        room = PlacedRoom(facts, worker, creator=creator, options=options or {})
        self._add(room)
        return room

    def add_homeless(self, facts: Facts, snapshot: bytes) -> None:
        """Take in a room that was kept; a code that is there already keeps its room.

        Args:
            facts: what it is.
            snapshot: what was kept of it.
        """
        if facts.code not in self.rooms:
            self._add(PlacedRoom(facts, None, Stage.HOMELESS, snapshot=snapshot))

    def _add(self, room: PlacedRoom) -> None:
        self.rooms[room.facts.code] = room
        self._created[room.creator] += 1
        if room.worker in self._loads:
            self._loads[room.worker]["rooms"] += 1

    def sent(self, room: PlacedRoom, now: float, reservation: str = "") -> None:
        """Note that a new player was sent to a room, perhaps to a place that was kept."""
        room.expire(now)  # nobody asks how many are expected where any number may come
        room.reserved.pop(reservation, None)
        room.underway.append(now + UNDERWAY)

    def remember(self, key: bytes, room: PlacedRoom) -> None:
        """Remember for as long as a room is there who was sent to it.

        Args:
            key: the hash of the key of a seat, which a client brings again when it comes back.
            room: the room.
        """
        known = self._of_keys.get(key)
        if known is not None:
            known.keys.pop(key, None)
        self._of_keys[key] = room
        room.keys[key] = None
        if len(room.keys) > max(_LEAST_KEYS, 2 * room.facts.capacity):
            oldest = next(iter(room.keys))
            del room.keys[oldest], self._of_keys[oldest]

    def of_key(self, key: bytes) -> PlacedRoom | None:
        """Return the room that somebody with that key was sent to last."""
        return self._of_keys.get(key)

    def forget(self, code: str) -> None:
        """Forget a room: it has been closed."""
        room = self.rooms.pop(code, None)
        if room is None:
            return
        for key in room.keys:
            del self._of_keys[key]
        room.keys.clear()
        self._created[room.creator] -= 1
        if self._created[room.creator] <= 0:
            del self._created[room.creator]
        if room.worker in self._loads:
            load = self._loads[room.worker]
            load["rooms"] -= 1
            load["players"] -= room.facts.players

    # ---------------------------------------------------------------- what workers tell

    def told(self, worker: int, facts: Facts) -> PlacedRoom | None:
        """Take what a worker says of a room: it is open, or has changed.

        Returns:
            The room; None if another worker has it, which is the one that counts.
        """
        room = self.rooms.get(facts.code)
        if room is None:
            room = PlacedRoom(facts._replace(players=0), worker)
            self._add(room)
        if room.worker != worker:
            return None
        room.stage, room.contained, room.strikes = Stage.OPEN, False, 0
        arrived = facts.arrived - room.facts.arrived  # others may have left meanwhile
        for _ in range(min(arrived, len(room.underway))):
            room.underway.popleft()
        if worker in self._loads:
            self._loads[worker]["players"] += facts.players - room.facts.players
        room.facts = facts
        return room

    def restoring(self, worker: int, code: str) -> None:
        """Note that a worker has begun to restore a room, and may die of it."""
        room = self.rooms.get(code)
        if room is not None and room.worker == worker and room.stage is Stage.OPENING:
            room.stage = Stage.RESTORING

    def kept(self, worker: int, code: str, snapshot: bytes) -> None:
        """Take what a worker keeps of a room."""
        room = self.rooms.get(code)
        if room is not None and room.worker == worker:
            room.snapshot = snapshot

    def closed(self, worker: int, code: str) -> None:
        """Note that a worker has closed a room, or could not open it."""
        room = self.rooms.get(code)
        if room is not None and room.worker == worker:
            self.forget(code)
