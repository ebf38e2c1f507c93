"""What nodes write before connections that they pass on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from multiplayer.rooms.letter import LONGEST, read_letter, write_letter

SECRET = b"s" * 32
LETTER = write_letter(SECRET, "b/1", ("2001:db8::1", 50123))


def test_what_was_written_is_read() -> None:
    assert read_letter(SECRET, "b/1", LETTER) == ("2001:db8::1", 50123)
    assert LETTER.endswith(b"\n")
    longest = write_letter(SECRET, "b/1", ("ffff:" * 7 + "255.255.255.255%interface0", 65535))
    assert len(longest) <= LONGEST


def test_others_cannot_write_it() -> None:
    assert read_letter(b"t" * 32, "b/1", LETTER) is None
    assert read_letter(SECRET, "c/1", LETTER) is None
    assert read_letter(SECRET, "b/1", LETTER.replace(b"50123", b"50124")) is None
    assert read_letter(SECRET, "b/1", LETTER.replace(b" 1 ", b" 2 ")) is None
    assert read_letter(SECRET, "b/1", LETTER + b" " * LONGEST) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_none(line: bytes) -> None:
    assert read_letter(SECRET, "b/1", line) is None
