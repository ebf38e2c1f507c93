"""Words, queries and tokens of those who come back: any bytes mean something, or nothing."""

from __future__ import annotations

from multiplayer.endpoint.resume_words import (
    Ack,
    Greeting,
    NewSeat,
    Renewed,
    Return,
    RosterEnd,
    read_wish,
    read_word,
    without_secrets,
    write_wish,
    write_word,
)
from multiplayer.endpoint.seat_keys import Claim, SeatKeys, room_of
from tests.test_resume_page import QUERIES, WORDS

_KEYS = SeatKeys(bytes(16), "K7QX")
_TOKEN = _KEYS.token(7, 1 << 60, 1e9)


def words(data: bytes) -> None:
    """A word is read as it would be written, or not at all."""
    word = read_word(data)
    if word is not None:
        assert read_word(write_word(word)) == word


def word_seeds() -> list[bytes]:
    greeting = Greeting(_TOKEN, 30.0, 7, 4, True)
    said = greeting, Ack(64), Renewed(1234567), RosterEnd()
    return [*(write_word(word) for word in said), *(word.encode() for word, _ in WORDS)]


def queries(data: bytes) -> None:
    """A query is read as it would be written; no token but the one opens anything."""
    target = data.decode("latin-1")
    wish = read_wish(target)
    without_secrets(target)
    if isinstance(wish, NewSeat | Return):
        assert read_wish("/?" + write_wish(wish)) == wish
    token = wish.token if isinstance(wish, Return) else target
    claim = _KEYS.read(token, 0.0)
    room_of(token)
    assert claim == (Claim(7, 1 << 60) if token == _TOKEN else None)


def query_seeds() -> list[bytes]:
    wishes = NewSeat(), Return(_TOKEN, 7, 4, 0)
    asked = [write_wish(wish) for wish in wishes] + [query for query, _ in QUERIES]
    return [_TOKEN.encode(), *(f"/duel/K7QX?{query}".encode() for query in asked)]
