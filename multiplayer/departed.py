"""``Departed``: who has left a session, so that what comes too late for them is not a mistake."""

from __future__ import annotations

from typing import Final

MOST_REMEMBERED: Final = 4096
"""How many ids are remembered; an older one counts as one that never existed."""


class Departed:
    """The last ids that left a session.

    A program cannot know that somebody has just left: an answer computed meanwhile, or a decision
    to throw them out, comes a moment too late. It is dropped and counted. An id that never existed
    is the program's mistake, and raises.
    """

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[int, None] = {}  # the first in it left first

    def __contains__(self, peer: int) -> bool:
        return peer in self._ids

    def add(self, peer: int) -> None:
        """Note that ``peer`` has left."""
        self._ids.pop(peer, None)
        self._ids[peer] = None
        if len(self._ids) > MOST_REMEMBERED:
            del self._ids[next(iter(self._ids))]

    def discard(self, peer: int) -> None:
        """Note that somebody has joined with that id."""
        self._ids.pop(peer, None)

    def clear(self) -> None:
        """Forget all, since another session begins."""
        self._ids.clear()
