"""``docs/protocol/resume.md`` says what the packages do."""

from __future__ import annotations

import re

import pytest

from multiplayer.endpoint import resume_words as words
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.resume_words import (
    Ack,
    Greeting,
    KeyedSeat,
    NewSeat,
    NoSense,
    Renewed,
    Return,
    RosterEnd,
)
from tests.marked_blocks import text_of

PAGE = text_of("docs/protocol/resume.md")


def table(kind: str) -> list[tuple[str, str]]:
    """The rows of a fenced table, its head left out."""
    (block,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    rows = [line.rpartition("|") for line in block.splitlines()[1:]]
    return [(example.strip(), meaning.strip()) for example, _, meaning in rows]


QUERIES = table("queries")
WORDS = table("words")


def meaning_of_query(wish: words.Wish | None) -> str:
    match wish:
        case None:
            return "nothing"
        case NewSeat():
            return "new seat"
        case Return(token, received, number, lost):
            return f"return {token} {received} {number} {lost}"
        case KeyedSeat(key):
            return f"key {key}"
        case NoSense(why):
            return "bad key" if why else "gone"


def meaning_of_word(word: words.Word | None) -> str:
    match word:
        case None:
            return "violation"
        case Greeting(seat, grace, received, number, replayed):
            how = {None: "first", True: "replayed", False: "anew"}[replayed]
            return f"greeting {seat} {grace:g} {received} {number} {how}"
        case Ack(number):
            return f"ack {number}"
        case Renewed(peer):
            return f"renewed {peer}"
        case RosterEnd():
            return "roster"


@pytest.mark.parametrize(("query", "meaning"), QUERIES, ids=[query for query, _ in QUERIES])
def test_what_a_query_asks_for(query: str, meaning: str) -> None:
    wish = words.read_wish(f"/room/7?{query}")
    assert meaning_of_query(wish) == meaning
    if isinstance(wish, NewSeat | Return):
        assert words.read_wish("/?" + words.write_wish(wish)) == wish
    assert words.read_wish(f"/room/7;{query}") is None
    secrets = re.findall(r"(?<=seat=)\w+|(?<=seat_key=)[\w-]+", query)
    assert not any(each in words.without_secrets(f"ws://a/?{query}") for each in secrets)


@pytest.mark.parametrize(("word", "meaning"), WORDS, ids=[word for word, _ in WORDS])
def test_what_a_word_says(word: str, meaning: str) -> None:
    read = words.read_word(word.encode())
    assert meaning_of_word(read) == meaning
    if read is not None:
        assert words.read_word(words.write_word(read)) == read


def test_the_page_has_an_example_of_everything() -> None:
    meanings = {meaning.split()[0] for _, meaning in QUERIES}
    assert meanings == {"nothing", "new", "return", "key", "bad", "gone"}
    meanings = {meaning.split()[0] for _, meaning in WORDS}
    assert meanings == {"greeting", "ack", "renewed", "roster", "violation"}
    assert {meaning.split()[-1] for _, meaning in WORDS} >= {"first", "replayed", "anew"}


def test_the_page_names_the_numbers_of_the_code() -> None:
    assert f"at most {words.MAX_WORD} bytes" in PAGE
    assert words.MAX_NUMBER == 2**53 - 1
    assert {CloseCode.SEAT_GONE, CloseCode.TAKEN_OVER} == {4003, 4009}
