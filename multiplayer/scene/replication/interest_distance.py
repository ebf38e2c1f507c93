"""``DistanceInterest``: peers see what is near them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, TypeVar

from multiplayer.support.number_setting import check_number

from .interest import Filtered, take_out
from .interest_grid import Cell, Grid, cells_around
from .interest_space import Position, SpaceInterest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multiplayer.scene.multiplayer_api import MultiplayerAPI

One = TypeVar("One")
Other = TypeVar("Other")


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

    def _place(self, synchronizer: Filtered, position: Position) -> Iterable[int]:
        self._things.put(synchronizer, position)
        before = self._seen_by.get(synchronizer, {})
        now = self._near(position, self._peers, before)
        self._seen_by[synchronizer] = now
        return _differences(before, now, self._sees, synchronizer)

    def _place_peer(self, peer: int, position: Position) -> Iterable[Filtered]:
        self._peers.put(peer, position)
        before = self._sees.get(peer, {})
        now = self._near(position, self._things, before)
        self._sees[peer] = now
        return _differences(before, now, self._seen_by, peer)

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
        _differences(self._seen_by.pop(synchronizer, {}), {}, self._sees, synchronizer)

    def _forget_peer(self, peer: int) -> Iterable[Filtered]:
        self._peers.remove(peer)
        return _differences(self._sees.pop(peer, {}), {}, self._seen_by, peer)


class _Places(Generic[One]):
    """Where things are, and which of them are about there."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._cells: dict[One, Cell | None] = {}
        self._inside: dict[Cell, dict[One, Position]] = {}

    def put(self, one: One, position: Position) -> None:
        """Note where ``one`` is now."""
        cell, before = self._grid.cell_at(position), self._cells.get(one)
        if cell != before:
            take_out(self._inside, before, one)
        self._cells[one] = cell
        if cell is not None:
            self._inside.setdefault(cell, {})[one] = position

    def remove(self, one: One) -> None:
        """Forget where ``one`` is."""
        take_out(self._inside, self._cells.pop(one, None), one)

    def around(self, position: Position) -> Iterable[tuple[One, Position]]:
        """Return what may be as near as a cell is long."""
        cell = self._grid.cell_at(position)
        if cell is None:
            return []
        inside = self._inside
        return [each for at in cells_around(cell, 1) for each in inside.get(at, {}).items()]


def _differences(
    before: dict[One, None],
    now: dict[One, None],
    converse: dict[One, dict[Other, None]],
    other: Other,
) -> list[One]:
    """Return in what two sets differ, and enter that in the converse relation."""
    gone = [one for one in before if one not in now]
    come = [one for one in now if one not in before]
    for one in gone:
        converse.get(one, {}).pop(other, None)
    for one in come:
        converse.setdefault(one, {})[other] = None
    return gone + come


def _distance(position: Position, other: Position) -> float:
    return math.dist(position, other) if len(position) == len(other) else math.inf
