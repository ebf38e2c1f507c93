"""The pictures of the README, and what makes them."""

from __future__ import annotations

import random
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from demos.arena.recording.gif import gif
from demos.arena.recording.terminal import TEXT, Cell, Terminal
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small(picture: Path) -> None:
    assert picture.stat().st_size < 300 * 1024


@pytest.mark.parametrize("colours", [2, 5, 60, 256])
@pytest.mark.parametrize("dull", [False, True], ids=["at random", "in runs"])
def test_another_reader_sees_the_pixels_of_a_gif(colours: int, dull: bool) -> None:
    pygame = pytest.importorskip("pygame")  # whose SDL_image reads it
    chance = random.Random(colours)
    palette = [
        (0, 0, 0),
        *((each, 255 - each, chance.randrange(256)) for each in range(1, colours)),
    ]
    width, height = 160, 90  # more than 4096 codes
    pixels = bytes(chance.randrange(1, colours) for _ in range(width * height))
    if dull:
        pixels = b"".join(bytes([each]) * 10 for each in pixels[::10])
    image = pygame.image.load(BytesIO(gif((width, height), palette, [(pixels, 0.1)])), "x.gif")
    assert image.get_size() == (width, height)
    expected = b"".join(bytes(palette[each]) for each in pixels)
    assert pygame.image.tobytes(image, "RGB") == expected


def test_every_length_of_a_gif_ends_well() -> None:
    pygame = pytest.importorskip("pygame")
    palette = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)]
    chance = random.Random(1)
    for width in range(1, 200):  # the last code is as wide as the reader thinks
        pixels = bytes(chance.randrange(1, 4) for _ in range(width))
        image = pygame.image.load(BytesIO(gif((width, 1), palette, [(pixels, 0.1)])), "x.gif")
        assert pygame.image.tobytes(image, "RGB") == b"".join(bytes(palette[at]) for at in pixels)


def test_a_terminal_shows_what_is_written_last() -> None:
    terminal = Terminal(6, 3)
    terminal.write("one\r\n\x1b[1;91mtwo\x1b[0m!\r\x1b[1A\x1b[2KONE\r\n\r\nthree\r\nfour")
    shown = ["".join(cell.letter for cell in row) for row in terminal.cells]
    assert shown == ["two!  ", "three ", "four  "]
    assert terminal.cells[0][0].colour != TEXT
    assert terminal.cells[0][3] == Cell("!", TEXT)
    terminal.write("abc")
    assert ["".join(cell.letter for cell in row) for row in terminal.cells] == [
        "three ",
        "fourab",
        "c     ",
    ]
