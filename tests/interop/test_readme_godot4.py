"""The how-tos' servers for Godot 4 games and the scripts of such games, in real Godot 4.6."""

from __future__ import annotations

import re
import runpy
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import trio

from tests.driving import until
from tests.interop.scripts_in_games import run_in
from tests.programs import started
from tests.test_howto import BLOCKS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.conftest import LaunchGodot4

pytestmark = pytest.mark.native4

LISTEN = 'peer.create_server(9080, "127.0.0.1")\n'
ON_A_FREE_PORT = (
    'peer.create_server(0, "127.0.0.1")\nprint("port", peer.get_local_port(), flush=True)\n'
)


async def test_two_players_guess(launch_godot4: LaunchGodot4, tmp_path: Path) -> None:
    program, script = BLOCKS["run", "guess.py"], BLOCKS["run", "guess.gd"]
    assert program.count(LISTEN) == script.count("ws://127.0.0.1:9080") == 1
    file = tmp_path / "guess.py"
    file.write_text(program.replace(LISTEN, ON_A_FREE_PORT), encoding="utf-8")
    one, other = await launch_godot4(), await launch_godot4()
    with started("-W", "error", str(file)) as server:
        (port,) = (await trio.to_thread.run_sync(server.until, r"port (\d+)")).groups()
        script = script.replace("9080", port)
        verdicts: list[str] = []
        players: list[int] = []
        async with AsyncExitStack() as nodes:
            for count, game in enumerate((one, other), 1):
                await nodes.enter_async_context(run_in(game, script, "Guess"))
                await until(lambda count=count: len(one.output) == count)
                await until(lambda game=game: game.output)
                found = re.fullmatch(r"(\d+) guessed 50: (too low|too high|right!)", one.output[-1])
                assert found
                assert int(found[1]) == await game.id()
                players.append(int(found[1]))
                verdicts.append(found[2])
            assert verdicts[0] == verdicts[1]
            assert other.output == one.output[1:]
            assert await one.peers() == sorted([1, players[1]])
            assert one.complaints == other.complaints == []
        server.process.terminate()
        assert await trio.to_thread.run_sync(server.rest) == []  # nothing to complain of either


async def test_who_has_a_token_is_let_in(launch_godot4: LaunchGodot4, tmp_path: Path) -> None:
    program, script = BLOCKS["run", "hall.py"], BLOCKS["run", "hall.gd"]
    assert program.count(LISTEN) == script.count("ws://127.0.0.1:9080") == 1
    assert script.count('token = ""') == 1
    for name, text in {
        "hall.py": program.replace(LISTEN, ON_A_FREE_PORT),
        "tokens.py": BLOCKS["run", "tokens.py"],
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    token = runpy.run_path(str(tmp_path / "tokens.py"))["make"]("Ada")
    stranger, ada = await launch_godot4(), await launch_godot4()
    with started("-W", "error", str(tmp_path / "hall.py")) as server:
        (port,) = (await trio.to_thread.run_sync(server.until, r"port (\d+)")).groups()
        script = script.replace("9080", port)
        his, hers = (
            script.replace('token = ""', f'token = "{each}"') for each in ("guessed", token)
        )
        async with AsyncExitStack() as nodes:
            await nodes.enter_async_context(run_in(stranger, his, "Hall"))
            await until(lambda: stranger.output == ["not let in"])
            await nodes.enter_async_context(run_in(ada, hers, "Hall"))
            await until(lambda: ada.output == ["Ada is here"])
            assert stranger.output == ["not let in"]
            assert stranger.complaints == ada.complaints == []
        server.process.terminate()
        assert await trio.to_thread.run_sync(server.rest) == []
