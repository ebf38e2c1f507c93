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
from heapq import nsmallest
from itertools import islice
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD: Final = 0.25
"""So often, in seconds, matches are made."""

_MOST_LOOKED_AT: Final = 20_000
"""So many ratings are compared at a time, of all kinds together; the rest the next time."""

_COST: Final = 20
"""To look for a match for one party takes as long as to compare so many ratings."""

_WALKED: Final = 64
"""So many of those who have waited longest are looked at before all of the same rating are."""


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
    """Those who wait for one kind.

    Attributes:
        size: how many players a match has.
        by_age: the parties, by ticket, in the order in which they came.
        by_rating: by size of the party: rating, order and ticket, ascending.
        of_size: the same by size and ticket, in the order in which they came.
        looked_at: up to which order they have been looked at; 0 for the next time from the first.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.by_age: dict[str, Waiting] = {}
        self.by_rating: dict[int, list[tuple[float, int, str]]] = {}
        self.of_size: dict[int, dict[str, Waiting]] = {}
        self.looked_at = 0

    def add(self, waiting: Waiting) -> None:
        self.by_age[waiting.id] = waiting
        entry = (waiting.rating, waiting.order, waiting.id)
        insort(self.by_rating.setdefault(waiting.size, []), entry)
        self.of_size.setdefault(waiting.size, {})[waiting.id] = waiting

    def remove(self, waiting: Waiting) -> None:
        del self.by_age[waiting.id]
        entries = self.by_rating[waiting.size]
        del entries[bisect_left(entries, (waiting.rating, waiting.order, waiting.id))]
        del self.of_size[waiting.size][waiting.id]
        if not entries:
            del self.by_rating[waiting.size], self.of_size[waiting.size]

    def could_fill(self, size: int) -> bool:
        """Return whether the others could fill a match of a party of that size, were all near."""
        places = self.size - size
        sums = 1  # bit n stands for n places
        for each, entries in self.by_rating.items():
            for _ in range(min(len(entries) - (each == size), places // each)):
                sums |= sums << each
        return bool(sums >> places & 1)

    def within(self, anchor: Waiting, window: float) -> tuple[list[Waiting], int]:
        """Return those of the others, near enough, that a match may need, the oldest first.

        Of each size only as many as there are places for, those who have waited longest: others
        cannot be in the match that is made.

        Returns:
            Them, and how many ratings were compared.
        """
        found: list[Waiting] = []
        looked_at = 0
        places = self.size - anchor.size
        for size, entries in self.by_rating.items():
            if size > places:
                continue
            low = bisect_left(entries, (anchor.rating - window,))
            high = bisect_right(entries, (anchor.rating + window, math.inf))
            oldest, walked = self._oldest(anchor, window, size) if high - low > _WALKED else ([], 0)
            looked_at += walked
            if len(oldest) < places // size:
                looked_at += high - low
                near = [entry for entry in entries[low:high] if entry[1] != anchor.order]
                chosen = nsmallest(places // size, near, key=itemgetter(1))
                oldest = [self.by_age[ticket] for _, _, ticket in chosen]
            found += oldest
        found.sort(key=attrgetter("order"))
        return found, looked_at

    def _oldest(self, anchor: Waiting, window: float, size: int) -> tuple[list[Waiting], int]:
        """Return those of one size that are near among the oldest, and how many were looked at."""
        most = (self.size - anchor.size) // size
        found: list[Waiting] = []
        walked = 0
        for each in islice(self.of_size[size].values(), _WALKED):
            walked += 1
            if each is not anchor and abs(each.rating - anchor.rating) <= window:
                found.append(each)
                if len(found) == most:
                    break
        return found, walked


class Matcher:
    """Those who wait for a match.

    Args:
        size_of: returns how many players a match of a kind has, at least 1.
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
        return self._looked + PERIOD if self._waiting else math.inf

    def matches(self, now: float) -> list[Match]:
        """Make the matches that can be made, if it is time; who is in one waits no more.

        Where very many wait, it does not look at all of them at once.
        """
        if now < self.next_deadline():
            return []
        self._begin()
        self._at_work = False
        self._looked = now
        made: list[Match] = []
        share = _MOST_LOOKED_AT // max(len(self._queues), 1)
        for kind, queue in [*self._queues.items()]:
            made += [Match(kind, parties) for parties in self._of_one_kind(queue, now, share)]
        return made

    def _of_one_kind(self, queue: _Queue, now: float, most: int) -> list[list[Waiting]]:
        made: list[list[Waiting]] = []
        hopeful: dict[int, bool] = {}  # by size, whether there are enough of whatever rating
        anchors = [each for each in queue.by_age.values() if each.order > queue.looked_at]
        for anchor in anchors:
            if most <= 0:
                break
            queue.looked_at = anchor.order
            if anchor.id not in queue.by_age:
                continue
            if anchor.size not in hopeful:
                hopeful[anchor.size] = queue.could_fill(anchor.size)
            if not hopeful[anchor.size]:
                most -= 1
                continue
            window = self._window.after(now - anchor.since)
            others, looked_at = queue.within(anchor, window)
            most -= looked_at + _COST
            chosen = _filling(queue.size - anchor.size, others)
            if chosen is not None:
                parties = sorted([anchor, *chosen], key=attrgetter("order"))
                made.append(parties)
                for party in parties:
                    self.remove(party.id)
                hopeful.clear()
        else:
            queue.looked_at = 0
        return made


def _filling(places: int, parties: list[Waiting]) -> list[Waiting] | None:
    """Return parties that fill exactly so many places: of those, the first that can be in one.

    The first party that is in any such choice is in it, and so on with the next.
    """
    if not places:
        return []
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
