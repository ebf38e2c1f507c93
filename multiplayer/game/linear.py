"""``Linear``: what can be drawn between two values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Self


class Linear(Protocol):
    """A number, a ``Vector2`` or the like."""

    def __add__(self, other: Self, /) -> Self:
        """Return the sum."""
        ...

    def __sub__(self, other: Self, /) -> Self:
        """Return the difference."""
        ...

    def __mul__(self, other: float, /) -> Self:
        """Return it so many times as large."""
        ...
