"""``multiplayer.rooms.matcher``: fair, whole parties, ratings within windows; in virtual time."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiplayer import Error, MultiplayerError
from multiplayer.rooms import matcher as matcher_module
from multiplayer.rooms.matcher import PERIOD, Match, Matcher, RatingWindow, Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = {"duel": 2, "squad": 4}
WINDOW = RatingWindow(50, 10, 300)


class Party(NamedTuple):
    kind: str
    size: int
    rating: float
    pause: float


parties = st.lists(
    st.builds(
        Party,
        st.sampled_from([*SIZES]),
        st.integers(1, 2),
        st.sampled_from([0.0, 40.0, 90.0, 200.0, 1000.0]),
        st.sampled_from([0.0, 0.3, 1.0, 5.0]),
    ),
    max_size=14,
)


class Played:
    """What comes of parties, and who still waits; each match is checked when it is made."""

    def __init__(self) -> None:
        self.matcher = Matcher(SIZES.__getitem__, WINDOW)
        self.waiting: dict[str, Waiting] = {}
        self.now = 0.0
        self.made: list[Match] = []

    def add(self, number: int, party: Party) -> None:
        self.now += party.pause
        self.look()
        ticket = f"t{number}"
        kind, size, rating, _ = party
        self.matcher.add(ticket, kind, self.now, size=size, rating=rating)
        self.waiting[ticket] = Waiting(ticket, kind, size, rating, self.now, number)
        self.look()

    def look(self) -> None:
        for match in self.matcher.matches(self.now):
            self.check(match)
            self.made.append(match)

    def check(self, match: Match) -> None:
        assert sum(party.size for party in match.parties) == SIZES[match.kind]
        ages = [party.since for party in match.parties]
        assert ages == sorted(ages)
        assert self.is_near(match.parties)
        for party in match.parties:
            mine = self.waiting.pop(party.id)  # which fails for one that is in two
            assert (mine.kind, mine.size, mine.rating) == (match.kind, party.size, party.rating)

    def is_near(self, some: Sequence[Waiting]) -> bool:
        """Whether all are within the window of one of them."""
        return any(
            all(
                abs(each.rating - anchor.rating) <= WINDOW.after(self.now - anchor.since)
                for each in some
            )
            for anchor in some
        )

    def could_play(self) -> list[tuple[str, ...]]:
        """All matches that could be made of those who still wait, by brute force."""
        found: list[tuple[str, ...]] = []
        for kind, size in SIZES.items():
            mine = [each for each in self.waiting.values() if each.kind == kind]
            for count in range(1, size + 1):
                found += [
                    tuple(each.id for each in some)
                    for some in combinations(mine, count)
                    if self.is_near(some) and sum(each.size for each in some) == size
                ]
        return found


@given(parties)
@settings(deadline=None)
def test_every_match_is_one_and_none_that_could_be_made_is_left(given_: list[Party]) -> None:
    played = Played()
    for number, party in enumerate(given_):
        played.add(number, party)
    played.now += 1.0
    played.look()
    assert played.could_play() == []
    assert len(played.matcher) == len(played.waiting)
    played.now += 1000.0
    played.look()
    assert played.could_play() == []


@given(parties, st.data())
@settings(deadline=None)
def test_who_has_cancelled_is_in_no_match(given_: list[Party], data: st.DataObject) -> None:
    played = Played()
    for number, party in enumerate(given_):
        played.add(number, party)
        if played.waiting and data.draw(st.booleans()):
            ticket = data.draw(st.sampled_from(sorted(played.waiting)))
            assert played.matcher.remove(ticket)
            assert not played.matcher.remove(ticket)
            del played.waiting[ticket]
    assert len(played.matcher) == len(played.waiting)


def ids(match: Match) -> list[str]:
    return [party.id for party in match.parties]


def test_who_has_waited_longest_is_served_first() -> None:
    matcher = Matcher(SIZES.__getitem__, RatingWindow(math.inf))
    for number, size in enumerate((1, 2, 2, 1, 1)):
        matcher.add(f"t{number}", "squad", float(number), size=size)
    # t0 with the first that fill three places exactly: t1 and then t3, not t2.
    assert [ids(match) for match in matcher.matches(10.0)] == [["t0", "t1", "t3"]]
    assert len(matcher) == 2


def test_a_party_stays_together_where_greed_would_fail() -> None:
    matcher = Matcher(SIZES.__getitem__, RatingWindow(math.inf))
    matcher.add("first", "squad", 0.0, size=2)
    matcher.add("single", "squad", 1.0)
    matcher.add("pair", "squad", 2.0, size=2)
    assert [ids(match) for match in matcher.matches(2.0)] == [["first", "pair"]]


def test_the_window_widens() -> None:
    matcher = Matcher(SIZES.__getitem__, RatingWindow(50, 10, 300))
    matcher.add("weak", "duel", 0.0, rating=0)
    matcher.add("strong", "duel", 0.0, rating=200)
    met = next(now / 4 for now in range(400) if matcher.matches(now / 4))
    assert 15.0 <= met <= 15.75  # 50 + 10 t >= 200, looked at twice a second
    matcher.add("weak", "duel", 100.0, rating=0)
    matcher.add("champion", "duel", 100.0, rating=301)
    assert not any(matcher.matches(100.0 + now) for now in range(4000))


def test_a_whole_party_plays_at_once() -> None:
    matcher = Matcher(SIZES.__getitem__)
    matcher.add("both", "duel", 0.0, size=2)
    assert [ids(match) for match in matcher.matches(0.0)] == [["both"]]
    assert matcher.next_deadline() == math.inf


def test_it_says_when_to_look_again() -> None:
    matcher = Matcher(SIZES.__getitem__)
    assert matcher.next_deadline() == math.inf
    matcher.add("a", "duel", 10.0)
    assert matcher.next_deadline() == -math.inf
    assert matcher.matches(10.0) == []
    assert matcher.next_deadline() == 10.0 + PERIOD
    matcher.add("b", "duel", 10.1)
    assert matcher.matches(10.2) == []
    assert [ids(match) for match in matcher.matches(10.25)] == [["a", "b"]]


def test_limits() -> None:
    matcher = Matcher(SIZES.__getitem__, most=3, most_per_asker=2)
    matcher.add("a", "squad", 0.0, asker="A")
    matcher.add("b", "squad", 0.0, asker="A")
    with pytest.raises(MultiplayerError) as caught:
        matcher.add("c", "squad", 0.0, asker="A")
    assert caught.value.code == Error.ERR_BUSY
    matcher.add("c", "squad", 0.0, asker="B")
    with pytest.raises(MultiplayerError) as caught:
        matcher.add("d", "squad", 0.0, asker="C")
    assert caught.value.code == Error.ERR_BUSY
    matcher.remove("a")
    matcher.add("d", "squad", 0.0, asker="A")
    with pytest.raises(MultiplayerError) as caught:
        matcher.add("d", "squad", 0.0)
    assert caught.value.code == Error.ERR_ALREADY_EXISTS


@pytest.mark.parametrize(("size", "rating"), [(0, 0.0), (5, 0.0), (1, math.nan), (1, math.inf)])
def test_what_cannot_wait(size: int, rating: float) -> None:
    matcher = Matcher(SIZES.__getitem__)
    with pytest.raises(MultiplayerError) as caught:
        matcher.add("a", "squad", 0.0, size=size, rating=rating)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert len(matcher) == 0


@pytest.mark.parametrize("wrong", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (math.nan, 0, 0)])
def test_windows_that_make_no_sense(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(MultiplayerError):
        RatingWindow(*wrong)


def test_very_many_are_not_all_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed. Parties of two and of three who are far apart: nobody finds anybody."""
    monkeypatch.setattr(matcher_module, "_MOST_LOOKED_AT", 1000)
    compared: list[int] = []
    within = matcher_module._Queue.within

    def counting(
        queue: matcher_module._Queue, anchor: Waiting, window: float
    ) -> tuple[list[Waiting], int]:
        found, looked_at = within(queue, anchor, window)
        compared.append(looked_at)
        return found, looked_at

    monkeypatch.setattr(matcher_module._Queue, "within", counting)
    matcher = Matcher(lambda _: 5, RatingWindow(10, 0))
    for number in range(70):  # far from all, and older
        matcher.add(f"far{number}", "five", 0.0, size=2, rating=10_000 + number * 100)
    for number in range(200):
        matcher.add(f"pair{number}", "five", 0.0, size=2, rating=0)
        matcher.add(f"three{number}", "five", 0.0, size=3, rating=1000)
    now = 0.0
    most = 0
    for _ in range(100):
        compared.clear()
        assert matcher.matches(now) == []
        most = max(most, sum(compared))
        now += PERIOD
    assert 264 * 3 <= most <= 1000 + 264
    matcher.add("late", "five", now, size=3, rating=5)
    made = next(made for _ in range(200) if (made := matcher.matches(now := now + PERIOD)))
    assert {party.id for party in made[0].parties} & {"late"}


def test_who_cannot_be_in_a_match_whatever_the_ratings_is_not_compared() -> None:
    matcher = Matcher(lambda _: 4, RatingWindow(math.inf))
    for number in range(100):
        matcher.add(f"t{number}", "squad", 0.0, size=3)
    queue = matcher._queues["squad"]
    assert not queue.could_fill(3)
    matcher.add("single", "squad", 0.0)
    assert queue.could_fill(3)
    assert queue.could_fill(1)
    assert [ids(match) for match in matcher.matches(0.0)] == [["t0", "single"]]
