"""Arrays as keys of dictionaries, which Python holds only as tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from multiplayer.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Container

MOST_COLLISIONS = 16
"""How many different arrays may have the same hash as keys of one dictionary."""


class ArrayKeys:
    """The keys of one dictionary that are arrays.

    Unlike that of text, the hash of a tuple of numbers is the same in every process, so that a
    sender can choose keys that all have the same one. Each of them would be compared with all
    before it: some are enough to say that this is no accident.
    """

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, key: object, others: Container[object], offset: int, depth: int) -> object:
        """Return ``key``, which is no key, as one.

        Args:
            key: an array or a dictionary.
            others: the dictionary.
            offset: where the key is, for the sentences of errors.
            depth: how many levels of arrays may still be inside.

        Raises:
            DecodeError: it is, or has inside, a dictionary, or is nested too deep; or too many keys
                before it have the same hash.
        """
        made = _as_key(key, offset, depth)
        if made in others:
            return made
        hashed = hash(made)
        count = self._counts.get(hashed, 0)
        if count >= MOST_COLLISIONS:
            reason = "arrays as keys that are chosen to have the same hash"
            raise DecodeError(reason, offset)
        self._counts[hashed] = count + 1
        return made


def _as_key(key: object, offset: int, depth: int) -> object:
    if isinstance(key, list):
        if depth <= 0 and key:
            reason = "nested too deep"
            raise DecodeError(reason, offset)
        return tuple([_as_key(part, offset, depth - 1) for part in cast("list[object]", key)])
    if isinstance(key, dict):
        reason = "a dictionary as a key, which Python cannot hold"
        raise DecodeError(reason, offset)
    return key
