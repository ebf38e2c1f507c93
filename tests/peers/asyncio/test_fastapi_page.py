"""``docs/howto/fastapi.md``: its application runs, and a player joins it."""

from __future__ import annotations

import asyncio
import json
import runpy
from typing import TYPE_CHECKING, Any

import peers.asyncio
from multiplayer import Node, SceneMultiplayer, rpc
from tests.marked_blocks import blocks_of, saved, text_of

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS = blocks_of(text_of("docs/howto/fastapi.md"))
LIMIT = 20


class Board(Node):
    """A player's board."""

    @rpc("any_peer")
    async def pin(self, text: str) -> int: ...


async def asked(app: Any, path: str) -> object:
    """What the application answers."""
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({**scope, "app": app}, receive, send)
    return json.loads(b"".join(each.get("body", b"") for each in sent))


async def play(app: Any) -> None:
    async with app.router.lifespan_context(app):
        board = Board("Board")
        url = f"ws://127.0.0.1:{app.state.game.get_local_port()}"
        api = SceneMultiplayer(board)
        async with peers.asyncio.connect(url, api=api):
            assert await peers.asyncio.reply(board.pin.call_id(1, "hello"), timeout=LIMIT) == 1
            answer = await asked(app, "/players")
            assert answer == {"players": [api.get_unique_id()], "notes": 1}


def test_a_player_joins_the_game_of_the_application(tmp_path: Path) -> None:
    assert [*BLOCKS] == [("run", "app.py")]
    text = BLOCKS["run", "app.py"]
    assert text.count("9080") == 1
    names = runpy.run_path(saved(text.replace("9080", "0"), tmp_path, "app.py"))
    asyncio.run(asyncio.wait_for(play(names["app"]), LIMIT))
