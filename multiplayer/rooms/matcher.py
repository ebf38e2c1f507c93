"""``Matcher``: who plays with whom: of one kind, parties together, ratings not too far apart.

Whoever has waited longest is served first: a match is made around one ticket, of those within its
window. Tickets are looked at in the order in which they came, both those around which a match may
be and those that fill it. The window widens as a ticket waits, so that nobody waits for ever for
somebody as good. A match has exactly as many players as its kind wants.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_PLAYERS: Final = 256
"""How many players a match may have at most."""

_MOST_CANDIDATES: Final = 128
"""So many of those within a window are looked at, those who have waited longest."""

_PERIOD: Final = 0.5
"""So often, in seconds, windows that have widened are looked at again."""


@dataclass(frozen=True, slots=True)
class RatingWindow:
    """How far the ratings of a match may be from that of the ticket around which it is made.

    Attributes:
        first: at once.
        per_second: how much more for each second that it has waited.
        widest: how far at most; ``inf`` for any distance.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a number is negative, or no number.
    """

    first: float = 100.0
    per_second: float = 10.0
    widest: float = math.inf

    def __post_init__(self) -> None:
        if not (self.first >= 0 and self.per_second >= 0 and self.widest >= 0):
            message = f"a window has no negative numbers: {self}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)

    def after(self, waited: float) -> float:
        """Return how far, after so many seconds."""
        return min(self.first + self.per_second * max(waited, 0.0), self.widest)


class Waiting(NamedTuple):
    """A party that wants to play.

    Attributes:
        id: its ticket.
        kind: what it wants to play.
        size: how many players it has.
        rating: how good it is.
        since: since when it waits.
        order: tickets that came at the same time are in this order.
        asker: who has asked; for limits.
    """

    id: str
    kind: str
    size: int
    rating: float
    since: float
    order: int
    asker: str = ""


class Match(NamedTuple):
    """Parties that are to play together, the longest waiting first."""

    kind: str
    parties: list[Waiting]


class _Queue:
    """Those who wait for one kind."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.by_age: dict[str, Waiting] = {}  # in the order in which they came
        self.by_rating: list[tuple[float, int, str]] = []  # ascending: rating, order, ticket
        self.is_due = False

    def add(self, waiting: Waiting) -> None:
        self.by_age[waiting.id] = waiting
        insort(self.by_rating, (waiting.rating, waiting.order, waiting.id))
        self.is_due = True

    def remove(self, waiting: Waiting) -> None:
        del self.by_age[waiting.id]
        entry = (waiting.rating, waiting.order, waiting.id)
        del self.by_rating[bisect_left(self.by_rating, entry)]

    def within(self, anchor: Waiting, window: float) -> list[Waiting]:
        """Return the others whose rating is near enough, the longest waiting first."""
        low = bisect_left(self.by_rating, (anchor.rating - window,))
        high = bisect_right(self.by_rating, (anchor.rating + window, math.inf))
        found = [self.by_age[ticket] for _, _, ticket in self.by_rating[low:high]]
        found.sort(key=lambda each: each.order)
        return [each for each in found if each.id != anchor.id][:_MOST_CANDIDATES]


