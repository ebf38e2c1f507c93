"""``multiplayer.support.log_once``: one line per peer and kind, and a count at the end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from multiplayer.support.log_once import LogOnce

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = logging.getLogger("multiplayer.tests")


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> LogOnce:
    caplog.set_level(logging.DEBUG)
    return LogOnce(LOG)


def test_the_first_of_each_kind_of_each_peer_is_logged(
    faults: LogOnce, caplog: pytest.LogCaptureFixture
) -> None:
    noted = [
        faults.note(7, "short_packet", "3 bytes"),
        faults.note(7, "short_packet", "4 bytes"),
        faults.note(7, "unknown_node"),
        faults.note(8, "short_packet", "5 bytes", level=logging.INFO),
    ]
    assert noted == [True, False, True, True]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "peer 7: short_packet: 3 bytes (further ones are counted)"),
        ("WARNING", "peer 7: unknown_node (further ones are counted)"),
        ("INFO", "peer 8: short_packet: 5 bytes (further ones are counted)"),
    ]


def test_the_end_of_a_peer_says_how_often_and_forgets_it(
    faults: LogOnce, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1000):
        faults.note(7, "short_packet")
    faults.note(7, "unknown_node")
    faults.note(8, "short_packet")
    caplog.clear()
    faults.end(7)
    assert [record.getMessage() for record in caplog.records] == [
        "peer 7: short_packet, 1000 times in all"
    ]
    faults.end(7)
    faults.end(99)
    assert len(caplog.records) == 1
    assert faults.note(7, "short_packet")
    assert not faults.note(8, "short_packet")


def test_many_kinds_of_one_peer_count_as_one_in_the_end(
    faults: LogOnce, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1000):
        faults.note(7, f"Bullet{number}: hit()", "raised KeyError")
    assert len(faults._counts[7]) == len(caplog.records) == 65
    assert caplog.messages[-1] == (
        "peer 7: further kinds: Bullet64: hit(): raised KeyError (further ones are counted)"
    )
    assert faults.note(8, "Bullet999: hit()")
    assert not faults.note(7, "Bullet0: hit()")
    faults.end(7)
    assert caplog.messages[-2:] == [
        "peer 7: Bullet0: hit(), 2 times in all",
        "peer 7: further kinds, 936 times in all",
    ]


def test_peer_and_kind_are_fields_of_the_records(
    faults: LogOnce, caplog: pytest.LogCaptureFixture
) -> None:
    fields = {"address": "203.0.113.7", "dialect": "gd_mp"}
    faults.note(7, "short_packet", fields=fields)
    faults.note(7, "short_packet", fields=fields)
    faults.end(7, fields=fields)
    for record in caplog.records:
        assert record.__dict__.items() >= {**fields, "peer_id": 7, "kind": "short_packet"}.items()
    assert caplog.records[-1].__dict__["count"] == 2


def test_what_a_peer_chose_is_one_short_line(
    faults: LogOnce, caplog: pytest.LogCaptureFixture
) -> None:
    faults.note(7, "unknown_node", "there is no node 'a\nWARNING b'" + "x" * 60_000)
    faults.note(7, "at a\nWARNING b")
    faults.note(7, "at a\nWARNING b")
    faults.end(7)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    assert not [line for line in lines if "\n" in line or len(line) > 300]


def test_what_may_not_be_logged_is_counted_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[tuple[int, int, object]] = []

    def may_log(peer: int, level: int, fields: Mapping[str, object]) -> bool:
        asked.append((peer, level, fields.get("address")))
        return peer != 8

    faults = LogOnce(LOG, may_log)
    for peer in (7, 8):
        for _ in range(3):
            faults.note(peer, "short_packet", fields={"address": "a"})
        faults.end(peer)
    assert [record.getMessage() for record in caplog.records] == [
        "peer 7: short_packet (further ones are counted)",
        "peer 7: short_packet, 3 times in all",
    ]
    assert asked == [
        (7, logging.WARNING, "a"),
        (7, logging.INFO, None),
        (8, logging.WARNING, "a"),
        (8, logging.INFO, None),
    ]


def test_what_nobody_wants_to_read_uses_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    asked: list[int] = []
    faults = LogOnce(LOG, lambda peer, level, _: bool(asked.append(level)))
    faults.note(7, "dropped", level=logging.INFO)
    faults.note(7, "dropped")
    faults.end(7)
    assert asked == []
