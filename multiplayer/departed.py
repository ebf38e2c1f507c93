"""``Departed``: who has left a session, so that what comes too late for them is no mistake."""

from __future__ import annotations

from typing import Final

MOST_REMEMBERED: Final = 4096
"""How many ids are remembered; an older one counts as one that never was."""


class Departed:
    """The last ids that left a session.

    A program cannot know that somebody has just left: an answer that was computed meanwhile, or a
    decision to throw them out, comes a moment too late. Such a thing is dropped and counted. An id
    that never was is a mistake of the program's, and raises.
    """

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[int, None] = {}  # the first in it left first

    def __contains__(self, peer: int) -> bool:
        return peer in self._ids

    def add(self, peer: int) -> None:
        """``peer`` has left."""
        self._ids.pop(peer, None)
        self._ids[peer] = None
        if len(self._ids) > MOST_REMEMBERED:
            del self._ids[next(iter(self._ids))]

    def discard(self, peer: int) -> None:
        """Somebody has joined with that id."""
        self._ids.pop(peer, None)

    def clear(self) -> None:
        """Another session begins."""
        self._ids.clear()
