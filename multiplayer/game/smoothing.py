"""``Smoothing``: a correction that is not seen as a jump."""

from __future__ import annotations

from typing import Generic, TypeVar

from multiplayer.support.number_setting import check_number

from .linear import Linear

V = TypeVar("V", bound=Linear)


class Smoothing(Generic[V]):
    """Shows a value that was corrected where it was, and lets the difference die away.

    Only what is drawn is smooth: the game's own state is right at once.

    Args:
        half_life: after how many seconds half of a difference is left.
        most: a difference larger than this is shown at once, as by a respawn; None for none. Its
            size is ``abs()`` of a number, ``length()`` of a vector.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: an argument is not above 0.
    """

    def __init__(self, half_life: float = 0.05, *, most: float | None = None) -> None:
        self._half_life = check_number("half_life", half_life, above_zero=True)
        self._most = None if most is None else check_number("most", most, above_zero=True)
        self._error: V | None = None
        self._looked = 0.0

    def corrected(self, before: V, after: V, now: float) -> None:
        """Take note that a value was corrected.

        Args:
            before: what it was.
            after: what it is now. A difference that is not finite is left out.
            now: the time, in seconds, on the clock of :meth:`shown`.
        """
        error = before - after
        left = self._left(now)
        if left is not None:
            error = error + left
        self._error, self._looked = error, now
        # Nothing would die away of what is not a number, and all later errors would be none, too.
        if not _is_finite(error) or (self._most is not None and _size(error) > self._most):
            self._error = None

    def shown(self, value: V, now: float) -> V:
        """Return what to draw for a value.

        Args:
            value: the value.
            now: the time, in seconds.
        """
        left = self._left(now)
        return value if left is None else value + left

    def _left(self, now: float) -> V | None:
        """Return what is left of the difference; None if that is nothing."""
        if self._error is None:
            return None
        halves = max(now - self._looked, 0.0) / self._half_life
        if halves > 40:  # a millionth of a millionth
            self._error = None
            return None
        return self._error * 0.5**halves


def _is_finite(value: Linear) -> bool:
    none = value - value  # without size, if it is finite: infinity less infinity is no number
    return none == none  # what is no number is not equal to itself


def _size(value: Linear) -> float:
    length = getattr(value, "length", None)
    return float(length()) if callable(length) else abs(value)  # type: ignore[arg-type]
