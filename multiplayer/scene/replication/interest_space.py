"""``GridInterest`` and ``DistanceInterest``: peers see what is near them.

Positions are two numbers or three: a ``Vector2``, a ``Vector3``, a tuple. What is at NAN or at an
infinite place is nowhere: nobody sees it, and a peer there sees nothing.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from itertools import product
from typing import TYPE_CHECKING, Generic, TypeVar

from multiplayer.support.number_setting import check_number

from .interest import Filtered, Interest, check_peer, take_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from multiplayer.scene.multiplayer_api import MultiplayerAPI

Cell = tuple[int, ...]
Position = tuple[float, ...]
One = TypeVar("One")
Other = TypeVar("Other")


class SpaceInterest(Interest):
    """What both kinds have in common."""

    def add(self, synchronizer: Filtered, position: Iterable[float]) -> None:
        """Decide who sees ``synchronizer``, which is at ``position``.

        If it was added before, it moves there.
        """
        if synchronizer in self._filters:
            self.move(synchronizer, position)
            return
        self._place(synchronizer, tuple(position))
        self._begin(synchronizer)

    def move(self, synchronizer: Filtered, position: Iterable[float]) -> None:
        """Note that ``synchronizer`` is at ``position`` now.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it was not added.
        """
        self._check_added(synchronizer)
        peers = self._place(synchronizer, tuple(position))
        if peers:
            self._update([(synchronizer, peer) for peer in peers])

    def place_peer(self, peer: int, position: Iterable[float]) -> None:
        """Note that ``peer`` looks from ``position`` now.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not the id of one peer.
        """
        changed = self._place_peer(check_peer(peer), tuple(position))
        if changed:
            self._update([(synchronizer, peer) for synchronizer in changed])

    @abstractmethod
    def _place(self, synchronizer: Filtered, position: Position) -> Iterable[int]:
        """Keep where a synchronizer is, and return the peers for whom that changes something."""

    @abstractmethod
    def _place_peer(self, peer: int, position: Position) -> Iterable[Filtered]:
        """Keep where a peer is, and return what appears or vanishes for it."""


class GridInterest(SpaceInterest):
    """A peer sees what is in its cell of a grid and in the cells around it.

    The cheapest: moving within a cell changes nothing.

    Args:
        cell_size: the length of a cell's edges, above 0.
        radius: how many cells a peer sees in each direction beside its own.
        margin: how far something must leave its cell to count as in the next one, so that what
            walks on the border does not come and go.
        api: see :class:`Interest`.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: one of them is out of range.
    """

    def __init__(
        self,
        cell_size: float,
        *,
        radius: int = 1,
        margin: float = 0,
        api: MultiplayerAPI | None = None,
    ) -> None:
        super().__init__(api)
        self._grid = _Grid(check_number("cell_size", cell_size, above_zero=True))
        self._radius = int(check_number("radius", radius, whole=True))
        self._margin = check_number("margin", margin)
        self._cells: dict[Filtered, Cell | None] = {}
        self._inside: dict[Cell, dict[Filtered, None]] = {}
        self._cells_of_peers: dict[int, Cell | None] = {}
        self._viewers: dict[Cell, dict[int, None]] = {}

    def sees(self, peer: int, synchronizer: Filtered) -> bool:
        """Return whether ``synchronizer`` is in one of the cells that ``peer`` sees."""
        return peer in self._seen_from(self._cells.get(synchronizer))

    def _seen_from(self, cell: Cell | None) -> dict[int, None]:
        return {} if cell is None else self._viewers.get(cell, {})

    def _place(self, synchronizer: Filtered, position: Position) -> Iterable[int]:
        before = self._cells.get(synchronizer)
        cell = self._grid.cell_at(position, before, self._margin)
        if cell == before and synchronizer in self._cells:
            return ()
        take_out(self._inside, before, synchronizer)
        self._cells[synchronizer] = cell
        if cell is not None:
            self._inside.setdefault(cell, {})[synchronizer] = None
        return self._seen_from(before).keys() ^ self._seen_from(cell).keys()

    def _place_peer(self, peer: int, position: Position) -> Iterable[Filtered]:
        before = self._cells_of_peers.get(peer)
        cell = self._grid.cell_at(position, before, self._margin)
        if cell == before:
            return ()
        saw, sees = self._around(before), self._around(cell)
        self._cells_of_peers[peer] = cell
        for left in saw - sees:
            take_out(self._viewers, left, peer)
        for new in sees - saw:
            self._viewers.setdefault(new, {})[peer] = None
        return [each for changed in saw ^ sees for each in self._inside.get(changed, ())]

    def _around(self, cell: Cell | None) -> set[Cell]:
        return set() if cell is None else set(_cells_around(cell, self._radius))

    def _forget(self, synchronizer: Filtered) -> None:
        take_out(self._inside, self._cells.pop(synchronizer, None), synchronizer)

    def _forget_peer(self, peer: int) -> Iterable[Filtered]:
        changed = self._place_peer(peer, ())
        self._cells_of_peers.pop(peer, None)
        return changed


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
        grid = _Grid(self._vanish)
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


class _Grid:
    """Cells of equal size."""

    def __init__(self, size: float) -> None:
        self._size = size

    def cell_at(
        self, position: Sequence[float], before: Cell | None = None, margin: float = 0
    ) -> Cell | None:
        """Return the cell of a position; None for no place.

        Args:
            position: numbers.
            before: stay in that cell unless the position is farther outside than ``margin``.
            margin: see there.
        """
        size = self._size
        try:
            cell = tuple([int(number // size) for number in position])
        except (ValueError, OverflowError):  # of NAN, of what is infinite
            return None
        if margin and before is not None and cell != before and len(before) == len(cell):
            low, high = -margin, size + margin
            if all(
                low <= at - edge * size < high for at, edge in zip(position, before, strict=True)
            ):
                return before
        return cell or None


class _Places(Generic[One]):
    """Where things are, and which of them are about there."""

    def __init__(self, grid: _Grid) -> None:
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
        return [each for at in _cells_around(cell, 1) for each in inside.get(at, {}).items()]


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


def _cells_around(cell: Cell, radius: int) -> Iterable[Cell]:
    return product(*[range(number - radius, number + radius + 1) for number in cell])


def _distance(position: Position, other: Position) -> float:
    return math.dist(position, other) if len(position) == len(other) else math.inf
