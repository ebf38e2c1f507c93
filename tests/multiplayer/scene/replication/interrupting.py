"""An interrupt at one line of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


class Interrupting:
    """Raises KeyboardInterrupt once, at the line of that number among those of a folder.

    Args:
        at: the number; 0 for none.
        within: part of the paths of the files whose lines are counted.

    Attributes:
        lines: how many there have been.
    """

    def __init__(self, at: int, within: str) -> None:
        self.lines = 0
        self._at = at
        self._within = within

    def __call__(self, frame: FrameType, event: str, argument: object) -> Any:
        if self._within not in frame.f_code.co_filename:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._at:
                raise KeyboardInterrupt
        return self
