"""``docs/rooms.md``: its program prints what it says, and its table is what happens."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.games import killed
from multiplayer.rooms.addresses import is_name
from peers import CloseCode, Room, RoomServer
from tests.marked_blocks import blocks_of, ran, text_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/rooms.md")
BLOCKS = blocks_of(TEXT)


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    assert [*BLOCKS] == [("run", "duel.py"), ("output", "duel.py")]
    ended = ran(BLOCKS["run", "duel.py"], tmp_path, "duel.py")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", "duel.py"]


def test_a_room_takes_twenty_lines() -> None:
    program = BLOCKS["run", "duel.py"]
    server = program.partition("class Scores")[2].partition("async def play")[0]
    assert len([line for line in server.splitlines() if line.strip()]) < 20


def test_the_methods_are_those_of_a_room() -> None:
    table = TEXT.partition("## What a room is told")[2].partition("\n\nWhat these raise")[0]
    named = re.findall(r"`(\w+)\(", table.partition("|---|---|\n")[2])
    assert {"opened", "joined", "suspended", "resumed", "left", "save", "restored"} <= {*named}
    assert [name for name in named if not hasattr(Room, name) and name != "Refuse"] == []


def test_the_settings_are_those_of_a_room() -> None:
    table = TEXT.partition("## Settings")[2].partition("\n\nOf the server")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, re.MULTILINE))
    assert rows.pop("dialect") == Room.dialect.name
    assert rows == {name: str(getattr(Room, name)) for name in rows}
    declared = {name for name in Room.__annotations__ if not name.startswith("_")}
    assert {*rows, "dialect"} == declared
    server = RoomServer({})
    assert f"`max_rooms` ({server.max_rooms};" in TEXT
    assert f"`max_rooms_per_address` ({server.max_rooms_per_address}:" in TEXT


def test_the_codes_are_those_of_the_enum() -> None:
    assert CloseCode.NO_SUCH_ROOM == 4004
    assert "refused with 4004" in TEXT
    assert is_name("K7QX")


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_two_players_of_a_killed_server_go_on_with_their_ids_and_scores() -> None:
    outcome = killed.play(killed.Ours)
    assert outcome.same_ids
    assert outcome.scores_kept


def test_the_table_tells_how_long_the_games_are() -> None:
    rows = re.findall(r"^\| (.+?) \| (\d+) \| [\d.]+ s \| (\w+) \| (\w+) \|$", TEXT, re.MULTILINE)
    assert rows == [
        (killed.Ours.name, str(killed.lines_of(killed.Ours.source)), "yes", "yes"),
        (killed.SocketIO.name, str(killed.lines_of(killed.SocketIO.source)), "no", "no"),
    ]
