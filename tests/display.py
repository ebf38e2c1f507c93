"""A screen without a monitor: Xvfb, with real keys, a real mouse, and pictures of what is on it.

It speaks the X protocol itself, as far as it needs: keys and the mouse go the way that those of a
hand go (the extension XTEST, version 2.2), and a picture is what the server has (``GetImage``).
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.programs import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Generator

HOW_TO_GET_IT: Final = "Debian package xvfb"

WIDTH: Final = 1200
HEIGHT: Final = 600

KEYS: Final = {"w": 25, "a": 38, "s": 39, "d": 40, "space": 65, "escape": 9}
"""What Xvfb's keyboard, a "pc105 us", calls them (xkb-data, keycodes/evdev)."""

_ROOT_IN_SETUP: Final = 24
_KEY, _BUTTON, _MOTION = 2, 4, 6


def executable() -> str | None:
    return shutil.which("Xvfb")


@dataclass(frozen=True)
class Picture:
    """What was on the screen: four bytes a pixel, blue first.

    Attributes:
        pixels: row by row.
    """

    pixels: bytes

    def where(
        self, colour: tuple[int, int, int], right: int = WIDTH, bottom: int = HEIGHT
    ) -> Generator[tuple[int, int]]:
        """The pixels of exactly this colour (red, green, blue), left of and above a place."""
        blue_first = bytes(reversed(colour))
        for y in range(bottom):
            row = self.pixels[4 * WIDTH * y : 4 * (WIDTH * y + right)]
            at = row.find(blue_first)
            while at >= 0:
                if at % 4 == 0:
                    yield at // 4, y
                at = row.find(blue_first, at + 1)

    def first(self, colour: tuple[int, int, int]) -> tuple[int, int]:
        """The first pixel of this colour, from the top left."""
        for place in self.where(colour):
            return place
        raise AssertionError(f"there is no pixel of the colour {colour}")

    def red_green_blue(self) -> bytes:
        """The same with three bytes a pixel, red first."""
        pixels = bytearray(3 * WIDTH * HEIGHT)
        for at in range(3):
            pixels[at::3] = self.pixels[2 - at :: 4]
        return bytes(pixels)


class Display:
    """A connection to it.

    Args:
        number: the display's.
    """

    def __init__(self, number: int) -> None:
        self.name = f":{number}"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(f"/tmp/.X11-unix/X{number}")
        self._socket.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        accepted, _, _, _, words = struct.unpack("<BBHHH", self._read(8))
        setup = self._read(4 * words)
        assert accepted == 1, setup
        vendor, formats = struct.unpack_from("<H", setup, 16)[0], setup[21]
        screen = 32 + -(-vendor // 4) * 4 + 8 * formats
        (self._root,) = struct.unpack_from("<I", setup, screen)
        self._xtest = self._extension(b"XTEST")

    def close(self) -> None:
        self._socket.close()

    def press(self, key: str) -> None:
        self._fake(_KEY, KEYS[key])

    def release(self, key: str) -> None:
        self._fake(_KEY + 1, KEYS[key])

    def move(self, x: int, y: int) -> None:
        """Put the mouse there."""
        self._fake(_MOTION, 0, x, y)

    def hold_button(self) -> None:
        """Hold the left button down."""
        self._fake(_BUTTON, 1)

    def release_button(self) -> None:
        self._fake(_BUTTON + 1, 1)

    def picture(self) -> Picture:
        """What is on the screen now."""
        whole = struct.pack("<hhHH", 0, 0, WIDTH, HEIGHT)
        answer = self._ask(73, 2, struct.pack("<I", self._root) + whole + b"\xff" * 4)
        return Picture(answer[24:])

    def focus(self) -> None:
        """Give the keyboard to the window that was opened last: there is no window manager."""
        tree = self._ask(15, 0, struct.pack("<I", self._root))
        windows = struct.unpack(f"<{(len(tree) - 24) // 4}I", tree[24:])
        assert windows, "there is no window"
        self._send(42, 1, struct.pack("<II", windows[-1], 0))

    # ---------------------------------------------------------------- the protocol

    def _extension(self, name: bytes) -> int:
        padded = name + b"\0" * (-len(name) % 4)
        answer = self._ask(98, 0, struct.pack("<Hxx", len(name)) + padded)
        assert answer[0], f"this X server has no {name.decode()}"
        return answer[1]

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        event = struct.pack("<BBxxII8xhh7xx", kind, detail, 0, 0, x, y)
        self._send(self._xtest, 2, event)
        self._ask(43, 0, b"")  # GetInputFocus: its answer says that the above has been done

    def _send(self, opcode: int, data: int, body: bytes) -> None:
        self._socket.sendall(struct.pack("<BBH", opcode, data, 1 + len(body) // 4) + body)

    def _ask(self, opcode: int, data: int, body: bytes) -> bytes:
        """Send a request and return the answer, from its eighth byte on."""
        self._send(opcode, data, body)
        while True:
            head = self._read(32)
            assert head[0] != 0, f"the X server has answered with error {head[1]}"
            if head[0] == 1:
                (words,) = struct.unpack_from("<I", head, 4)
                return head[8:] + self._read(4 * words)

    def _read(self, length: int) -> bytes:
        pieces = bytearray()
        while len(pieces) < length:
            piece = self._socket.recv(length - len(pieces))
            assert piece, "the X server has gone"
            pieces += piece
        return bytes(pieces)


@contextmanager
def running() -> Generator[Display]:
    """Run Xvfb, with a number that nobody else has."""
    program = executable()
    assert program is not None
    ours, its = os.pipe()
    process = subprocess.Popen(
        [
            program,
            "-displayfd",
            str(its),
            "-screen",
            "0",
            f"{WIDTH}x{HEIGHT}x24",
            "-nolisten",
            "tcp",
        ],
        pass_fds=[its],
        stderr=subprocess.DEVNULL,
    )
    os.close(its)
    try:
        with os.fdopen(ours) as lines:
            number = lines.readline()  # the end of the file, if it cannot run
        assert number.strip().isdigit(), f"Xvfb does not run: {process.wait(PATIENCE)}"
        display = Display(int(number))
        try:
            yield display
        finally:
            display.close()
    finally:
        process.terminate()
        process.wait(PATIENCE)
