"""RPCs that are inherited, overridden or configured: real Godot 4.6 and ours number them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import Node, RPCMode, rpc
from tests.interop.scene.ours import take
from tests.interop.scene.session import engine_and_ours

if TYPE_CHECKING:
    from multiplayer import SceneMultiplayer
    from tests.interop.scene.member import Call
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4

BASE = """extends "res://recorder.gd"
@rpc("any_peer") func zebra(x): record("base zebra", [x])
@rpc("any_peer") func both(x): record("base both", [x])
@rpc("authority") func opened(x): record("base opened", [x])
"""
CHILD = """extends "user://base.gd"
@rpc("any_peer") func Alpha(x): record("child Alpha", [x])
func both(x): record("child both", [x])
@rpc("any_peer") func opened(x): record("child opened", [x])
@rpc("any_peer") func _under(x): record("child _under", [x])
"""
WRITE_BASE = """
var file := FileAccess.open("user://base.gd", FileAccess.WRITE)
file.store_string(args[0])
file.close()
"""
CONFIGURED = """extends "res://recorder.gd"
func plain(x): record("plain", [x])
func also(x): record("also", [x])
@rpc("any_peer") func declared(x): record("declared", [x])
func _init():
	rpc_config("plain", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER, "call_local": true})
	rpc_config("also", {"rpc_mode": MultiplayerAPI.RPC_MODE_ANY_PEER, "channel": 3})
"""


class Base:
    def __init__(self, api: SceneMultiplayer) -> None:
        self.api = api
        self.calls: list[Call] = []

    def took(self, method: str, x: Any) -> None:
        self.calls.append((method, [x], self.api.get_remote_sender_id()))

    @rpc("any_peer")
    def zebra(self, x: Any) -> None:
        self.took("base zebra", x)

    @rpc("any_peer")
    def both(self, x: Any) -> None:
        self.took("base both", x)

    @rpc("authority")
    def opened(self, x: Any) -> None:
        self.took("base opened", x)


class Child(Base):
    @rpc("any_peer")
    def Alpha(self, x: Any) -> None:  # noqa: N802 - capitals sort before the others
        self.took("child Alpha", x)

    def both(self, x: Any) -> None:
        self.took("child both", x)

    @rpc("any_peer")
    def opened(self, x: Any) -> None:
        self.took("child opened", x)

    @rpc("any_peer")
    def _under(self, x: Any) -> None:
        self.took("child _under", x)


class Configured(Node):
    def __init__(self) -> None:
        super().__init__("Configured")
        self.calls: list[Call] = []
        options = {"rpc_mode": RPCMode.RPC_MODE_ANY_PEER}
        self.rpc_config("plain", {**options, "call_local": True})
        self.rpc_config("also", {**options, "channel": 3})

    def took(self, method: str, x: Any) -> None:
        self.calls.append((method, [x], self.multiplayer.get_remote_sender_id()))

    def plain(self, x: Any) -> None:
        self.took("plain", x)

    def also(self, x: Any) -> None:
        self.took("also", x)

    @rpc("any_peer")
    def declared(self, x: Any) -> None:
        self.took("declared", x)


@pytest.mark.parametrize("layout", ["PE", "ER"])
async def test_inherited_and_overridden(session: Session, layout: str) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    await engine.godot.do(WRITE_BASE, BASE)
    await engine.godot.add_node("Child", CHILD)
    child = Child(ours.api)
    ours.api.add("Main/Child", child)
    for number in (1, 2):  # by path, then by number
        for method in ("zebra", "both", "opened", "Alpha", "_under"):
            runs = f"base {method}" if method == "zebra" else f"child {method}"
            assert await engine.godot.rpc("Main/Child", method, ours.id, str(number)) == 0
            assert await take(child.calls, 1) == [(runs, [number], engine.id)]
            ours.api.rpc(engine.id, child, method, [number])
            called = await engine.godot.calls(1, node="Main/Child")
            assert called == [(runs, [str(number)], ours.id)]
    assert await ours.signals() == []  # and so no rpc_mismatch


@pytest.mark.parametrize("layout", ["PE", "ER"])
async def test_configured_at_run_time(session: Session, layout: str) -> None:
    engine, ours = engine_and_ours(await session.open(layout))
    await engine.godot.add_node("Configured", CONFIGURED)
    ours.api.root = Node("root")
    main, node = Node("Main"), Configured()
    ours.api.root.add_child(main)
    main.add_child(node)
    for number in (1, 2):
        for method in ("plain", "also", "declared"):
            here = [(method, [number], ours.id)] if method == "plain" else []
            assert await engine.godot.rpc("Main/Configured", method, ours.id, str(number)) == 0
            assert await take(node.calls, 1) == [(method, [number], engine.id)]
            node.rpc(method, number)
            called = await engine.godot.calls(1, node="Main/Configured")
            assert called == [(method, [str(number)], ours.id)]
            assert await take(node.calls, len(here)) == here
    assert await ours.signals() == []
