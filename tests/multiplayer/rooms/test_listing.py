"""``multiplayer.rooms.listing``: nothing twice and nothing left out, whatever comes and goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import MultiplayerError
from multiplayer.rooms.listing import PAGE, Listing, RoomRow, Wanted

KINDS = ("duel", "race")
rows = st.builds(
    RoomRow,
    st.sampled_from(KINDS),
    st.from_regex(r"\A[A-F]{2}\Z"),
    st.integers(0, 2),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
    st.fixed_dictionaries({"map": st.sampled_from(["ice", "lava"])}),
)
changes = st.one_of(rows, st.from_regex(r"\A[A-F]{2}\Z"))
wishes = st.builds(
    Wanted,
    st.sampled_from(["", *KINDS]),
    st.booleans(),
    st.sampled_from([{}, {"map": "ice"}, {"map": "mud"}, {"mode": 1}]),
)


def apply(listing: Listing, change: RoomRow | str) -> None:
    if isinstance(change, str):
        listing.remove(change)
    else:
        listing.put(change)


@given(
    st.lists(rows, max_size=30),
    st.lists(st.lists(changes, max_size=4), max_size=40),
    wishes,
    st.integers(1, 7),
)
def test_who_was_there_all_the_time_is_listed_once_and_nobody_twice(
    first: list[RoomRow], between: list[list[RoomRow | str]], wanted: Wanted, most: int
) -> None:
    listing = Listing()
    for row in first:
        listing.put(row)
    touched = {each if isinstance(each, str) else each.code for step in between for each in step}
    lasting = {row.code: row for row in first if row.code not in touched}
    seen: list[str] = []
    closed_since: set[str] = set()
    cursor = ""
    for step in [*between, *[[]] * 40]:
        page = listing.page(wanted, cursor, most)
        assert len(page.rooms) <= most
        assert all(wanted.fits(row) and listing.find(row.code) == row for row in page.rooms)
        seen += [row.code for row in page.rooms]
        cursor = page.cursor
        if not cursor:
            break
        for change in step:
            apply(listing, change)
            if isinstance(change, str):
                closed_since.add(change)
    assert cursor == ""
    again = [code for code in seen if seen.count(code) > 1]
    assert not again  # a code that is closed and opened anew is newer than the cursor
    assert {code for code, row in lasting.items() if wanted.fits(row)} <= {*seen}


def test_the_newest_come_first_and_a_page_has_fifty() -> None:
    listing = Listing()
    for number in range(120):
        listing.put(RoomRow("duel", f"R{number}"))
    listing.put(RoomRow("duel", "R5", players=1))  # a change moves nothing
    codes: list[str] = []
    cursor = ""
    for length in (PAGE, PAGE, 20):
        page = listing.page(Wanted(), cursor)
        assert len(page.rooms) == length
        codes += [row.code for row in page.rooms]
        cursor = page.cursor
    assert codes == [f"R{number}" for number in reversed(range(120))]
    assert cursor == ""


def test_a_page_costs_no_more_than_a_thousand_rooms() -> None:
    listing = Listing()
    listing.put(RoomRow("race", "OLD"))
    for number in range(2500):
        listing.put(RoomRow("duel", f"R{number}"))
    cursor, pages = "", 0
    while True:
        page = listing.page(Wanted("race"), cursor)
        pages += 1
        if page.rooms:
            break
        cursor = page.cursor
        assert cursor
    assert pages == 3
    assert page.rooms[0].code == "OLD"


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 40, "²"])
def test_a_cursor_that_no_page_had(cursor: str) -> None:
    with pytest.raises(MultiplayerError, match="cursor"):
        Listing().page(Wanted(), cursor)


@pytest.mark.parametrize("most", [0, 51, -1])
def test_a_page_that_is_too_large(most: int) -> None:
    with pytest.raises(MultiplayerError, match="1 to 50"):
        Listing().page(Wanted(), "", most)


def test_values_of_a_query_are_texts() -> None:
    row = RoomRow("duel", "A", metadata={"level": 3, "hard": True, "map": "ice", "list": [1]})
    assert Wanted(metadata={"level": "3", "hard": "true", "map": "ice"}).fits(row)
    assert Wanted(metadata={"level": 3, "hard": True, "list": [1]}).fits(row)
    for name, value in (("level", "4"), ("hard", "True"), ("hard", 1), ("list", "[1]"), ("x", "")):
        assert not Wanted(metadata={name: value}).fits(row), name
