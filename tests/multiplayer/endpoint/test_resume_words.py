"""``multiplayer.endpoint.resume_words``: any text may come; ``test_resume_page.py``: what."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiplayer.endpoint.resume_words import (
    MAX_NUMBER,
    MAX_WORD,
    Ack,
    Greeting,
    NoSense,
    Return,
    read_wish,
    read_word,
    without_secrets,
    write_wish,
    write_word,
)

NUMBERS = st.integers(0, MAX_NUMBER)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
NAMES = st.sampled_from(["resume", "ack", "renewed", "roster", "seat", "next", "received"])


@given(st.text().map(str.encode) | st.dictionaries(NAMES, JSON).map(json.dumps).map(str.encode))
def test_any_text_is_a_word_or_none(text: bytes) -> None:
    word = read_word(text)
    if word is not None:
        assert read_word(write_word(word)) == word


@pytest.mark.parametrize("text", [b"[" * 4096, b'{"a":' * 800, b'{"ack":' + b"9" * 4000 + b"}"])
def test_what_is_deep_or_huge_is_no_word(text: bytes) -> None:
    assert read_word(text) is None


def test_what_is_too_long_is_no_word() -> None:
    assert read_word(b'{"ack":1' + b" " * (MAX_WORD - 9) + b"}") == Ack(1)
    assert read_word(b'{"ack":1' + b" " * (MAX_WORD - 8) + b"}") is None


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_json_does_not_have_is_no_word(constant: str) -> None:
    said = '{"resume":1,"seat":"a","grace":%s,"received":0,"next":1}'
    assert read_word((said % "1e3").encode()) == Greeting("a", 1000.0, 0, 1)
    assert read_word((said % constant).encode()) is None


@given(st.text(max_size=200))
def test_any_target_can_be_read(target: str) -> None:
    read_wish(target)
    read_wish("/?resume=1&" + target)
    read_wish("/?seat_key=" + target)


@given(NUMBERS, NUMBERS.map(lambda number: max(1, number)), st.data())
def test_what_is_asked_for_is_read(received: int, number: int, data: st.DataObject) -> None:
    wish = Return("a-b_c.d", received, number, data.draw(st.integers(0, number)))
    assert read_wish("/room?x=1&" + write_wish(wish)) == wish


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/duel/K7QX?level=3", "/duel/K7QX?level=3"),
        ("/?resume=1&seat=abc&next=3", "/?resume=1&seat=…&next=3"),
        ("wss://a.org/?seat_key=abc", "wss://a.org/?seat_key=…"),
        ("/?SEAT_KEY=abc&seat_keys=all", "/?SEAT_KEY=…&seat_keys=all"),
        ("/seat=here", "/seat=here"),
        ("/duel/K7QX?reservation=abc&a=1", "/duel/K7QX?reservation=…&a=1"),
        ("ws://a.org/?nick=Ann&access_token=abc", "ws://a.org/?nick=Ann&access_token=…"),
        ("/?apikey=abc;Key=d;monkey=e", "/?apikey=…;Key=…;monkey=e"),
        ("/?password=abc=d&JWT=e&x-auth=f#a", "/?password=…&JWT=…&x-auth=…#a"),
        ("ws://ann:pass@a.org/a@b?c=d", "ws://…@a.org/a@b?c=d"),
        ("/?a@b=c", "/?a@b=c"),
    ],
)
def test_logs_have_no_secrets(target: str, shown: str) -> None:
    assert without_secrets(target) == shown


def test_too_many_fields_ask_for_nothing_that_makes_sense() -> None:
    assert isinstance(read_wish("/?resume=1" + "&a=1" * 100), NoSense)
    assert read_wish("/?" + "&a=1" * 100) is None
