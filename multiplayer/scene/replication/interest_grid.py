"""``GridInterest``: peers see what is in the cells around them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from multiplayer.support.number_setting import check_number

from .interest import take_out
from .interest_space import SpaceInterest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from multiplayer.scene.multiplayer_api import MultiplayerAPI

    from .interest import Filtered
    from .interest_space import Position

Cell = tuple[int, ...]


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
        self._grid = Grid(check_number("cell_size", cell_size, above_zero=True))
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
        return set() if cell is None else set(cells_around(cell, self._radius))

    def _forget(self, synchronizer: Filtered) -> None:
        take_out(self._inside, self._cells.pop(synchronizer, None), synchronizer)

    def _forget_peer(self, peer: int) -> Iterable[Filtered]:
        changed = self._place_peer(peer, ())
        self._cells_of_peers.pop(peer, None)
        return changed


class Grid:
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


def cells_around(cell: Cell, radius: int) -> Iterable[Cell]:
    """Return a cell and those that are at most ``radius`` cells away."""
    return product(*[range(number - radius, number + radius + 1) for number in cell])
