"""``multiplayer.endpoint.seat_keys``: tokens that nobody else can make."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer import MultiplayerError
from multiplayer.endpoint.resume_words import Return, read_wish, write_wish
from multiplayer.endpoint.seat_keys import NONCE_BITS, Claim, SeatKeys, hash_of, room_of

SECRET = bytes(range(32))
IDS = st.integers(2, 2**31 - 1)
NONCES = st.integers(0, 2**NONCE_BITS - 1)
KEYS = SeatKeys(SECRET, "duel/K7QX", 3)
TOKEN = KEYS.token(7, 12345, 1000.0)


@given(IDS, NONCES, st.floats(1, 1e10))
def test_a_token_says_whose_seat_it_is_until_it_expires(
    peer: int, nonce: int, expiry: float
) -> None:
    token = KEYS.token(peer, nonce, expiry)
    assert KEYS.read(token, int(expiry) - 1) == Claim(peer, nonce)
    assert KEYS.read(token, expiry) is None
    wish = Return(token, 0, 1, 0)
    assert read_wish("/?" + write_wish(wish)) == wish


@pytest.mark.parametrize(
    "other",
    [
        SeatKeys(SECRET, "duel/K7QX", 4),
        SeatKeys(SECRET, "duel/K7QY", 3),
        SeatKeys(SECRET, "duel/K7Q", 3),
        SeatKeys(SECRET, "", 3),
        SeatKeys(bytes(32), "duel/K7QX", 3),
    ],
    ids=["epoch", "room", "shorter room", "no room", "secret"],
)
def test_a_token_of_elsewhere_says_nothing(other: SeatKeys) -> None:
    assert other.read(TOKEN, 0.0) is None
    assert SeatKeys(SECRET, "duel/K7QX", 3).read(TOKEN, 0.0) == Claim(7, 12345)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("ABCxyz019-_=+/. \n€"))
def test_a_token_with_one_other_character_says_nothing(place: int, character: str) -> None:
    forged = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert (KEYS.read(forged, 0.0) is None) == (forged != TOKEN)


@given(st.text(max_size=100) | st.integers(0, len(TOKEN)).map(lambda size: TOKEN[:size]))
def test_any_other_text_says_nothing(text: str) -> None:
    if text != TOKEN:
        assert KEYS.read(text, 0.0) is None
    assert KEYS.read(TOKEN + text, 0.0) == (None if text else Claim(7, 12345))


def test_it_is_an_hmac_over_all_of_it() -> None:
    """As the standard library makes it from what the page says."""
    data = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    said = (7).to_bytes(4, "big") + (1000).to_bytes(8, "big") + (12345).to_bytes(8, "big")
    context = b"gdpeers seat 1\x003 9\x00duel/K7QX"
    assert data == said + hmac.new(SECRET, context + said, hashlib.sha256).digest()


def test_no_two_rooms_have_one_context() -> None:
    one = SeatKeys(SECRET, "1\x00a").token(7, 1, 9.0)
    assert SeatKeys(SECRET, "a", 1).read(one, 0.0) is None


def test_its_repr_has_no_secret() -> None:
    assert repr(KEYS) == "SeatKeys(…)"
    with pytest.raises(MultiplayerError, match="16 random bytes"):
        SeatKeys(b"short")


def test_keys_are_kept_as_hashes() -> None:
    assert len(hash_of("a" * 22)) == 32
    assert hash_of("a" * 22) != hash_of("a" * 23)


def test_a_token_says_of_which_room_it_is() -> None:
    keys = SeatKeys(SECRET, "K7QX")
    token = keys.token(7, 1, 9.0)
    assert room_of(token) == "K7QX"
    assert keys.read(token, 0.0) == Claim(7, 1)
    moved = token.replace("K7QX", "K7QY")
    assert keys.read(moved, 0.0) is None
    assert SeatKeys(SECRET, "K7QY").read(moved, 0.0) is None
    assert room_of(TOKEN) == room_of("") == room_of("€.abc") == ""
