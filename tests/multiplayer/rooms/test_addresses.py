"""What a URL says about a room, and what nonsense it may say without harm."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multiplayer.rooms.addresses import RoomAddress, Wish, address_of, is_name

NAMED = Wish.NAMED


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("/duel/K7QX", RoomAddress(NAMED, "duel", "K7QX")),
        ("/K7QX", RoomAddress(NAMED, "", "K7QX")),
        (
            "/duel/new?map=ice&size=2",
            RoomAddress(Wish.NEW, "duel", "", {"map": "ice", "size": "2"}),
        ),
        ("/duel/any", RoomAddress(Wish.ANY, "duel")),
        ("/game/ws?room=K7QX&map=ice", RoomAddress(NAMED, "", "K7QX", {"map": "ice"})),
        ("/duel/K7QX?reservation=ab", RoomAddress(NAMED, "duel", "K7QX", {}, "ab")),
        ("/duel/any?resume=1&seat=x&received=4&next=2&lost=0", RoomAddress(Wish.ANY, "duel")),
        ("/du%65l/new?a=1&a=2&b=", RoomAddress(Wish.NEW, "duel", "", {"a": "2", "b": ""})),
    ],
)
def test_what_a_target_asks_for(target: str, address: RoomAddress) -> None:
    assert address_of(target) == address


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "",
        "*",
        "//",
        "/duel/",
        "/duel/K7QX/",
        "/new",
        "/any",
        "/../duel",
        "/duel/..%2f..%2fetc",
        "/duel/%00",
        "/duel/K7 QX",
        "/duel/Ünï",
        "/-duel/x",
        "/x?room=",
        "/x?room=a/b",
        "/duel/" + "x" * 65,
        "/duel/x?" + "a" * 5000,
        "/duel/new?" + "&".join(f"a{n}=1" for n in range(40)),
    ],
)
def test_what_names_no_room(target: str) -> None:
    assert address_of(target) is None


@given(st.text(max_size=200) | st.text("/?&=%;newanyroomABC019-_\0", max_size=60))
@example("/duel/new?%")
@example("/duel/new?a=%ff%fe")
def test_any_target_is_an_address_or_none(target: str) -> None:
    address = address_of(target)
    if address is not None:
        assert address.kind == "" or is_name(address.kind)
        assert is_name(address.code) == (address.wish is NAMED)
        assert address.code not in ("new", "any") or "room=" in target
