"""``support.log_bounds``: so many lines a minute for each address, and one about the others."""

from __future__ import annotations

import logging
import math

import pytest

from multiplayer.support.log_bounds import MOST_SOURCES, WINDOW, LogBounds, source_of

ADA, BOB = "203.0.113.7", "203.0.113.8"


class Told:
    def __init__(self, most: int = 3) -> None:
        self.lines: list[tuple[int, str, dict[str, object]]] = []
        self.bounds = LogBounds(lambda *what: self.lines.append(what), most)

    def allowed(
        self, count: int, address: str = ADA, level: int = logging.INFO, now: float = 0.0
    ) -> int:
        """How many of so many lines may be written."""
        return sum(self.bounds.allow(address, level, now) for _ in range(count))


def test_of_many_lines_some_are_left_out_and_one_says_how_many() -> None:
    told = Told()
    assert told.allowed(100) == 3
    assert told.allowed(2, now=WINDOW - 1) == 0
    assert (told.lines, told.bounds.due) == ([], WINDOW)
    told.bounds.tell(WINDOW)
    fields = {"address": ADA, "kind": "log_lines_left_out", "count": 99}
    assert told.lines == [(logging.INFO, f"{ADA}: 99 further lines were left out", fields)]
    assert (told.bounds.due, told.bounds.left_out) == (math.inf, 99)
    assert told.allowed(100, now=WINDOW) == 3


def test_addresses_and_warnings_are_counted_by_themselves() -> None:
    told = Told()
    assert told.allowed(10) == 3
    assert told.allowed(10, BOB) == 3
    assert told.allowed(10, level=logging.WARNING) == 3
    assert told.allowed(10, level=logging.ERROR) == 0
    told.bounds.tell_all()
    assert [(level, line) for level, line, _ in told.lines] == [
        (logging.INFO, f"{ADA}: 7 further lines were left out"),
        (logging.INFO, f"{BOB}: 7 further lines were left out"),
        (logging.WARNING, f"{ADA}: 17 further warnings were left out"),
    ]


def test_who_keeps_to_it_is_told_of_by_nothing() -> None:
    told = Told()
    for minute in range(5):
        assert told.allowed(3, now=minute * WINDOW) == 3
    told.bounds.tell_all()
    assert (told.lines, told.bounds.left_out) == ([], 0)


def test_0_is_no_limit() -> None:
    told = Told(most=0)
    assert told.allowed(10_000) == 10_000
    assert told.bounds.due == math.inf


def test_the_addresses_of_one_ipv6_network_are_one_source() -> None:
    told = Told()
    assert sum(told.allowed(1, f"2001:db8:1:2::{number:x}") for number in range(100)) == 3
    assert told.allowed(1, "2001:db8:1:3::1") == 1
    told.bounds.tell_all()
    assert told.lines[0][1] == "2001:db8:1:2::/64: 97 further lines were left out"


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("", ""),
        (ADA, ADA),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "no:address"),
    ],
)
def test_whom_an_address_counts_for(address: str, source: str) -> None:
    assert source_of(address) == source


def test_a_million_addresses_take_bounded_memory_and_lines() -> None:
    told = Told(most=1)
    written = sum(told.allowed(2, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(100_000))
    assert written == 2 * MOST_SOURCES + 1
    assert len(told.bounds._counts) == 2 * MOST_SOURCES + 1
    told.bounds.tell(WINDOW)
    assert len(told.bounds._counts) == 0
    left_out = 200_000 - written
    assert sum(int(str(fields["count"])) for _, _, fields in told.lines) == left_out
    assert told.lines[-1][1].startswith("other addresses: ")


def test_a_minute_that_is_over_is_told_when_another_line_comes() -> None:
    told = Told(most=1)
    told.allowed(5)
    told.allowed(5, BOB, now=WINDOW / 2)
    assert told.allowed(1, BOB, now=WINDOW + 1) == 0
    assert [line for _, line, _ in told.lines] == [f"{ADA}: 4 further lines were left out"]
    assert told.bounds.due == WINDOW * 1.5


def test_a_clock_that_is_put_back_silences_nobody() -> None:
    told = Told(most=1)
    assert told.allowed(2, now=1e9) == 1
    assert told.allowed(2, now=5.0) == 1
