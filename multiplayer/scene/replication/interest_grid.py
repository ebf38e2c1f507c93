"""``GridInterest``: peers see what is in the cells around them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final, NamedTuple

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
        self._views: dict[int, _View] = {}
        self._viewers: dict[Cell, dict[int, None]] = {}

    def sees(self, peer: int, synchronizer: Filtered) -> bool:
        """Return whether ``synchronizer`` is in one of the cells that ``peer`` sees."""
        cell = self._cells.get(synchronizer)
        return cell is not None and cell in self._views.get(peer, _NOTHING).around

    # In what follows, a table that others are found by may name somebody too many after an
    # interrupt, and never too few: it is added to first, and taken from last.

    def _place(self, synchronizer: Filtered, position: Position) -> None:
        before = self._cells.get(synchronizer)
        cell = self._grid.cell_at(position, before, self._margin)
        if cell == before and synchronizer in self._cells:
            return
        peers = self._seen_from(before).keys() ^ self._seen_from(cell).keys()
        self._note([(synchronizer, peer) for peer in peers])
        if cell is not None:
            self._inside.setdefault(cell, {})[synchronizer] = None
        self._cells[synchronizer] = cell
        take_out(self._inside, before, synchronizer)

    def _seen_from(self, cell: Cell | None) -> dict[int, None]:
        return {} if cell is None else self._viewers.get(cell, {})

    def _place_peer(self, peer: int, position: Position) -> None:
        before = self._views.get(peer, _NOTHING)
        cell = self._grid.cell_at(position, before.cell, self._margin)
        if cell == before.cell:
            return
        cells = () if cell is None else cells_around(cell, self._radius)
        around: frozenset[Cell] = frozenset(cells)
        for changed in before.around ^ around:
            self._note([(each, peer) for each in self._inside.get(changed, ())])
        for new in around - before.around:
            self._viewers.setdefault(new, {})[peer] = None
        self._views[peer] = _View(cell, around)
        for left in before.around - around:
            take_out(self._viewers, left, peer)

    def _forget(self, synchronizer: Filtered) -> None:
        take_out(self._inside, self._cells.pop(synchronizer, None), synchronizer)

    def _forget_peer(self, peer: int) -> None:
        for cell in self._views.pop(peer, _NOTHING).around:
            take_out(self._viewers, cell, peer)

    def _seen_by_peer(self, peer: int) -> Iterable[Filtered]:
        around = self._views.get(peer, _NOTHING).around
        return [each for cell in around for each in self._inside.get(cell, ())]


class _View(NamedTuple):
    """What a peer sees.

    Attributes:
        cell: where it is; None for nowhere.
        around: the cells.
    """

    cell: Cell | None
    around: frozenset[Cell]


_NOTHING: Final = _View(None, frozenset())


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
