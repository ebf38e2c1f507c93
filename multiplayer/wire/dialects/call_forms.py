"""Where calls by numbers have what makes them alike, and how to read their values in one pass.

A call's *head* are its first bytes, up to the number of its values: whatever depends on them alone
need be found out once. See ``multiplayer/scene/calls/straight_calls.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .flat_values import read_flat, read_flat_3, read_flat_msgpack

if TYPE_CHECKING:
    from collections.abc import Callable

WITH_NAME: Final = 128
"""Added to where a name begins: the head reaches to the byte behind the name's NUL."""

BARE: Final = -1
"""In place of a number of values: a call without one, whose only value is the rest, if any."""

_FIXED_ARRAY: Final = range(0x90, 0xA0)
_GODOT_4_COUNTS_NOT: Final = 0x80


class CallForm(NamedTuple):
    """What a dialect's calls look like.

    Attributes:
        sizes: how long a head is, by its first byte; 0 for what is no call.
        count_of: returns how many values follow a head; :data:`BARE`, or None for one that must
            not be used.
        read: returns values: takes a packet, where they begin, and how many there are; None for
            what it does not know.
    """

    sizes: bytes
    count_of: Callable[[bytes, int], int | None]
    read: Callable[[bytes, int, int], list[object] | None]

    def sizes_behind(self, at: int) -> bytes:
        """Return the sizes with an envelope of ``at`` bytes before each packet."""
        return bytes(size + at if size else 0 for size in self.sizes)


def _godot4_size(first: int) -> int:
    of_node = first >> 4 & 3
    if first & 7 or of_node == 3:
        return 0
    size = 1 + (1 << of_node) + (2 if first & 0x40 else 1)
    return size if first & _GODOT_4_COUNTS_NOT else size + 1


def _godot4_count(head: bytes, at: int) -> int | None:
    return BARE if head[at] & _GODOT_4_COUNTS_NOT else head[-1]


def _native_count(head: bytes, at: int) -> int | None:
    del at
    return head[-1] & 0x0F if head[-1] in _FIXED_ARRAY else None


def _godot3_count(head: bytes, at: int) -> int:
    del at
    return head[-1]


GODOT_3_CALLS: Final = CallForm(bytes((WITH_NAME + 5,)) + bytes(255), _godot3_count, read_flat_3)
GODOT_4_CALLS: Final = CallForm(bytes(map(_godot4_size, range(256))), _godot4_count, read_flat)
NATIVE_CALLS: Final = CallForm(bytes((8,)) + bytes(255), _native_count, read_flat_msgpack)
