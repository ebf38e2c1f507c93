"""``multiplayer.rooms.lobby``: what strangers ask, in virtual time, over rooms that are a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from multiplayer.rooms.listing import RoomRow, Wanted
from multiplayer.rooms.lobby import Lobby, LobbySettings
from multiplayer.rooms.lobby_words import LobbyRefusedError, check_metadata, check_options
from multiplayer.rooms.matcher import RatingWindow
from multiplayer.rooms.reservations import MOST
from tests.hostile.interrupted import Interrupt, Steps

from .lobby_table import HERE, SIZES, THERE, Came, Table, lobby_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.rooms.tickets import RoomPlace


@pytest.fixture
def table() -> Table:
    return Table()


def refused(action: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(LobbyRefusedError) as caught:
        action()
    return caught.value.status, caught.value.text


# ---------------------------------------------------------------- rooms


def test_who_makes_a_room_owns_it_and_has_a_place_in_it(table: Table) -> None:
    lobby = lobby_over(table)
    said, chosen = {"map": "ice", "level": 3}, {"rounds": "5"}
    place = lobby.create(HERE, 0.0, "duel", metadata=said, options=chosen)
    assert place.url.startswith(f"/duel/{place.code}?reservation=")
    assert len(place.owner_key) == 32
    assert repr(place) == f"RoomPlace('duel', '{place.code}')"  # nothing that is worth a place
    row = table.rows[place.code]
    assert (row.metadata, table.options[place.code]) == (said, chosen)
    assert table.come(place.url) == Came(place.code, True)
    assert table.come(place.url) is None
    assert lobby.list(HERE, 0.0, Wanted("duel", metadata={"map": "ice"})).rooms == [
        table.rows[place.code]
    ]


def test_a_private_room_is_found_by_its_code_only(table: Table) -> None:
    lobby = lobby_over(table)
    code = lobby.create(HERE, 0.0, "duel", private=True).code
    assert lobby.list(THERE, 0.0, Wanted()).rooms == []
    typed = f"{code[:2]}-{code[2:]} ".lower()
    place = lobby.join(THERE, 0.0, typed)
    assert place.owner_key == ""
    assert table.come(place.url) == Came(code, False)


def test_a_kept_place_is_nobody_elses(table: Table) -> None:
    lobby = lobby_over(table)
    mine = lobby.create(HERE, 0.0, "duel")
    theirs = lobby.join(THERE, 0.0, mine.code)
    assert refused(lambda: lobby.join(THERE, 0.0, mine.code)) == (409, "the room is full")
    assert table.come(f"/duel/{mine.code}") is None
    table.now += 14.9
    assert table.come(theirs.url) == Came(mine.code, False)
    table.now += 0.2
    assert table.come(mine.url) is None  # it came too late
    assert table.come(f"/duel/{mine.code}") == Came(mine.code, False)


def test_a_locked_room_takes_only_those_to_whom_a_place_was_promised(table: Table) -> None:
    lobby = lobby_over(table)
    mine = lobby.create(HERE, 0.0, "squad")
    early = lobby.join(THERE, 0.0, mine.code)
    lobby.change(HERE, 0.0, mine.code, mine.owner_key, locked=True)
    assert refused(lambda: lobby.join(THERE, 0.0, mine.code)) == (409, "the room is locked")
    assert lobby.list(HERE, 0.0, Wanted(free=True)).rooms == []
    assert table.come(f"/squad/{mine.code}") is None
    assert table.come(early.url) == Came(mine.code, False)


def test_only_the_owner_changes_a_room(table: Table) -> None:
    lobby = lobby_over(table)
    mine = lobby.create(HERE, 0.0, "duel")
    other = lobby.create(THERE, 0.0, "duel")
    for key in ("", other.owner_key, mine.owner_key.upper() + "x", "\ud800", mine.owner_key[:-1]):
        for action in (
            lambda key=key: lobby.change(THERE, 0.0, mine.code, key, locked=True),
            lambda key=key: lobby.kick(THERE, 0.0, mine.code, key, 7),
        ):
            assert refused(action) == (404, "there is no such room")
    assert not table.rows[mine.code].locked
    assert table.kicked == []
    lobby.change(HERE, 0.0, mine.code, mine.owner_key, private=True, metadata={"map": "lava"})
    assert table.rows[mine.code].private
    assert table.rows[mine.code].metadata == {"map": "lava"}
    lobby.kick(HERE, 0.0, mine.code, mine.owner_key, 7)
    assert table.kicked == [(mine.code, 7)]
    assert refused(lambda: lobby.kick(HERE, 0.0, mine.code, mine.owner_key, 8))[0] == 404


def test_a_room_that_is_closed_has_no_owner_and_its_code_may_come_again(table: Table) -> None:
    lobby = lobby_over(table)
    mine = lobby.create(HERE, 0.0, "duel")
    table.close(mine.code)
    table.put(RoomRow("duel", mine.code))
    assert refused(lambda: lobby.change(HERE, 0.0, mine.code, mine.owner_key))[0] == 404


def test_a_room_somewhere_else_has_a_whole_url(table: Table) -> None:
    lobby = lobby_over(table)
    table.base = "wss://b.example.com:9080"
    assert lobby.create(HERE, 0.0, "duel").url.startswith("wss://b.example.com:9080/duel/")


def test_what_cannot_be_made(table: Table) -> None:
    lobby = lobby_over(table)
    assert refused(lambda: lobby.create(HERE, 0.0, "chess"))[0] == 404
    assert refused(lambda: lobby.create(HERE, 0.0, "duel", metadata={"a": [1]}))[0] == 400
    assert refused(lambda: lobby.create(HERE, 0.0, "duel", options={"a": "x" * 2000}))[0] == 400
    table.most = 0
    assert refused(lambda: lobby.create(HERE, 0.0, "duel")) == (503, "there are too many rooms")
    assert refused(lambda: lobby.list(HERE, 0.0, Wanted(), "x"))[0] == 400


# ---------------------------------------------------------------- limits


def test_codes_tried_one_after_another(table: Table) -> None:
    lobby = lobby_over(table, LobbySettings(codes=(0.2, 10), joining=(0, 1)))
    code = lobby.create(HERE, 0.0, "squad").code
    tried = [f"WRNG{number}" for number in range(10)]
    wrong = {refused(lambda code=code: lobby.join(THERE, 0.0, code)) for code in tried}
    # Now the right one is not there either, in the same words; and nobody else is affected.
    wrong.add(refused(lambda: lobby.join(THERE, 0.0, code)))
    assert wrong == {(404, "there is no such room")}
    assert lobby.join(HERE, 0.0, code).code == code
    assert lobby.join(THERE, 5.1, code).code == code


def test_owner_keys_tried_count_as_codes(table: Table) -> None:
    lobby = lobby_over(table, LobbySettings(codes=(0.2, 10)))
    code = lobby.create(HERE, 0.0, "squad").code
    for number in range(10):
        refused(lambda number=number: lobby.change(THERE, 0.0, code, f"{number:032x}"))
    assert refused(lambda: lobby.join(THERE, 0.0, code)) == (404, "there is no such room")


@pytest.mark.parametrize(
    ("limit", "action"),
    [
        ("asking", lambda lobby: lobby.list(HERE, 0.0, Wanted())),
        ("asking", lambda lobby: lobby.create(HERE, 0.0, "chess")),
        ("creating", lambda lobby: lobby.create(HERE, 0.0, "duel")),
        ("joining", lambda lobby: lobby.join(HERE, 0.0, lobby.here)),
        ("matching", lambda lobby: lobby.match(HERE, 0.0, "duel")),
    ],
)
def test_each_request_is_limited_by_address(
    table: Table, limit: str, action: Callable[[Lobby], object]
) -> None:
    lobby = lobby_over(table, replace(LobbySettings(), **{limit: (1.0, 3)}))  # type: ignore[arg-type]
    lobby.here = lobby.create(THERE, 0.0, "hall").code  # type: ignore[attr-defined]
    answers: list[int] = []
    for _ in range(4):
        try:
            action(lobby)
            answers.append(200)
        except LobbyRefusedError as error:
            answers.append(error.status)
    assert answers[:3] != [429] * 3
    assert answers[3] == 429


def test_tickets_are_limited_by_address_and_in_all(table: Table) -> None:
    lobby = lobby_over(
        table, LobbySettings(matching=(0, 1), max_tickets=3, max_tickets_per_address=2)
    )
    for _ in range(2):
        lobby.match(HERE, 0.0, "squad")
    assert refused(lambda: lobby.match(HERE, 0.0, "squad"))[0] == 429
    lobby.match(THERE, 0.0, "squad")
    assert refused(lambda: lobby.match(THERE, 0.0, "squad"))[0] == 429


@pytest.mark.parametrize(
    "wrong",
    [
        {"": "x"},
        {"x" * 65: "y"},
        {"x": "y" * 1024},
        {str(number): "" for number in range(33)},
        {"x": "\ud800"},
        {"\ud800": "x"},
        {1: "x"},
    ],
)
def test_words_that_nobody_may_say(wrong: dict[object, object]) -> None:
    for check in (check_metadata, check_options):
        assert refused(lambda check=check: check(wrong))[0] == 400


def test_words_that_may_be_said() -> None:
    said = {"a": 1, "b": -0.5, "c": True, "d": None, "e": "é", "f": (1 << 53) - 1}
    assert check_metadata(said) == said
    for wrong in (1 << 53, float("nan"), float("inf"), [], {}, b"x"):
        assert refused(lambda wrong=wrong: check_metadata({"a": wrong}))[0] == 400
    for wrong in (1, None, True, b"x"):
        assert refused(lambda wrong=wrong: check_options({"a": wrong}))[0] == 400


# ---------------------------------------------------------------- matches


def test_two_meet(table: Table) -> None:
    lobby = lobby_over(table)
    one = lobby.match(HERE, 0.0, "duel", rating=1000)
    assert lobby.process(0.0) == []
    assert lobby.outcome(HERE, 1.0, one).state == "waiting"
    two = lobby.match(THERE, 2.0, "duel", rating=1050)
    assert lobby.process(2.0) == [one, two]
    places: list[RoomPlace] = []
    for ticket in (one, two):
        outcome = lobby.outcome(HERE, 2.0, ticket)
        assert outcome.state == "matched"
        places += outcome.places
    assert len({place.url for place in places}) == 2
    assert {table.come(place.url) for place in places} == {Came(places[0].code, False)}
    assert lobby.list(HERE, 2.0, Wanted()).rooms == []  # the room of a match is private
    lobby.process(20.0)
    assert refused(lambda: lobby.outcome(HERE, 20.0, one))[0] == 404


def test_a_party_gets_a_place_for_each(table: Table) -> None:
    lobby = lobby_over(table)
    tickets = [lobby.match(HERE, 0.0, "squad", party=size) for size in (3, 1)]
    lobby.process(0.0)
    kept = [lobby.outcome(HERE, 0.0, ticket).places for ticket in tickets]
    assert [len(each) for each in kept] == [3, 1]
    assert all(table.come(place.url) for each in kept for place in each)


def test_a_ticket_that_nobody_asks_about_is_cancelled(table: Table) -> None:
    lobby = lobby_over(table)
    asked = lobby.match(HERE, 0.0, "duel")
    lasting = lobby.match(HERE, 0.0, "squad", lasting=True)
    for now in range(0, 100, 20):
        assert lobby.outcome(HERE, float(now), asked).state == "waiting"
        lobby.process(float(now))
    lobby.process(111.0)
    assert refused(lambda: lobby.outcome(HERE, 111.0, asked))[0] == 404
    lobby.match(THERE, 111.0, "duel")
    assert lobby.process(111.0) == []  # it plays with nobody who has gone
    assert lobby.outcome(HERE, 111.0, lasting).state == "waiting"
    assert lobby.cancel(lasting)
    assert not lobby.cancel(lasting)


def test_a_match_for_which_there_is_no_room(table: Table) -> None:
    lobby = lobby_over(table)
    tickets = [lobby.match(HERE, 0.0, "duel") for _ in range(2)]
    table.most = 0
    lobby.process(0.0)
    for ticket in tickets:
        outcome = lobby.outcome(HERE, 0.0, ticket)
        assert (outcome.state, outcome.text) == ("failed", "there are too many rooms")


@pytest.mark.parametrize(
    "value",
    [float("nan"), 1 << 60, {1}, b"x", "\ud800", {1: "x"}, [[float("inf")]], object()],
    ids=range(8),
)
def test_metadata_that_no_list_can_show_cost_their_own_room_only(
    table: Table, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    lobby = lobby_over(table)
    shown = {"map": "ice", "teams": [{"name": "red", "size": 2}], "open": None}
    lobby.opened(RoomRow("duel", "GOOD", metadata=shown))
    for _ in range(2):
        lobby.changed(RoomRow("duel", "BAD", metadata={"a": value}))
    rooms = lobby.list(HERE, 0.0, Wanted()).rooms
    assert {row.code: row.metadata for row in rooms} == {"GOOD": shown, "BAD": {}}
    assert [record.getMessage()[:9] for record in caplog.records] == ["room BAD "]


def test_metadata_that_contain_themselves_are_not_listed(table: Table) -> None:
    lobby = lobby_over(table)
    endless: list[object] = []
    endless.append(endless)
    lobby.changed(RoomRow("duel", "BAD", metadata={"a": endless}))
    assert lobby.list(HERE, 0.0, Wanted()).rooms == [RoomRow("duel", "BAD")]


def test_what_cannot_be_matched(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = lobby_over(table)
    monkeypatch.setitem(SIZES, "crowd", MOST + 1)  # a room keeps no place for the last one
    assert refused(lambda: lobby.match(HERE, 0.0, "crowd"))[0] == 404
    assert refused(lambda: lobby.match(HERE, 0.0, "chess"))[0] == 404
    assert refused(lambda: lobby.match(HERE, 0.0, "hall"))[0] == 404
    assert refused(lambda: lobby.match(HERE, 0.0, "duel", party=3))[0] == 400
    assert refused(lambda: lobby.match(HERE, 0.0, "duel", rating=float("nan")))[0] == 400
    assert refused(lambda: lobby.outcome(HERE, 0.0, "none"))[0] == 404


def test_the_window_of_the_settings_holds(table: Table) -> None:
    lobby = lobby_over(table, LobbySettings(window=RatingWindow(10, 0), matching=(0, 1)))
    for rating in (0, 100):
        lobby.match(HERE, 0.0, "duel", rating=rating)
    assert lobby.process(1.0) == []
    assert lobby.next_deadline() <= 2.0


def test_nothing_to_do_without_tickets(table: Table) -> None:
    assert lobby_over(table).next_deadline() == float("inf")


# ---------------------------------------------------------------- interrupted


class Played:
    """Four who want a duel, one of whose steps is interrupted; whoever asked in vain asks again."""

    def __init__(self, steps: Steps) -> None:
        self.table = Table()
        self.lobby = lobby_over(self.table)
        self.tickets: list[str] = []
        for _ in range(4):
            before = len(self.tickets)
            for _ in range(2):
                if len(self.tickets) == before:
                    steps(self.ask)
            steps(self.process)
        if len(self.lobby.tickets) % 2:  # one was given out that never arrived
            self.ask()
        for _ in range(3):
            self.table.now += 1
            self.process()

    def process(self) -> None:
        self.lobby.process(self.table.now)

    def ask(self) -> None:
        self.tickets.append(self.lobby.match(HERE, self.table.now, "duel"))


def test_an_interrupt_anywhere_loses_no_ticket_and_seats_nobody_twice() -> None:
    counting = Steps(0, Interrupt)
    Played(counting)
    assert counting.count > 200
    for at in range(1, counting.count + 1):
        played = Played(Steps(at, Interrupt))
        outcomes = [played.lobby.outcome(HERE, played.table.now, each) for each in played.tickets]
        assert {outcome.state for outcome in outcomes} == {"matched"}, at
        urls = [place.url for outcome in outcomes for place in outcome.places]
        assert len({*urls}) == len(urls) == len(outcomes), at
        came = Counter(came.code for url in urls if (came := played.table.come(url)))
        assert came.total() == len(urls), at
        assert {*came.values()} <= ({2} if len(urls) == 4 else {1, 2}), at
        assert len(played.lobby.tickets.matcher) == 0, at


# ---------------------------------------------------------------- all of it


class Anything(RuleBasedStateMachine):
    """Whatever is asked in whatever order: no room has more players than places."""

    urls = Bundle("urls")
    owned = Bundle("owned")
    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.table.most = 6
        self.lobby = lobby_over(self.table)
        self.used: set[str] = set()
        self.given: dict[str, float] = {}
        self.made_at: dict[str, float] = {}

    def give(self, *places: RoomPlace) -> list[str]:
        for place in places:
            assert place.url not in self.given
            self.given[place.url] = self.table.now
        return [place.url for place in places]

    @rule(target=owned, kind=st.sampled_from(["duel", "squad"]), private=st.booleans())
    def create(self, kind: str, private: bool) -> object:
        now = self.table.now
        if len(self.table.rows) == self.table.most:
            assert refused(lambda: self.lobby.create(HERE, now, kind))[0] == 503
            return multiple()
        place = self.lobby.create(HERE, now, kind, private=private)
        self.give(place)
        return place

    @rule(target=urls, place=owned)
    def mine(self, place: RoomPlace) -> str:
        return place.url

    @rule(target=urls, place=owned)
    def join(self, place: RoomPlace) -> object:
        now, row = self.table.now, self.table.rows.get(place.code)
        if row is None or row.locked or not self.table.has_place(place.code):
            status = 404 if row is None else 409
            assert refused(lambda: self.lobby.join(THERE, now, place.code))[0] == status
            return multiple()
        return self.give(self.lobby.join(THERE, now, place.code))[0]

    @rule(url=urls)
    def come(self, url: str) -> None:
        age = self.table.now - self.given[url]
        code = url.split("/")[2].split("?", maxsplit=1)[0]
        good = code in self.table.rows and age < 15 and url not in self.used
        assert (self.table.come(url) is not None) is good
        if good:
            self.used.add(url)

    @rule(place=owned)
    def come_without(self, place: RoomPlace) -> None:
        self.table.come(f"/{place.kind}/{place.code}")

    @rule(place=owned, locked=st.booleans())
    def lock(self, place: RoomPlace, locked: bool) -> None:
        def lock() -> None:
            self.lobby.change(HERE, self.table.now, place.code, place.owner_key, locked=locked)

        if place.code in self.table.rows:
            lock()
        else:
            assert refused(lock)[0] == 404

    @rule(place=owned)
    def close(self, place: RoomPlace) -> None:
        if place.code in self.table.rows:
            self.table.close(place.code)

    @rule(target=tickets, kind=st.sampled_from(["duel", "squad"]), party=st.integers(1, 2))
    def match(self, kind: str, party: int) -> str:
        return self.lobby.match(HERE, self.table.now, kind, party=party)

    @rule(target=urls, ticket=tickets)
    def ask(self, ticket: str) -> object:
        try:
            outcome = self.lobby.outcome(HERE, self.table.now, ticket)
        except LobbyRefusedError:
            return multiple()
        fresh = [place for place in outcome.places if place.url not in self.given]
        for place in fresh:
            # It was kept when the match was made, some time ago.
            self.given[place.url] = self.made_at[ticket]
        return multiple(*[place.url for place in fresh])

    @rule(seconds=st.sampled_from([0.0, 0.5, 7.0, 15.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.table.now += seconds
        for ticket in self.lobby.process(self.table.now):
            self.made_at[ticket] = self.table.now

    @rule(ticket=tickets)
    def cancel(self, ticket: str) -> None:
        self.lobby.cancel(ticket)

    @invariant()
    def nobody_stands(self) -> None:
        for row in self.table.rows.values():
            held = self.table.kept[row.code].held(self.table.now)
            assert row.players + held <= row.capacity
            assert self.lobby.listing.find(row.code) == row
        assert len(self.lobby.listing) == len(self.table.rows)


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
