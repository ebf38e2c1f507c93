"""An interrupt at any line, while connections are lost and come back."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.multiplayer.testing.simulation.histories import History, silence, what_fails

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    Trace = Callable[[FrameType, str, Any], "Trace | None"]

__all__ = ["silence"]

RUNS: Final = 12
"""How many interrupts are tried."""

ENDPOINT: Final = str(Path("multiplayer", "endpoint"))


class Steps:
    """Counts the lines of ``multiplayer/endpoint`` that polls run, and raises at one of them."""

    def __init__(self, at: int) -> None:
        self.count = 0
        self._at = at

    def __call__(self, poll: Callable[[], None]) -> None:
        if 0 < self._at <= self.count:
            poll()
            return
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            poll()
        except KeyboardInterrupt:
            if self.count != self._at:
                raise
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, arg: object) -> Trace | None:
        del event, arg
        return self._line if ENDPOINT in frame.f_code.co_filename else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Trace:
        del frame, arg
        if event == "line":
            self.count += 1
            if self.count == self._at:
                raise KeyboardInterrupt
        return self._line


@pytest.mark.timeout(120)
@pytest.mark.parametrize("subject", ["client", "server"])
def test_after_an_interrupt_anywhere_the_same_holds(subject: str) -> None:
    dice = random.Random(subject)
    for seed in range(RUNS):
        short: dict[str, Any] = {"interrupted": subject, "length": 4}
        steps = Steps(0)
        History(seed, **short, inject=steps).run()
        at = dice.randrange(1, steps.count // 3)  # not so late that nobody can come back any more
        assert what_fails(seed, **short, inject=Steps(at)) == "", f"at step {at}"
