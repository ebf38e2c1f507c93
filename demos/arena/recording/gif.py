"""A GIF that moves, from rows of colours; written from the GIF89a specification (W3C's copy)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST: Final = 1 << 12
"""A code has twelve bits at most (appendix F)."""


def gif(
    size: tuple[int, int],
    palette: list[tuple[int, int, int]],
    frames: Iterable[tuple[bytes, float]],
) -> bytes:
    """Return a file that is played for ever.

    Args:
        size: width and height, in pixels.
        palette: at most 256 colours, as red, green and blue from 0 to 255.
        frames: for each its pixels, row by row, a byte each: which colour of the palette, 0 for
            what was there before; and for how long it is shown, in seconds.
    """
    bits = max((len(palette) - 1).bit_length(), 2)
    colours = b"".join(bytes(each) for each in palette).ljust(3 << bits, b"\0")
    pieces = [b"GIF89a", struct.pack("<HHBBB", *size, 0xF0 | (bits - 1), 1, 0), colours]
    pieces.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")  # again and again
    for pixels, seconds in frames:
        # Leave it there afterwards; the colour 0 is transparent.
        pieces.append(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 0x05, round(100 * seconds), 0, 0))
        pieces.append(struct.pack("<BHHHHBB", 0x2C, 0, 0, *size, 0, bits))
        packed = _packed(pixels, bits)
        for at in range(0, len(packed), 255):
            block = packed[at : at + 255]
            pieces += [bytes([len(block)]), block]
        pieces.append(b"\0")
    return b"".join([*pieces, b"\x3b"])


def _packed(pixels: bytes, bits: int) -> bytes:
    """Return pixels, compressed (appendix F); the lowest bits come first."""
    packed, waiting, held = bytearray(), 0, 0
    for code, width in _codes(pixels, bits):
        waiting |= code << held
        held += width
        while held >= 8:
            packed.append(waiting & 255)
            waiting >>= 8
            held -= 8
    if held:
        packed.append(waiting)
    return bytes(packed)


def _codes(pixels: bytes, bits: int) -> Iterator[tuple[int, int]]:
    """Yield codes, and how many bits each has."""
    clear = 1 << bits
    known: dict[int, int] = {}  # a code and one more pixel, as one number
    following, width = clear + 2, bits + 1
    yield clear, width
    run = pixels[0]
    for pixel in pixels[1:]:
        longer = run << 8 | pixel
        if longer in known:
            run = known[longer]
            continue
        yield run, width
        if following < _LONGEST:
            known[longer] = following
            following += 1
            if following > 1 << width and width < 12:
                width += 1
        else:
            yield clear, width
            known.clear()
            following, width = clear + 2, bits + 1
        run = pixel
    yield run, width
    # The reader has one more now, too, and so maybe wider codes.
    yield clear + 1, width + 1 if following == 1 << width and width < 12 else width
