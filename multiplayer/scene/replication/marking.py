"""``Marking``: whether properties have been set since they were read, without reading them.

Setting a ``replicated()`` property marks it, so what nobody has set and what cannot change by
itself need not be compared, or encoded, again. Other attributes are always read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.scene.methods.replicated_property import marks_of, replicated_properties

from .snapshots import is_fixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNKNOWN: Final = -1
"""A count that is never that of a :class:`Marking`."""


class Marking:
    """Counts how often some properties of one object have been set.

    Args:
        root: the object.
        names: its attributes; None if there are others among them.

    Attributes:
        count: how often.
        counts: it can be told from :attr:`count` whether one of them has been set.
    """

    __slots__ = ("_names", "_root", "count", "counts")

    def __init__(self, root: object, names: Sequence[str] | None) -> None:
        declared = replicated_properties(type(root))
        self.count = 0
        self._root = root
        self._names = tuple(names or ())
        self.counts = bool(names) and all(name in declared for name in self._names)
        if self.counts:
            for name in self._names:
                marks_of(root).add(name, self._mark)

    def _mark(self) -> None:
        self.count += 1

    def after(self, count: int, values: Iterable[object]) -> int:
        """Return the count that stands for ``values``; :data:`UNKNOWN` if they must be read again.

        Args:
            count: what :attr:`count` was before they were read.
            values: what was read.
        """
        return count if self.counts and all(map(is_fixed, values)) else UNKNOWN

    def end(self) -> None:
        """Count no more."""
        if self.counts:
            for name in self._names:
                marks_of(self._root).remove(name, self._mark)
