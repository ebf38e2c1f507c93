"""``multiplayer.support.log_text``: what peers chose, in a line of ours."""

from __future__ import annotations

import pytest

from multiplayer.support.log_text import LONGEST, one_line


def test_short_text_stays_as_it_is() -> None:
    assert one_line("there is no node 'Main/Ädä'") == "there is no node 'Main/Ädä'"
    assert one_line("x" * LONGEST) == "x" * LONGEST


def test_long_text_keeps_both_ends() -> None:
    text = one_line("begin " + "x" * 60_000 + " end")
    assert len(text) == LONGEST
    assert text.startswith("begin x")
    assert "x…x" in text
    assert text.endswith("x end")
    assert one_line("abcdefghij", 5) == "ab…ij"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nWARNING b", "a\\nWARNING b"),
        ("\r\x1b[2K", "\\r\\x1b[2K"),
        ("\u2028 \u202e \ud800", "\\u2028 \\u202e \\ud800"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, line: str) -> None:
    assert one_line(text) == line


def test_escapes_do_not_make_it_longer() -> None:
    assert len(one_line("\x00" * 60_000)) == LONGEST
