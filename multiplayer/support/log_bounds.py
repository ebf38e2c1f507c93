"""How many log lines one address can cause, however often it comes back as another peer."""

from __future__ import annotations

import ipaddress
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW: Final = 60.0
"""Over how many seconds lines are counted."""

MOST_SOURCES: Final = 1024
"""How many sources are counted at a time; all others together count as one more."""

_NETWORK: Final = 64
"""Bits of an IPv6 address that identify a customer; customers choose the rest themselves."""

_OTHERS: Final = "other addresses"

_Key = tuple[str, bool]


@dataclass(slots=True)
class _Count:
    since: float
    lines: int = 0
    left_out: int = 0


class LogBounds:
    """Allows each source so many lines a minute, then reports in one line how many it left out.

    Warnings and worse have a count of their own, so that a flood of ordinary lines cannot hide
    them. A source therefore has at most twice as many lines, and two more.

    Args:
        tell: takes the level, the line and its fields when there is something left out to report.

    Attributes:
        most: how many lines, 0 for any number.
        due: when :meth:`tell` has something to report; infinity for never.
        left_out: how many lines have been left out in all.
    """

    def __init__(
        self, tell: Callable[[int, str, dict[str, object]], object], most: int = 0
    ) -> None:
        self._tell = tell
        self._counts: dict[_Key, _Count] = {}  # oldest first
        self.most = most
        self.due = math.inf
        self.left_out = 0

    def allow(self, address: str, level: int, now: float) -> bool:
        """Count a line about ``address``; return whether it may be written.

        Args:
            address: an IP address, "" if unknown; of IPv6 the first 64 bits count.
            level: the line's level.
            now: the time, in seconds.
        """
        if not self.most:
            return True
        count = self._count_of((source_of(address), level >= logging.WARNING), now)
        count.lines += 1
        if count.lines <= self.most:
            return True
        count.left_out += 1
        self.left_out += 1
        self.due = min(self.due, count.since + WINDOW)
        return False

    def _count_of(self, key: _Key, now: float) -> _Count:
        self.tell(now)
        if key not in self._counts and len(self._counts) >= 2 * MOST_SOURCES:
            key = (_OTHERS, key[1])
        return self._counts.setdefault(key, _Count(now))

    def tell(self, now: float) -> None:
        """Report what was left out in the minutes that are over, and start those sources anew."""
        while self._counts:
            key, count = next(iter(self._counts.items()))
            if 0 <= now - count.since < WINDOW:  # a clock may have been put back
                break
            self._end(key)
        if self.due <= now:
            rest = (each.since + WINDOW for each in self._counts.values() if each.left_out)
            self.due = min(rest, default=math.inf)

    def tell_all(self) -> None:
        """Report what was left out, also in the minutes that are not over yet."""
        for key in list(self._counts):
            self._end(key)
        self.due = math.inf

    def _end(self, key: _Key) -> None:
        (source, serious), count = key, self._counts.pop(key)
        if not count.left_out:
            return
        level = logging.WARNING if serious else logging.INFO
        what = "warnings" if serious else "lines"
        line = f"{source or 'unknown addresses'}: {count.left_out} further {what} were left out"
        fields: dict[str, object] = {
            "address": source,
            "kind": "log_lines_left_out",
            "count": count.left_out,
        }
        self._tell(level, line, fields)


def source_of(address: str) -> str:
    """Return what lines about an address are counted for: the address itself, or its network."""
    if ":" not in address:
        return address
    try:
        network = ipaddress.ip_network((address.partition("%")[0], _NETWORK), strict=False)
    except ValueError:
        return address
    return str(network)
