"""The README's dice, in real Godot 4.6."""

from __future__ import annotations

import re
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import trio

from tests.driving import until
from tests.interop.scripts_in_games import run_in
from tests.programs import started
from tests.test_readme import BLOCKS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import LaunchGodot4

pytestmark = pytest.mark.native4


async def test_two_players_roll(launch_godot4: LaunchGodot4, tmp_path: Path) -> None:
    program, script = BLOCKS["run", "dice.py"], BLOCKS["run", "dice.gd"]
    assert program.count("9080") == script.count("9080") == 1
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    file = tmp_path / "dice.py"
    listening = 'print("listening", flush=True)\nwhile True:\n'
    text = program.replace("9080", port).replace("while True:\n", listening)
    file.write_text(text, encoding="utf-8")
    script = script.replace("9080", port)
    one, other = await launch_godot4(), await launch_godot4()
    with started("-W", "error", str(file)) as server:
        await trio.to_thread.run_sync(server.until, "listening")
        async with AsyncExitStack() as nodes:
            for count, game in enumerate((one, other), 1):
                await nodes.enter_async_context(run_in(game, script, "Dice"))
                await until(lambda count=count: len(one.output) == count)
                await until(lambda game=game: game.output)
                found = re.fullmatch(r"(\d+) rolled [1-6]", one.output[-1])
                assert found
                assert int(found[1]) == await game.id()
            assert other.output == one.output[1:]
            assert one.complaints == other.complaints == []
        server.process.terminate()
        assert await trio.to_thread.run_sync(server.rest) == []
