"""``Budget``: which of many states one peer is sent when there is not room for all.

Stride scheduling. Each state has a *pass*, and those with the lowest go first; sending one adds its
size, divided by its priority, to its pass. So over time each gets bytes in proportion to its
priority, the longer one has waited the more urgent it is, and nothing starves. A tick costs as much
as what is sent in it: states that wait stay in the heap as they are, and nobody walks over them.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.number_setting import check_number

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_PRIORITY: Final = 0.001
GREATEST_PRIORITY: Final = 1000
"""Beyond these, something would practically starve."""

_MOST_PUT_OFF: Final = 8
"""So many states that are too large for now are looked at in a tick; then it is over."""

Key = TypeVar("Key")


class Budget(Generic[Key]):
    """The bytes that one peer gets in a tick.

    A state that is larger than what is left goes out as well, on credit, unless the last credit is
    still being paid back: with what the ticks that follow leave over, and with half of their bytes
    while others overtake a state that waits for that. So the average holds, a state larger than the
    whole budget is sent, too, and it takes from others no more than its share.

    Args:
        size: bytes a tick, above 0.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._room = 0.0
        self._debt = 0.0
        self._overtaken = False  # others went before one that is too large until that is paid
        self._now = 0.0  # the pass of the last state that was taken
        self._ready: list[tuple[float, int, Key]] = []
        self._entries: dict[Key, tuple[float, int]] = {}
        self._out: deque[tuple[float, Key]] = deque()  # with the passes with which they go back
        self._count = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, key: Key) -> None:
        """Let a state take part, beginning with the next to be served; harmless if it does."""
        if key not in self._entries:
            self._push(key, self._now)

    def begin_tick(self) -> None:
        """Give the peer its bytes; what it did not need before is not saved up."""
        debt = max(self._debt - self._room, 0)
        paid_back = min(debt, self.size / 2) if self._overtaken else 0
        self._overtaken = False
        self._debt = debt - paid_back
        self._room = self.size - paid_back

    def spend(self, size: int) -> None:
        """Take bytes that something else needed, such as a header or a reliable packet."""
        self._room -= size

    def take(self, measure: Callable[[Key], tuple[int, float] | None]) -> list[Key]:
        """Return the states whose turn it is, each once; their bytes are spent.

        Args:
            measure: returns how many bytes a state has and its priority, which is above 0; or None
                if it has nothing to say, and takes part no more until it is added again.
        """
        self._put_back()
        taken: list[Key] = []
        put_off = 0
        while self._room > 0 and self._ready and put_off < _MOST_PUT_OFF:
            entry = self._ready[0]
            at, _, key = entry
            measured = measure(key) if self._is_current(entry) else None
            if measured is None:
                if self._is_current(entry):
                    del self._entries[key]
                heappop(self._ready)
                continue
            size, priority = measured
            if size > self._room and self._debt:
                put_off += 1
                self._out.append((at, key))
            else:
                self._room -= size
                self._overtaken = self._overtaken or put_off > 0
                self._now = max(self._now, at)
                taken.append(key)
                self._out.append((at + size / priority, key))
            heappop(self._ready)  # after it was noted: an interrupt must not lose it
        self._put_back()
        return taken

    def _put_back(self) -> None:
        """Put into the heap what this tick, or one that was interrupted, has had out of it."""
        out = self._out
        while out:
            at, key = out[0]
            if key in self._entries:
                self._push(key, at)
            out.popleft()

    def _push(self, key: Key, at: float) -> None:
        self._count += 1
        entry = (at, self._count)
        heappush(self._ready, (*entry, key))
        self._entries[key] = entry

    def _is_current(self, entry: tuple[float, int, Key]) -> bool:
        return self._entries.get(entry[2]) == entry[:2]


def check_priority(priority: float) -> float:
    """Return ``priority`` if it is one.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a number from 0.001 to 1000.
    """
    number = check_number("priority", priority, above_zero=True)
    if not LEAST_PRIORITY <= number <= GREATEST_PRIORITY:
        message = f"priority must be from 0.001 to 1000, with 1 for most things, not {priority}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return number
