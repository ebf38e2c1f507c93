"""The script of ``docs/lobby.md``, which asks for a room and goes there, in real Godot 4.6."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import peers
from multiplayer import Dialect
from peers import Room, RoomServer
from tests.driving import until
from tests.interop.scripts_in_games import run_in
from tests.marked_blocks import blocks_of, text_of

if TYPE_CHECKING:
    from tests.interop.conftest import LaunchGodot4

pytestmark = pytest.mark.native4


class Duel(Room):
    capacity = 2
    dialect = Dialect.GODOT_4


async def test_a_game_asks_for_a_room_and_goes_there(launch_godot4: LaunchGodot4) -> None:
    script = blocks_of(text_of("docs/lobby.md"))["run", "lobby.gd"]
    assert script.count("127.0.0.1:9080") == 1
    server = RoomServer({"duel": Duel})
    game = await launch_godot4()
    async with peers.serve_rooms(0, peer=server, on_error="raise"):
        script = script.replace("9080", str(server.get_local_port()))
        async with run_in(game, script, "Lobby"):
            await until(lambda: game.output)
            (room,) = server.rooms
            assert game.output[-1] == f"in room {room.code}"
            assert room.metadata == {"map": "ice"}
            await until(lambda: room.seats)
            assert room.owner == await game.id()
