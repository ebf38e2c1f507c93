"""Codes of rooms: short enough to be read out, long enough not to be guessed.

The letters are those that no other looks like, without vowels, so that no words come of them. How
long a code is depends on how many rooms there are: one guess in a thousand, or fewer, finds one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable

ALPHABET: Final = "34679CDFGHJKMNPQRTVWXY"
"""The letters of a code: 22."""

SHORTEST: Final = 4
"""How many letters a code has at least."""

_BITS: Final = 5
_SPARSE: Final = 1000
"""There are at least so many codes for each that is taken."""
_MOST_DRAWN: Final = 1000
"""So often none is free by bad luck only if ``taken`` is wrong, or the bits are not random."""


def length_of(count: int) -> int:
    """Return how many letters the next code has, where ``count`` rooms are there."""
    length = SHORTEST
    while len(ALPHABET) ** length < _SPARSE * count:
        length += 1
    return length


def draw_code(bits: Callable[[int], int], taken: Callable[[str], bool], count: int) -> str:
    """Return a code that no room has.

    Args:
        bits: returns a number of so many random bits, as ``MultiplayerPeer.randbits`` does.
        taken: returns whether a room has a code.
        count: how many rooms there are.

    Raises:
        MultiplayerError: ``ERR_CANT_CREATE``: a thousand codes were taken.
    """
    length = length_of(count)
    for _ in range(_MOST_DRAWN):
        code = "".join(_letter(bits) for _ in range(length))
        if not taken(code):
            return code
    message = f"no code of {length} letters is free among {_MOST_DRAWN}: the bits are not random"
    raise MultiplayerError(Error.ERR_CANT_CREATE, message)


def _letter(bits: Callable[[int], int]) -> str:
    for _ in range(_MOST_DRAWN):
        number = bits(_BITS)
        if number < len(ALPHABET):
            return ALPHABET[number]
    return ALPHABET[0]  # the bits are not random; the code is not either


def spelled(code: str) -> str:
    """Return a code as it is drawn, from what somebody has typed: ``k7-qx`` is ``K7QX``.

    A code that a program has chosen may look otherwise: try what was typed first.
    """
    return code.replace("-", "").replace(" ", "").upper()
