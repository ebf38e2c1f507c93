"""As much of a terminal as ``rich`` asks of one."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_PIECE: Final = re.compile(r"\x1b\[(\??[\d;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]")

_COLOURS: Final = (
    (24, 26, 32),
    (226, 86, 86),
    (86, 196, 120),
    (220, 196, 84),
    (96, 140, 240),
    (200, 110, 220),
    (86, 200, 214),
    (214, 218, 226),
)
BACKGROUND: Final = _COLOURS[0]
TEXT: Final = _COLOURS[7]


class Cell(NamedTuple):
    """A character and its colour; bold ones are only brighter."""

    letter: str = " "
    colour: tuple[int, int, int] = TEXT


class Terminal:
    """What is to be seen after what a program has written.

    Args:
        columns: how wide it is, in characters.
        rows: how high.

    Attributes:
        cells: what is shown, row by row.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.cells = [[Cell()] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._colour = TEXT

    def write(self, words: str) -> None:
        """Show what a program writes; whole sequences only."""
        for piece in _PIECE.finditer(words):
            if piece[2]:
                self._obey(piece[2], [int(each or 0) for each in piece[1].lstrip("?").split(";")])
            elif piece[0] == "\r":
                self._column = 0
            elif piece[0] == "\n":
                self._feed()
            else:
                if self._column == self.columns:
                    self._column = 0
                    self._feed()
                self.cells[self._row][self._column] = Cell(piece[0], self._colour)
                self._column += 1

    def _feed(self) -> None:
        self._row += 1
        if self._row == len(self.cells):
            self._row -= 1
            self.cells = [*self.cells[1:], [Cell()] * self.columns]

    def _obey(self, what: str, numbers: list[int]) -> None:
        if what == "A":
            self._row = max(self._row - (numbers[0] or 1), 0)
        elif what == "K":
            first = 0 if numbers[0] == 2 else self._column
            self.cells[self._row][first:] = [Cell()] * (self.columns - first)
        elif what == "m":
            self._take_colour(numbers)

    def _take_colour(self, numbers: list[int]) -> None:
        if numbers[:2] == [38, 5]:
            grey = 8 + 10 * (numbers[2] - 232)
            self._colour = (grey, grey, grey)
        for number in numbers if numbers[0] != 38 else ():
            if number in (0, 39):
                self._colour = TEXT
            elif 30 <= number <= 37:
                self._colour = _COLOURS[number - 30]
            elif 90 <= number <= 97:
                red, green, blue = _COLOURS[number - 90]
                self._colour = (min(red + 20, 255), min(green + 20, 255), min(blue + 20, 255))
