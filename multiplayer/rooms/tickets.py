"""``Tickets``: those who wait for a match, and what has become of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.errors import MultiplayerError

if TYPE_CHECKING:
    from .matcher import Matcher

_SWEEP: Final = 1.0
"""So often, in seconds, tickets that nobody asks about are looked for."""


class RoomPlace(NamedTuple):
    """A place in a room that is kept.

    Attributes:
        kind: the kind of the room.
        code: its code.
        url: where to go: path and query, or a whole URL if the room is somewhere else.
        owner_key: for whoever has made the room; "" for others.
    """

    kind: str
    code: str
    url: str
    owner_key: str = ""

    def __repr__(self) -> str:
        return f"RoomPlace({self.kind!r}, {self.code!r})"  # not what would give it to others


class Outcome(NamedTuple):
    """What has become of a ticket.

    Attributes:
        state: "waiting", "matched" or "failed".
        places: of a match, one for each player of the party.
        text: why it failed.
    """

    state: str
    places: tuple[RoomPlace, ...] = ()
    text: str = ""


Play = Callable[[str, list[tuple[str, int]]], dict[str, Outcome]]
"""Makes the room of a match, of a kind and of parties by ticket and size; returns the outcomes."""


class PartyWish(NamedTuple):
    """What a party wants.

    Attributes:
        kind: what to play.
        size: how many players it has.
        rating: how good it is.
        since: since when it waits, in seconds.
        asker: the IP address of whoever asks.
    """

    kind: str
    size: int
    rating: float
    since: float
    asker: str


class _Ticket:
    __slots__ = ("lasting", "outcome", "until", "wish")

    def __init__(self, wish: PartyWish, until: float, *, lasting: bool) -> None:
        self.wish = wish
        self.until = until
        self.lasting = lasting
        self.outcome = Outcome("waiting")


class Tickets:
    """The tickets of a lobby.

    Args:
        matcher: decides who plays with whom.
        lives_for: for so many seconds a ticket waits that nobody asks about.
        kept_for: for so many seconds it can be asked what has become of one.

    Attributes:
        matcher: see above.
    """

    def __init__(self, matcher: Matcher, lives_for: float, kept_for: float) -> None:
        self.matcher = matcher
        self._lives_for = lives_for
        self._kept_for = kept_for
        self._tickets: dict[str, _Ticket] = {}
        self._untold: dict[str, None] = {}
        self._outcomes: dict[str, Outcome] = {}  # those of one match
        self._swept = -math.inf
        self._at_work = False  # an interrupt leaves it True

    def __len__(self) -> int:
        return len(self._tickets)

    def add(self, ticket: str, wish: PartyWish, *, lasting: bool) -> None:
        """Let a party wait.

        Args:
            ticket: what stands for it.
            wish: what it wants.
            lasting: it waits until it is cancelled, though nobody asks about it.

        Raises:
            MultiplayerError: as ``Matcher.add``.
        """
        self._begin(wish.since)
        try:
            self._let_wait(ticket, wish)
        except MultiplayerError:
            self._at_work = False
            raise
        until = wish.since + self._lives_for
        self._tickets[ticket] = _Ticket(wish, until, lasting=lasting)
        self._at_work = False

    def _let_wait(self, ticket: str, wish: PartyWish) -> None:
        kind, size, rating, since, asker = wish
        self.matcher.add(ticket, kind, since, size=size, rating=rating, asker=asker)

    def outcome(self, ticket: str, now: float) -> Outcome | None:
        """Return what has become of a ticket, None if there is none; that lets it live on."""
        known = self._tickets.get(ticket)
        if known is None or (known.until <= now and not known.lasting):
            return None
        if known.outcome.state == "waiting":
            known.until = now + self._lives_for
        return known.outcome

    def cancel(self, ticket: str) -> bool:
        """Let a party wait no more; return whether it did."""
        self._untold.pop(ticket, None)
        self._tickets.pop(ticket, None)
        return self.matcher.remove(ticket)

    def process(self, now: float, play: Play) -> list[str]:
        """Make matches that can be made, and cancel tickets that nobody asks about.

        Args:
            now: the time, in seconds.
            play: makes the room of a match.

        Returns:
            The tickets that have an outcome that nobody was told; whoever tells it calls
            :meth:`told`.
        """
        self._begin(now)
        if now >= self._swept + _SWEEP:
            self._swept = now
            for ticket in [
                each
                for each, known in self._tickets.items()
                if known.until <= now and not (known.lasting and known.outcome.state == "waiting")
            ]:
                self.cancel(ticket)
        for match in self.matcher.matches(now):
            parties = [(each.id, each.size) for each in match.parties]
            self._outcomes = play(match.kind, parties)
            self._decide(now)
        self._at_work = False
        return [*self._untold]

    def _decide(self, now: float) -> None:
        """Note the outcomes of a match; after an interrupt, again."""
        for ticket, outcome in self._outcomes.items():
            known = self._tickets.get(ticket)
            if known is not None:
                known.outcome = outcome
                known.until = now + self._kept_for
                self._untold[ticket] = None
        self._outcomes = {}

    def told(self, ticket: str) -> None:
        """Note that whoever waits has been told what :meth:`process` returned."""
        self._untold.pop(ticket, None)

    def _begin(self, now: float) -> None:
        """Begin to change who waits.

        What an interrupt has left is mended: who waits does so here and in the matcher.
        """
        was_at_work, self._at_work = self._at_work, True
        if not was_at_work:
            return
        self._decide(now)
        for ticket in self.matcher.tickets:
            known = self._tickets.get(ticket)
            if known is None or known.outcome.state != "waiting":
                self.matcher.remove(ticket)
        for ticket, known in self._tickets.items():
            if known.outcome.state == "waiting" and ticket not in self.matcher:
                with suppress(MultiplayerError):  # too many wait: then until the next time
                    self._let_wait(ticket, known.wish)

    def next_deadline(self) -> float:
        """Return when :meth:`process` has something to do; ``inf`` if never."""
        busy = self._tickets or self.matcher
        sweep = self._swept + _SWEEP if busy else math.inf
        return min(sweep, self.matcher.next_deadline())