class Matcher:
    """Those who wait for a match.

    Args:
        size_of: returns how many players a match of a kind has, 1 to 256.
        window: how far apart ratings may be.
        most: how many tickets may wait at a time.
        most_per_asker: how many of them for one asker, such as an address; 0 for any number.
    """

    def __init__(
        self,
        size_of: Callable[[str], int],
        window: RatingWindow | None = None,
        *,
        most: int = 10_000,
        most_per_asker: int = 16,
    ) -> None:
        self._size_of = size_of
        self._window = RatingWindow() if window is None else window
        self._most = most
        self._most_per_asker = most_per_asker
        self._waiting: dict[str, Waiting] = {}  # by ticket: the truth; what follows is made of it
        self._queues: dict[str, _Queue] = {}
        self._of_asker: dict[str, set[str]] = {}
        self._at_work = False
        self._order = 0
        self._looked = -math.inf

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, ticket: str) -> bool:
        return ticket in self._waiting

    @property
    def tickets(self) -> list[str]:
        """Those that wait."""
        return [*self._waiting]

    def add(
        self,
        ticket: str,
        kind: str,
        now: float,
        *,
        size: int = 1,
        rating: float = 0.0,
        asker: str = "",
    ) -> None:
        """Let a party wait.

        Args:
            ticket: what stands for it; one that does not wait yet.
            kind: what it wants to play.
            now: the time, in seconds.
            size: how many players it has.
            rating: how good it is.
            asker: who asks.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is larger than a match, or its rating
                is no number; ``ERR_ALREADY_EXISTS``: the ticket waits; ``ERR_BUSY``: too many wait,
                or too many of that asker.
        """
        most = self._size_of(kind)
        if not 1 <= size <= most:
            message = f"a match of {kind!r:.80} has {most} players, so a party has 1 to {most}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if not math.isfinite(rating):
            message = "a rating must be a finite number"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if ticket in self._waiting:
            message = "this ticket waits already"
            raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
        self._begin()
        too_many = asker and 0 < self._most_per_asker <= len(self._of_asker.get(asker, ()))
        if len(self._waiting) >= self._most or too_many:
            self._at_work = False
            message = "too many wait for a match; cancel a ticket, or try again later"
            raise MultiplayerError(Error.ERR_BUSY, message)
        self._order += 1
        waiting = Waiting(ticket, kind, size, float(rating), now, self._order, asker)
        self._waiting[ticket] = waiting
        self._place(waiting)
        self._at_work = False

    def _place(self, waiting: Waiting) -> None:
        size = self._size_of(waiting.kind)
        self._queues.setdefault(waiting.kind, _Queue(size)).add(waiting)
        if waiting.asker:
            self._of_asker.setdefault(waiting.asker, set()).add(waiting.id)

    def _begin(self) -> None:
        """Begin to change something; what an interrupt has left half done is made anew."""
        if self._at_work:
            self._queues, self._of_asker = {}, {}
            for waiting in self._waiting.values():
                self._place(waiting)
        self._at_work = True

    def remove(self, ticket: str) -> bool:
        """Let a party wait no more; return whether it did."""
        if ticket not in self._waiting:
            return False
        self._begin()
        waiting = self._waiting.pop(ticket)
        queue = self._queues[waiting.kind]
        queue.remove(waiting)
        if not queue.by_age:
            del self._queues[waiting.kind]
        mine = self._of_asker.get(waiting.asker)
        if mine is not None:
            mine.discard(ticket)
            if not mine:
                del self._of_asker[waiting.asker]
        self._at_work = False
        return True

    def next_deadline(self) -> float:
        """Return when :meth:`matches` has something to do; ``inf`` while nobody waits."""
        if not self._waiting:
            return math.inf
        return -math.inf if self._has_news else self._looked + _PERIOD

    @property
    def _has_news(self) -> bool:
        return any(queue.is_due for queue in self._queues.values())

    def matches(self, now: float) -> list[Match]:
        """Make all the matches that can be made; who is in one waits no more."""
        if now < self.next_deadline():
            return []
        self._begin()
        self._at_work = False
        is_time = now >= self._looked + _PERIOD
        if is_time:
            self._looked = now
        made: list[Match] = []
        for kind, queue in [*self._queues.items()]:
            if queue.is_due or is_time:
                queue.is_due = False
                for anchor in [*queue.by_age.values()]:
                    match = self._around(queue, anchor, now) if anchor.id in queue.by_age else None
                    if match is not None:
                        match.sort(key=lambda each: each.order)
                        made.append(Match(kind, match))
                        for party in match:
                            self.remove(party.id)
        return made

    def _around(self, queue: _Queue, anchor: Waiting, now: float) -> list[Waiting] | None:
        """Return a match of a ticket with those within its window; None if there are not enough."""
        missing = queue.size - anchor.size
        if not missing:
            return [anchor]
        window = self._window.after(now - anchor.since)
        chosen = _filling(missing, queue.within(anchor, window))
        return None if chosen is None else [anchor, *chosen]


def _filling(places: int, parties: list[Waiting]) -> list[Waiting] | None:
    """Return parties that fill exactly so many places: of those, the first that can be in one.

    The first party that is in any such choice is in it, and so on with the next.
    """
    if sum(party.size for party in parties) < places:
        return None
    # For each party, which sums those from it on can make: bit n stands for n places.
    reachable = [1]
    mask = (1 << (places + 1)) - 1
    for party in reversed(parties):
        after = reachable[-1]
        reachable.append(after | ((after << party.size) & mask))
    reachable.reverse()
    if not reachable[0] >> places & 1:
        return None
    chosen: list[Waiting] = []
    for party, after in zip(parties, reachable[1:], strict=True):
        if party.size <= places and after >> (places - party.size) & 1:
            chosen.append(party)
            places -= party.size
            if not places:
                break
    return chosen
