"""Real Godot 4.6 calls ``async`` RPCs, which ``peers.run`` starts in the order of the calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import rpc
from tests.interop.scene.engine import Engine
from tests.interop.scene.ours import Ours, take

if TYPE_CHECKING:
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

CALL_ALL = """
var node := main.get_node("Slow")
for number in args[1]:
	node.rpc_id(args[0], "later" if number % 2 else "at_once", number)
"""


class Slow:
    def __init__(self, ours: Ours) -> None:
        self.api = ours.api
        self.begun: list[tuple[int, int]] = []
        self.ended: list[tuple[int, int]] = []
        ours.api.add("Main/Slow", self)

    @rpc("any_peer")
    def at_once(self, x: int) -> None:
        self.begun.append((x, self.api.get_remote_sender_id()))

    @rpc("any_peer")
    async def later(self, x: int) -> None:
        self.begun.append((x, self.api.get_remote_sender_id()))
        await trio.lowlevel.checkpoint()
        self.ended.append((x, self.api.get_remote_sender_id()))

    @rpc("any_peer")
    async def ask(self, question: str) -> None:
        asker = self.api.get_remote_sender_id()
        await trio.lowlevel.checkpoint()
        self.reply.rpc_id(asker, f"{question}!")

    @rpc
    def reply(self, text: str) -> None: ...


SCRIPT = """extends "res://recorder.gd"
@rpc("any_peer") func at_once(x): pass
@rpc("any_peer") func later(x): pass
@rpc("any_peer") func ask(question): pass
@rpc("any_peer") func reply(text): record("reply", [text])
"""


async def test_async_methods_of_our_server(session: Session) -> None:
    ours, *engines = await session.open("REE")
    assert isinstance(ours, Ours)
    slow = Slow(ours)
    for engine in engines:
        assert isinstance(engine, Engine)
        await engine.godot.add_node("Slow", SCRIPT)
        await engine.godot.do(CALL_ALL, 1, 50)
        begun = await take(slow.begun, 50)
        odd = [(number, engine.id) for number in range(1, 50, 2)]
        assert [call for call in begun if call[0] % 2] == odd
        assert [call[0] for call in begun if not call[0] % 2] == [*range(0, 50, 2)]
        assert sorted(await take(slow.ended, 25)) == odd  # the sender is still known
    for engine in engines:
        assert isinstance(engine, Engine)
        assert await engine.godot.rpc("Main/Slow", "ask", 1, '"who"') == 0
    for engine in engines:
        assert isinstance(engine, Engine)
        assert await engine.godot.calls(1, node="Main/Slow") == [("reply", ['"who!"'], 1)]


async def test_async_methods_of_our_client(session: Session) -> None:
    engine, ours = await session.open("ER")
    assert isinstance(engine, Engine)
    assert isinstance(ours, Ours)
    slow = Slow(ours)
    await engine.godot.add_node("Slow", SCRIPT)
    await engine.godot.do(CALL_ALL, ours.id, 50)
    begun = await take(slow.begun, 50)
    assert [call for call in begun if call[0] % 2] == [(n, 1) for n in range(1, 50, 2)]
    assert await take(slow.ended, 25)
    assert await engine.godot.rpc("Main/Slow", "ask", ours.id, '"who"') == 0
    assert await engine.godot.calls(1, node="Main/Slow") == [("reply", ['"who!"'], ours.id)]


async def test_without_run_async_methods_are_refused(session: Session) -> None:
    ours, engine = await session.open("PE")
    assert isinstance(ours, Ours)
    assert isinstance(engine, Engine)
    slow = Slow(ours)
    await engine.godot.add_node("Slow", SCRIPT)
    assert await engine.godot.rpc("Main/Slow", "later", 1, "1") == 0
    await ours.rejected("peers.run(api)")
    assert await engine.godot.rpc("Main/Slow", "at_once", 1, "2") == 0
    assert await take(slow.begun, 1) == [(2, engine.id)]
