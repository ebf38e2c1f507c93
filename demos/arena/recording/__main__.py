"""``python -m demos.arena.recording``: make the pictures of the README, by playing.

``docs/pictures/demo.gif`` is what ``make demo`` writes to a terminal, and ``window.png`` what
``python -m demos.arena play`` shows, with a bot at its keyboard. Needs the extra ``demos``, a Unix
and the font DejaVu Sans Mono.
"""

from __future__ import annotations

import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pygame

from demos.arena.bots import Bot
from demos.arena.window import Window

from .gif import gif
from .terminal import BACKGROUND, Cell, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demos.arena.movement import Input
    from multiplayer import Vector2

PICTURES: Final = Path(__file__).parents[3] / "docs" / "pictures"

COLUMNS: Final = 100
ROWS: Final = 30
SECONDS: Final = 9
"""How long the demo plays."""

BETWEEN: Final = 0.125
"""How far apart frames are, in seconds."""

LAST: Final = 4.0
"""For how long the summary is shown, in seconds."""

LEVELS: Final = 6
"""How many shades the edge of a letter may have."""


def main() -> int:
    """Make them; return the exit status."""
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    pygame.display.init()
    pygame.font.init()
    frames = [*recorded()]
    path = PICTURES / "demo.gif"
    path.write_bytes(Letters().film(frames))
    print(f"{path}: {path.stat().st_size} bytes, {len(frames)} frames")
    path = PICTURES / "window.png"
    pygame.image.save(played(), path)
    print(f"{path}: {path.stat().st_size} bytes")
    return 0


# -------------------------------------------------------------------- the terminal


def recorded() -> Iterator[tuple[list[list[Cell]], float]]:
    """Run the demo in a terminal; yield what it shows, and for how long."""
    ours, its = pty.openpty()
    ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    program = subprocess.Popen(  # noqa: S603 - it is Python, with words of ours
        [sys.executable, "-m", "demos.arena", "--seconds", str(SECONDS)],
        stdin=its,
        stdout=its,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": ""},
    )
    os.close(its)
    terminal = Terminal(COLUMNS, ROWS)
    terminal.write("$ make demo\r\n")
    shown = time.monotonic()
    last = [[*row] for row in terminal.cells]
    said = b""
    while True:
        if select.select([ours], [], [], 0.015)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # how Linux says that nobody has the other end any more
                piece = b""
            if not piece:
                break
            said += piece
            continue
        if said and time.monotonic() - shown >= BETWEEN:  # a pause: a picture is complete
            yield last, time.monotonic() - shown
            shown = time.monotonic()
            terminal.write(said.decode())
            said = b""
            last = [[*row] for row in terminal.cells]
    yield last, BETWEEN
    terminal.write(said.decode() + "$ ")
    yield terminal.cells, LAST
    os.close(ours)
    program.wait()


class Letters:
    """Letters as pixels, a byte each: a place in the palette; 0 is left for "as before"."""

    def __init__(self) -> None:
        path = pygame.font.match_font("dejavusansmono")
        assert path, "install the font DejaVu Sans Mono (Debian: fonts-dejavu-core)"
        self._font = pygame.font.Font(path, 13)
        self.size = self._font.size("M")
        self.palette: dict[tuple[int, int, int], int] = {(0, 0, 0): 0}
        self.rows = cache(self._rows)

    def _rows(self, cell: Cell) -> list[bytes]:
        surface = pygame.Surface(self.size)
        surface.fill(BACKGROUND)
        if cell.letter == "█":  # without gaps between those of two rows
            surface.fill(cell.colour)
        else:
            surface.blit(self._font.render(cell.letter, True, cell.colour, BACKGROUND), (0, 0))
        width, height = self.size
        return [
            bytes(self._index(surface.get_at((x, y)), cell.colour) for x in range(width))
            for y in range(height)
        ]

    def _index(self, pixel: pygame.Color, colour: tuple[int, int, int]) -> int:
        """Return which colour of the palette is near: one of a few between two."""
        most = max(range(3), key=lambda each: abs(colour[each] - BACKGROUND[each]))
        part = (pixel[most] - BACKGROUND[most]) / ((colour[most] - BACKGROUND[most]) or 1)
        level = round(part * LEVELS) / LEVELS
        mixed = [
            round(dark + (light - dark) * level)
            for dark, light in zip(BACKGROUND, colour, strict=True)
        ]
        red, green, blue = mixed
        return self.palette.setdefault((red, green, blue), len(self.palette))

    def film(self, frames: list[tuple[list[list[Cell]], float]]) -> bytes:
        """Return frames as a GIF."""
        width, height = self.size
        nothing = [bytes(width)] * height
        before: list[list[Cell | None]] = [[None] * COLUMNS for _ in range(ROWS)]
        drawn: list[tuple[bytes, float]] = []
        for cells, seconds in frames:
            pixels = bytearray()
            for row, old in zip(cells, before, strict=True):
                pieces = [
                    nothing if cell == was else self.rows(cell)
                    for cell, was in zip(row, old, strict=True)
                ]
                for y in range(height):
                    pixels += b"".join(piece[y] for piece in pieces)
            before = [[*row] for row in cells]
            drawn.append((bytes(pixels), seconds))
        assert len(self.palette) <= 256, "lower LEVELS"
        return gif((COLUMNS * width, ROWS * height), [*self.palette], drawn)


# -------------------------------------------------------------------- the window


class Played(Window):
    """A window at which a bot sits."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "You")
        bot = Bot(self.client, 5)

        def decided(own: Vector2 | None) -> Input:
            del own
            return bot.decide()

        self.hands.input = decided


def played() -> pygame.Surface:
    """Play in a window for some seconds, and return what it showed when most was going on."""
    arguments = [sys.executable, "-u", "-m", "demos.arena", "--seconds", "14"]
    with subprocess.Popen(  # noqa: S603 - as above
        arguments, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout
        url = re.search(r"ws://\S+", demo.stdout.readline())
        assert url
        window = Played(url[0])
        screen = pygame.display.get_surface()
        assert screen
        best, most = screen.copy(), -1
        pace, begun = pygame.Clock(), time.monotonic()
        while window.turn() and time.monotonic() - begun < 10:
            alive = sum(figure.health > 0 for figure in window.client.figures())
            much = len(window.client.shots()) + 2 * alive
            if window.client.world.phase == "playing" and much > most:
                best, most = screen.copy(), much
            pace.tick(60)
        window.leave()
        demo.stdout.read()
    return best


if __name__ == "__main__":
    sys.exit(main())
