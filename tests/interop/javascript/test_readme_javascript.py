"""The program of ``clients/javascript/README.md``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import peers
from multiplayer import Node, SceneMultiplayer, Vector2, rpc
from tests.driving import until
from tests.marked_blocks import text_of

if TYPE_CHECKING:
    from tests.interop.javascript.page import Page

pytestmark = pytest.mark.godot4
SCENARIOS = False  # Chromium runs no engine here

README = text_of("clients/javascript/README.md")


class Game(Node):
    moved: Any = None

    @rpc("any_peer")
    def move(self, to: Vector2) -> None:
        self.moved = to

    @rpc("any_peer")
    def price(self, thing: str) -> int:
        return len(thing)

    @rpc
    def welcome(self, text: str) -> None: ...

    @rpc("any_peer")
    def wave(self) -> None: ...

    @rpc
    def age(self) -> int: ...


async def test_the_program(page: Page) -> None:
    (program,) = re.findall(r'<script type="module">\n(.*?)</script>', README, re.DOTALL)
    (names,) = re.findall(r'import (\{.*?\}) from "./gdpeers.js";\n', program)
    program = re.sub(r"import .*\n", f"const {names} = g;\n", program)
    program = program.replace('"wss://example.org/arena/ABCD"', "args[0]")
    program = program.replace("console.log", "said.push").replace(
        'prompt("How old are you?")', "42"
    )
    root, game = Node("root"), Game("Game")
    root.add_child(game)
    server = peers.WebSocketServer()
    api = SceneMultiplayer(root, validate=True)
    async with peers.serve(0, peer=server, api=api):
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        code = "const said = globalThis.said = [];" + program + "globalThis.client = client;"
        await page.do(code, url)
        assert await page.do("return said") == [5]
        await until(lambda: game.moved == Vector2(3, 4))
        game.welcome.rpc("hello")
        assert await page.do("await until(() => said.length == 2); return said[1]") == "hello"
        asked = game.age.call_id(api.get_peers()[0])
        await until(lambda: asked.done)
        assert asked.result() == 42
        await page.do("client.close()")
