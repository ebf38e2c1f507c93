"""How deeply msgpack data is nested, found out at the speed of C.

msgpack counts levels by itself, but only against its own limit of 1024. So the data is read inside
arrays that use up the surplus levels; nothing is built from what is read.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import msgpack

_LEVELS: Final = 1024
"""How many nested containers msgpack reads."""

_KEPT: Final = 65536
"""The longest data whose buffer is kept, in bytes."""

_CONTAINERS: Final = frozenset((*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF))
"""First bytes of arrays and maps."""

_ENDLESS: Final = b"\xdd\xff\xff\xff\xff"
"""Start of the innermost array: it always has room for other data."""


class Gauge:
    """Checks whether data is nested deeper than ``max_depth``.

    Args:
        max_depth: how deeply containers may be nested.
    """

    def __init__(self, max_depth: int) -> None:
        used_up = max(_LEVELS - max_depth, 1)
        self._around = b"\x91" * (used_up - 1) + _ENDLESS
        self._max_depth = max_depth
        # Making one takes longer than reading a few kilobytes. Each is used by one call at a time.
        self._idle: list[msgpack.Unpacker] = []

    def passes(self, data: bytes) -> bool:
        """Return whether nothing in ``data`` is too deep; False may also mean that it is unknown.

        An empty container counts as if something were inside.

        Args:
            data: exactly one msgpack value. The contents of extension types are not examined.
        """
        if data[0] not in _CONTAINERS or len(data) <= self._max_depth:
            return True  # each level takes a byte
        if not (0 < self._max_depth < _LEVELS and _counts_levels()):
            return False
        return self.reads(data)

    def reads(self, data: bytes) -> bool:
        """Return whether msgpack reads ``data`` with the levels that are left."""
        try:
            unpacker = self._idle.pop()
        except IndexError:
            unpacker = msgpack.Unpacker(max_buffer_size=0)
            unpacker.feed(self._around)
        unpacker.feed(data)
        try:
            unpacker.skip()
        except msgpack.OutOfData:  # always: the innermost array has room for more
            if len(data) <= _KEPT:
                self._idle.append(unpacker)
            return True
        except msgpack.StackError:
            pass
        return False


@cache
def gauge(max_depth: int) -> Gauge:
    """Return the gauge for that depth, the same one each time."""
    return Gauge(max_depth)


@cache
def _counts_levels() -> bool:
    """Return whether this msgpack counts as that of 1.1 does; the one without C does not."""
    tried = Gauge(2)
    deep, too_deep = (b"\x91" * depth + b"\xc0" for depth in (2, 3))
    try:
        return [tried.reads(data) for data in (deep, too_deep, deep, deep, too_deep)] == [
            True, False, True, True, False,
        ]  # fmt: skip
    except RecursionError:
        return False
