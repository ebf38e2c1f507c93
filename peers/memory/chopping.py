"""How a network in memory cuts the bytes that go through it: TCP promises no boundaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from multiplayer.testing.simulation.chance import Chance

Chop = Literal["", "bytes", "random"]
"""``""``: a read returns all that has come, a write takes all there is room for; ``"bytes"``: one
byte at a time; ``"random"``: anything between, and some reads find nothing yet."""

_CHOPS: Final = ("", "bytes", "random")

_LONGEST: Final = 17
"""Random pieces have fewer than 2 to this many bytes."""

_NOTHING_IN: Final = 8
"""One random read in so many finds nothing, so that writes arrive together."""


class Chopping:
    """Decides how many bytes one call moves; moves all that it can.

    Args:
        chop: how; see :data:`Chop`.
        chance: what random pieces come from.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``chop`` is none of these.
    """

    __slots__ = ("_chance", "_chop")

    def __init__(self, chop: Chop, chance: Chance) -> None:
        if chop not in _CHOPS:
            message = f'chop must be "", "bytes" or "random", not {chop!r}'
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._chop = chop
        self._chance = chance

    def read(self, size: int) -> int:
        """Return how many of ``size`` bytes that are there a read returns; 0 if not one yet."""
        if self._chop == "random" and not self._chance.bits(32) % _NOTHING_IN:
            return 0
        return self.write(size)

    def write(self, size: int) -> int:
        """Return how many of ``size`` bytes a write takes; at least one."""
        if not self._chop or size <= 1:
            return size
        if self._chop == "bytes":
            return 1
        length = self._chance.bits(32) % _LONGEST
        return min(size, 1 + self._chance.bits(length))
