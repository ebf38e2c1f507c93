"""``docs/lobby.md``: its programs run, and its tables are what a server answers and allows."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
from multiplayer.rooms import lobby_words
from multiplayer.rooms.lobby import LobbySettings
from multiplayer.rooms.matcher import RatingWindow
from multiplayer.rooms.room_codes import ALPHABET, SHORTEST, length_of
from peers import Room, RoomServer
from tests.driving import until
from tests.marked_blocks import blocks_of, ran, text_of
from tests.peers.rooms.asking import ask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PAGE = text_of("docs/lobby.md")
BLOCKS = blocks_of(PAGE)
PROGRAMS = ("lobby.py", "polled.py", "over_http.py")


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, in cells."""
    table = PAGE.partition(f"\n{heading}\n")[2].partition("\n\n")[0]
    found = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[1:]]
    assert found, heading
    return found


def test_every_program_has_its_output() -> None:
    run = {name for kind, name in BLOCKS if kind == "run"}
    assert run == {*PROGRAMS, "lobby.gd"}  # that one in tests/interop/test_lobby_godot4.py
    assert {name for kind, name in BLOCKS if kind == "output"} == {*PROGRAMS}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_the_page_says(name: str, tmp_path: Path) -> None:
    ended = ran(BLOCKS["run", name], tmp_path, name)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", name]


# ---------------------------------------------------------------- the HTTP API


class Duel(Room):
    capacity = 2

    def opened(self, options: Mapping[str, str]) -> None:
        self.chosen = dict(options)


class Asking:
    """Asks what the rows say, and compares what is answered.

    Attributes:
        known: what stands for the words of the page in this server: codes, keys, tickets.
    """

    def __init__(self, server: RoomServer) -> None:
        self.server = server
        self.known: dict[str, str] = {}
        self.asked: list[str] = []

    def here(self, text: str) -> str:
        for word, value in self.known.items():
            text = re.sub(rf"\b{word}\b", value, text)
        return text

    async def row(self, cells: list[str]) -> dict[str, Any]:
        request, body, answer = (cell.replace("`", "") for cell in cells)
        method, path = request.split(" ")
        status, _, wanted = answer.partition(" ")
        sent = json.loads(self.here(body)) if body else None
        told = await ask(self.server, self.here(path), method, sent)
        assert told.status == int(status), (request, told)
        self.asked.append(f"{request} {answer}")
        if not wanted:
            assert told.body == b""
            return {}
        found = told.body
        self.learn(json.loads(wanted), found)
        assert found == json.loads(self.here(wanted)), request
        return found

    def learn(self, wanted: Any, found: Any) -> None:
        """Take note of what the server has drawn where the page has words in capital letters."""
        if isinstance(wanted, dict):
            for name, value in wanted.items():
                self.learn(value, found[name])
        elif isinstance(wanted, list):
            assert len(wanted) == len(found)
            for one, other in zip(wanted, found, strict=True):
                self.learn(one, other)
        elif wanted in ("K7QX", "KEY", "TICKET"):
            self.known[wanted] = found
        elif isinstance(wanted, str) and wanted.endswith("=TOKEN"):
            self.known["TOKEN"] = found.partition("=")[2]
            assert re.fullmatch(r"[0-9a-f]{32}", self.known["TOKEN"])


@pytest.mark.needs_sockets
async def test_the_table_of_requests_is_what_a_server_answers() -> None:
    listed, make, join, change, kick, wait, waiting, matched, cancel = rows(
        "| request | body | answer |"
    )
    server = RoomServer({"duel": Duel})
    with trio.fail_after(30):
        async with peers.serve_rooms(0, peer=server):
            asking = Asking(server)
            made = await asking.row(make)
            (room,) = server.rooms
            assert isinstance(room, Duel)
            assert room.chosen == {"rounds": "3"}
            base = f"ws://127.0.0.1:{server.get_local_port()}"
            async with peers.connect(base + made["url"]):
                await until(lambda: len(room.seats) == 1)
                await asking.row(listed)
                place = await asking.row(join)
                async with peers.connect(base + place["url"]) as guest:
                    asking.known["77"] = str(guest.get_unique_id())
                    await until(lambda: len(room.seats) == 2)
                    await asking.row(change)
                    assert (room.locked, room.private, room.metadata) == (True, True, {})
                    await asking.row(kick)
                    await until(lambda: len(room.seats) == 1)
            await asking.row(wait)
            await asking.row(waiting)
            other = await ask(server, "/match", "POST", {"kind": "duel", "rating": 1200})
            assert other.status == 202
            await until(lambda: len(server.rooms) == 2)
            (place,) = (await asking.row(matched))["places"]
            async with peers.connect(base + place["url"]):
                pass
            await asking.row(wait)
            await asking.row(cancel)
            assert len({*asking.asked}) == len(rows("| request | body | answer |"))


def test_the_limits_are_the_settings() -> None:
    settings = LobbySettings()
    said = {cells[0].strip("`") for cells in rows("| setting | limits |")}
    others = {"ticket_seconds", "reservation_seconds", "window"}  # which the text explains
    assert said == {
        f"{field.name} = {getattr(settings, field.name)}"
        for field in fields(settings)
        if field.name not in others
    }
    assert f"for {settings.reservation_seconds:g} seconds" in PAGE
    assert f"for {settings.ticket_seconds:g} seconds" in PAGE
    window = RatingWindow()
    assert f"RatingWindow(first={window.first:g}, per_second={window.per_second:g})" in PAGE


def test_numbers_of_the_text() -> None:
    assert (SHORTEST, len(ALPHABET)) == (4, 22)
    assert (length_of(234), length_of(235)) == (4, 5)
    assert (lobby_words.MOST_NAMES, lobby_words.MOST_TEXT) == (32, 1024)
    statuses = [int(cells[0]) for cells in rows("| status | when |")]
    assert statuses == [400, 403, 404, 405, 409, 429, 503]
