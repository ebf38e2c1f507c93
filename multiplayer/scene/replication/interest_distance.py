"""``DistanceInterest``: peers see what is near them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from multiplayer.support.number_setting import check_number

from .interest import Filtered, take_out
from .interest_grid import Cell, Grid, cells_around
from .interest_space import Position, SpaceInterest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multiplayer.scene.multiplayer_api import MultiplayerAPI

One = TypeVar("One")

_NEIGHBOURS: Final = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]


class DistanceInterest(SpaceInterest):
    """A peer sees what is within a distance.

    Moving something costs as much as there are peers or synchronizers about as near as that.

    Args:
        radius: the distance, above 0.
        margin: how much farther away something must be to vanish again, so that what walks on the
            border does not come and go.
        api: see :class:`Interest`.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: one of them is out of range.
    """

    def __init__(
        self, radius: float, *, margin: float = 0, api: MultiplayerAPI | None = None
    ) -> None:
        super().__init__(api)
        self._appear = check_number("radius", radius, above_zero=True)
        self._vanish = self._appear + check_number("margin", margin)
        grid = Grid(self._vanish)
        self._things: _Places[Filtered] = _Places(grid)
        self._peers: _Places[int] = _Places(grid)
        self._seen_by: dict[Filtered, dict[int, None]] = {}
        self._sees: dict[int, dict[Filtered, None]] = {}

    def sees(self, peer: int, synchronizer: Filtered) -> bool:
        """Return whether ``synchronizer`` is near enough to ``peer``."""
        return peer in self._seen_by.get(synchronizer, ())

    # As in a grid: ``_sees`` may name too many after an interrupt, and never too few. What is so is
    # in ``_seen_by``.

    def _place(self, synchronizer: Filtered, position: Position) -> None:
        before = self._seen_by.get(synchronizer, {})
        now = self._near(position, self._peers, before)
        if now != before or synchronizer not in self._seen_by:
            self._note([(synchronizer, peer) for peer in before.keys() ^ now.keys()])
            for peer in now:
                self._sees.setdefault(peer, {})[synchronizer] = None
            self._seen_by[synchronizer] = now
            for peer in before:
                if peer not in now:
                    take_out(self._sees, peer, synchronizer)
        self._things.put(synchronizer, position)

    def _place_peer(self, peer: int, position: Position) -> None:
        seen = [each for each in self._sees.get(peer, ()) if self.sees(peer, each)]
        before = dict.fromkeys(seen)
        now = self._near(position, self._things, before)
        gone = [each for each in before if each not in now]
        come = [each for each in now if each not in before]
        self._note([(synchronizer, peer) for synchronizer in gone + come])
        for synchronizer in come:
            self._sees.setdefault(peer, {})[synchronizer] = None
            self._seen_by[synchronizer][peer] = None
        for synchronizer in gone:
            self._seen_by[synchronizer].pop(peer, None)
            take_out(self._sees, peer, synchronizer)
        self._peers.put(peer, position)

    def _near(
        self, position: Position, places: _Places[One], before: dict[One, None]
    ) -> dict[One, None]:
        """Return what is near enough, with more patience for what was ``before``."""
        vanish, appear = self._vanish, self._appear
        near: dict[One, None] = {}
        for one, other in places.around(position):
            distance = _distance(position, other)
            if distance <= appear or (distance <= vanish and one in before):
                near[one] = None
        return near

    def _forget(self, synchronizer: Filtered) -> None:
        self._things.remove(synchronizer)
        for peer in self._seen_by.pop(synchronizer, ()):
            take_out(self._sees, peer, synchronizer)

    def _forget_peer(self, peer: int) -> None:
        self._peers.remove(peer)
        for synchronizer in self._sees.pop(peer, ()):
            self._seen_by.get(synchronizer, {}).pop(peer, None)

    def _seen_by_peer(self, peer: int) -> Iterable[Filtered]:
        return [*self._sees.get(peer, ())]


class _Places(Generic[One]):
    """Where things are, and which of them are about there."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._cells: dict[One, Cell | None] = {}
        self._inside: dict[Cell, dict[One, Position]] = {}

    def put(self, one: One, position: Position) -> None:
        """Note where ``one`` is now."""
        cell, before = self._grid.cell_at(position), self._cells.get(one)
        if cell is not None:
            self._inside.setdefault(cell, {})[one] = position
        self._cells[one] = cell
        if cell != before:
            take_out(self._inside, before, one)

    def remove(self, one: One) -> None:
        """Forget where ``one`` is."""
        take_out(self._inside, self._cells.pop(one, None), one)

    def around(self, position: Position) -> Iterable[tuple[One, Position]]:
        """Return what may be as near as a cell is long."""
        cell = self._grid.cell_at(position)
        if cell is None:
            return []
        find = self._inside.get
        if len(cell) == 2:  # as most are, in less time
            x, y = cell
            tables = [find((x + to_x, y + to_y)) for to_x, to_y in _NEIGHBOURS]
        else:
            tables = [find(at) for at in cells_around(cell, 1)]
        return [each for table in tables if table for each in table.items()]


def _distance(position: Position, other: Position) -> float:
    return math.dist(position, other) if len(position) == len(other) else math.inf
