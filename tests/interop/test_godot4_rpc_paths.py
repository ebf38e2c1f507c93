"""How real Godot 4.6 and ours find each other's nodes: announced, late, removed, many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import rpc
from tests.driving import until
from tests.interop.scene.ours import Ours
from tests.interop.scene.session import engine_and_ours, layouts

if TYPE_CHECKING:
    from tests.interop.godot4.bridge import Bridge
    from tests.interop.godot4.gdscript import Value
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

TWO = layouts("PE", "RE", "AE", "EP", "ER", "EA")
ANNOUNCE, CONFIRM = 1, 2
MANY = 300
COUNTED = """extends Node
@rpc("any_peer") func here(x): get_node("/root/Main/Game").record(str(name), [x])
"""
ADD_MANY = """
var script := GDScript.new()
script.source_code = args[0]
if script.reload() != OK:
	return false
for number in args[1]:
	var node := Node.new()
	node.name = "Many%d" % number
	node.set_script(script)
	main.add_child(node)
return true
"""
CALL_MANY = """
for number in args[0]:
	main.get_node("Many%d" % number).here.rpc_id(args[1], number)
	if number % 25 == 0:
		await tree.process_frame
"""


@pytest.mark.godot4  # what has passed is seen on the bridge of the one in Chromium
async def test_by_path_until_confirmed_then_by_number(session: Session, bridge: Bridge) -> None:
    server, client = await session.open("WP")
    for caller, called in ((client, server), (server, client)):
        bridge.passed.clear()
        await caller.call("any_one", called.id, "first")
        await called.calls(1)
        await until(lambda: len(bridge.passed) == 3)
        # The confirmation may pass before the call that follows the announcement.
        announced, first = (each.packet for each in bridge.passed if each.source == caller.id)
        (confirmed,) = (each.packet for each in bridge.passed if each.source == called.id)
        assert announced.startswith(b"\x01")
        assert announced.endswith(b"\0\x01\0\0\0Main/Game\0")
        assert first.endswith(b"Main/Game\0")
        assert confirmed == b"\x02\x01\x01\0\0\0"
        await caller.calls()
        await caller.call("any_one", called.id, "second")
        assert await called.calls(1) == [("any_one", ["second"], caller.id)]
        *_, second = bridge.passed
        assert (second.source, second.target) == (caller.id, called.id)
        assert second.packet[:4] == b"\0\x01\x01\x01"  # node 1, method 1, one argument


@pytest.mark.parametrize("layout", ["PEE", "EEP", "EPP", "PPE"])
async def test_one_knows_the_node_and_one_is_new(session: Session, layout: str) -> None:
    members = server, one = await session.open(layout[:2])
    for caller, called in ((server, one), (one, server)):
        await caller.call("any_one", 0, "to one")
        assert await called.calls(1) == [("any_one", ["to one"], caller.id)]
    await session.add(await session.member(layout[2]))
    *_, late = members = [*session.members]
    for value in ("mixed", "all know"):
        for caller in members:
            await caller.call("any_one", 0, value)
            for member in members:
                if member is not caller:
                    assert await member.calls(1) == [("any_one", [value], caller.id)], late


@pytest.mark.parametrize("layout", TWO)
async def test_a_node_that_appears_late(session: Session, layout: str) -> None:
    server, client = await session.open(layout)
    for caller, called, name in ((server, client, "Late"), (client, server, "Later")):
        await caller.add_node(name)
        await caller.call("any_one", called.id, "too early", node=name)
        await called.rejected(name)
        await called.add_node(name)
        for value in ("now", "again"):
            await caller.call("any_one", called.id, value, node=name)
            assert await called.calls(1, node=name) == [("any_one", [value], caller.id)]
        await called.call("any_one", caller.id, "and back", node=name)
        assert await caller.calls(1, node=name) == [("any_one", ["and back"], called.id)]


@pytest.mark.parametrize("layout", TWO)
async def test_a_removed_node_and_its_successor(session: Session, layout: str) -> None:
    members = server, client = await session.open(layout)
    for member in members:
        await member.add_node("Bullet")
    for caller, called in ((server, client), (client, server)):
        for value in (1, 2):
            await caller.call("any_one", called.id, value, node="Bullet")
            assert await called.calls(1, node="Bullet") == [("any_one", [value], caller.id)]
    for caller, called in ((server, client), (client, server)):
        await called.remove_node("Bullet")
        await caller.call("any_one", called.id, "gone", node="Bullet")
        await called.rejected("Bullet" if isinstance(called, Ours) else "cached node")
        await called.add_node("Bullet")
        for value in ("the next one", "again"):
            await called.call("any_one", caller.id, value, node="Bullet")
            assert await caller.calls(1, node="Bullet") == [("any_one", [value], called.id)]
            await caller.call("any_one", called.id, value, node="Bullet")
            assert await called.calls(1, node="Bullet") == [("any_one", [value], caller.id)]


class Counted:
    """One of many objects."""

    def __init__(self, ours: Ours, name: str) -> None:
        self.ours = ours
        self.name = name
        ours.api.add(f"Main/{name}", self)

    @rpc("any_peer")
    def here(self, x: int) -> None:
        self.ours.game.took(self.name, x)


@pytest.mark.parametrize("layout", ["PE", "ER"])
async def test_more_than_255_nodes(session: Session, layout: str) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    assert await engine.godot.do(ADD_MANY, COUNTED, MANY) == "true"
    many = [Counted(ours, f"Many{number}") for number in range(MANY)]

    def expected(caller: int) -> list[tuple[str, list[int], int]]:
        return [(f"Many{number}", [number], caller) for number in range(MANY)]

    for _ in range(2):  # by path, then by number
        await engine.godot.do(CALL_MANY, MANY, ours.id)
        assert await ours.calls(MANY) == expected(engine.id)
        for number, object_ in enumerate(many):
            object_.here.rpc_id(engine.id, number)
        assert await engine.calls(MANY) == expected(ours.id)


@pytest.mark.parametrize("layout", ["PE", "EP", "PEE", "EEP"])
async def test_long_arguments(session: Session, layout: str) -> None:
    *_, called, caller = await session.open(layout)
    for one, other in ((caller, called), (called, caller)):
        text = "ü" * 30_000  # with the rest just below what a message to an engine may have
        await one.call("any_one", other.id, text)
        assert await other.calls(1) == [("any_one", [text], one.id)]
        numbers: list[Value] = [*range(7000)]
        await one.call("any_two", other.id, numbers, "end")
        assert await other.calls(1) == [("any_two", [numbers, "end"], one.id)]
