"""Arrays as keys of dictionaries, which Python holds only as tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from multiplayer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Container

MOST_COLLISIONS = 16
"""How many different array keys of one dictionary may have the same hash."""


class ArrayKeys:
    """The keys of one dictionary that are arrays.

    Unlike that of text, the hash of a tuple of numbers is the same in every process, so a sender
    can choose keys that all share one hash. Each of them would be compared with all before it; a
    few are enough to know that it is no accident.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, key: object, others: Container[object], offset: int, depth: int) -> object:
        """Return ``key``, which Python cannot hash, as a key.

        Args:
            key: an array or a dictionary.
            others: the dictionary.
            offset: where the key is, for error messages.
            depth: how many levels of arrays may still be inside.

        Raises:
            DecodeError: it is or contains a dictionary, or is nested too deeply; or too many keys
                before it have the same hash.
        """
        made = _as_key(key, offset, depth)
        if made in others:
            return made
        hashed = hash(made)
        count = self._counts.get(hashed, 0)
        if count >= MOST_COLLISIONS:
            reason = "array keys chosen to have the same hash"
            raise DecodeError(reason, offset)
        self._counts[hashed] = count + 1
        return made


def _as_key(key: object, offset: int, depth: int) -> object:
    if isinstance(key, list):
        if depth <= 0 and key:
            reason = "nested too deeply"
            raise DecodeError(reason, offset)
        return tuple([_as_key(part, offset, depth - 1) for part in cast("list[object]", key)])
    if isinstance(key, dict):
        reason = "a dictionary as a key, which Python does not allow"
        raise DecodeError(reason, offset)
    return key
