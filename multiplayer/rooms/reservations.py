"""``Reservations``: places of one room that are kept for somebody who is about to come.

Every one expires, whatever becomes of whoever asked for it: an answer may be lost, a player may
change its mind. It stands in the URL (``?reservation=TOKEN``), and the first connection that brings
it gets the place.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SECONDS: Final = 15.0
"""How long a place is kept."""

TOKEN_BITS: Final = 128
"""How many random bits a token has."""

MOST: Final = 1024
"""How many places one room keeps at a time, so how many players a match may have."""


class Reservation(NamedTuple):
    """One place.

    Attributes:
        until: when it expires.
        owns: whoever comes with it owns the room.
    """

    until: float
    owns: bool = False


class Reservations:
    """The places of one room that are kept.

    Args:
        most: how many there may be at a time.
    """

    __slots__ = ("_kept", "_most")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[str, Reservation] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, token: str, now: float, seconds: float = SECONDS, *, owns: bool = False) -> bool:
        """Keep a place; whether there is one is the caller's to know.

        Args:
            token: what whoever comes for it brings.
            now: the time, in seconds.
            seconds: for how long.
            owns: whoever comes with it owns the room.

        Returns:
            False if too many are kept.
        """
        self.expire(now)
        if len(self._kept) >= self._most and token not in self._kept:
            return False
        self._kept[token] = Reservation(now + seconds, owns)
        return True

    def take(self, token: str, now: float) -> Reservation | None:
        """Use up a reservation; None if there is none, or it has expired."""
        self.expire(now)
        return self._kept.pop(token, None)

    def knows(self, token: str, now: float) -> bool:
        """Return whether a place is kept for whoever brings that token."""
        self.expire(now)
        return token in self._kept

    def held(self, now: float) -> int:
        """Return how many places are kept."""
        if self._kept:
            self.expire(now)
        return len(self._kept)

    def release(self, token: str) -> None:
        """Keep a place no more."""
        self._kept.pop(token, None)

    def expire(self, now: float) -> None:
        """Forget those whose time is over."""
        for token in [each for each, kept in self._kept.items() if kept.until <= now]:
            del self._kept[token]

    def next_deadline(self) -> float:
        """Return when the next one expires; ``inf`` if there is none."""
        return min((kept.until for kept in self._kept.values()), default=float("inf"))


def token_of(number: int) -> str:
    """Return the text of a token of :data:`TOKEN_BITS` random bits."""
    return f"{number:032x}"
