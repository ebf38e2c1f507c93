"""What every contestant does: calls of one shape, a window at a time.

The receiver tells after each window that it has handled it; four windows are under way at a time,
so that neither side waits for the other and nothing piles up.
"""

from __future__ import annotations

import time

WINDOW = 250
WINDOWS_UNDER_WAY = 4

ARGUMENTS = (7, 1.5, -2.25, "walk")
"""Entity, x, y, state: what a game sends all the time."""


class Receiver:
    """Counts the calls that were handled."""

    def __init__(self) -> None:
        self._handled = 0

    def handle(self) -> bool:
        """Note a call; return whether a window is complete."""
        self._handled += 1
        return self._handled % WINDOW == 0


class Sender:
    """Says when to send the next window, and how fast it went."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun = 0.0
        self._told = 0
        self.calls_a_second = 0.0

    def begin(self) -> None:
        """The first windows are about to be sent."""
        self._begun = time.perf_counter()

    def told(self) -> bool:
        """A window was handled; return whether to send another one."""
        self._told += 1
        taken = time.perf_counter() - self._begun
        if taken < self._seconds:
            return True
        self.calls_a_second = self.calls_a_second or self._told * WINDOW / taken
        return False
