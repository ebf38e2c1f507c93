"""Values that their receiver has not looked at yet."""

from __future__ import annotations

from typing import NamedTuple


class Encoded(NamedTuple):
    """Values that have not been decoded yet: their sender may not be allowed to send them.

    Attributes:
        buffer: the whole packet.
        start: where they begin in it.
        end: where they end at the latest.
        how_many: how many there are; -1 if only the bytes can show it.
    """

    buffer: bytes
    start: int
    end: int
    how_many: int
