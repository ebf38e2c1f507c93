"""A bridge: a Godot 3.6, a Godot 4.6.3 and a Python client in one match."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from multiplayer import (
    Dialect,
    MultiplayerSpawner,
    Node,
    SceneMultiplayer,
    Vector2,
    replicated,
    rpc,
)
from multiplayer.game import Bridge
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import pause, until
from tests.interop.godot3.engine import Godot3
from tests.interop.godot3.game import Heard
from tests.interop.godot3.match import InGodot

if TYPE_CHECKING:
    import trio

    from tests.interop.conftest import LaunchGodot4
    from tests.interop.native.godot4 import NativeGodot4

pytestmark = [pytest.mark.native3, pytest.mark.native4]

SCRIPT = """extends "res://recorder.gd"

@rpc("any_peer") func r1(a): record("r1", [a])
@rpc("any_peer") func r2(a, b): record("r2", [a, b])
"""

SHIP = """
var ship := Node2D.new()
ship.name = "Ship"
var synchronizer := MultiplayerSynchronizer.new()
synchronizer.name = "MultiplayerSynchronizer"
var config := SceneReplicationConfig.new()
config.add_property(NodePath(".:position"))
config.property_set_replication_mode(NodePath(".:position"), 1)
synchronizer.replication_config = config
ship.add_child(synchronizer)
synchronizer.owner = ship
var packed := PackedScene.new()
packed.pack(ship)
ship.free()
ResourceSaver.save(packed, "user://ship.tscn")
var world := Node.new()
world.name = "World"
var spawner := MultiplayerSpawner.new()
spawner.name = "Spawner"
spawner.spawn_path = NodePath("..")
spawner.add_spawnable_scene("user://ship.tscn")
world.add_child(spawner)
main.add_child(world)
return true
"""

WHERE = """
var ship := main.get_node_or_null("World/Ada")
return [ship.position.x, ship.position.y] if ship else null
"""


class Post:
    """What the server has in each session, at the place of the engines' scripts."""

    def __init__(self, match: Match) -> None:
        self.match = match

    @rpc("any_peer")
    def r1(self, text: str) -> None:
        self.match.bridge.rpc("Main/Game", "r2", text, self.match.bridge.get_remote_sender_id())

    @rpc("any_peer")
    def r2(self, text: str, who: int) -> None:
        raise AssertionError((text, who))


class Reader(Node):
    """What a Python client has there."""

    def __init__(self) -> None:
        super().__init__("Game")
        self.heard: list[tuple[str, int]] = []

    @rpc("any_peer")
    def r1(self, text: str) -> None:
        raise AssertionError(text)

    @rpc("any_peer")
    def r2(self, text: str, who: int) -> None:
        self.heard.append((text, who))


class Ship(Node):
    position = replicated(Vector2(0, 0))


def tree() -> Node:
    root, main, world = Node("root"), Node("Main"), Node("World")
    spawner = MultiplayerSpawner("Spawner")
    spawner.spawn_path = ".."
    spawner.add_spawnable_scene("user://ship.tscn", Ship)
    root.add_child(main)
    main.add_child(world)
    world.add_child(spawner)
    return root


class Match:
    def __init__(self) -> None:
        three, four, native = WebSocketServer(), WebSocketMultiplayerPeer(), WebSocketServer()
        three.bind_ip = native.bind_ip = "127.0.0.1"
        three.listen(0, gd_mp_api=True)
        native.listen(0, gd_mp_api=True)
        four.create_server(0, "127.0.0.1")
        self.apis = [
            SceneMultiplayer(None, Dialect.GODOT_3),
            SceneMultiplayer(tree(), Dialect.GODOT_4),
            SceneMultiplayer(tree(), Dialect.NATIVE),
        ]
        self.urls: list[str] = []
        for api, peer in zip(self.apis, (three, four, native), strict=True):
            api.multiplayer_peer = peer
            self.urls.append(f"ws://127.0.0.1:{peer.get_local_port()}")
        self.bridge = Bridge(self.apis)
        self.bridge.add("Main/Game", lambda _: Post(self))
        self.joined: list[int] = []
        self.left: list[int] = []
        self.bridge.peer_connected.connect(self.joined.append)
        self.bridge.peer_disconnected.connect(self.left.append)

    async def play(self, client: SceneMultiplayer) -> None:
        while True:
            self.bridge.poll()
            client.poll()
            await pause()


async def seen(four: NativeGodot4, expected: object) -> None:
    """Wait until the engine sees the ship there, or no ship."""
    where: object = ""
    for _ in range(300):  # frames
        where = json.loads(await four.do(WHERE))
        if where == expected:
            return
        await four.frames(1)
    assert where == expected


async def test_unlike_engines_and_python_in_one_match(
    launch_godot4: LaunchGodot4, nursery: trio.Nursery
) -> None:
    four, match = await launch_godot4(), Match()
    python, reader = SceneMultiplayer(tree()), Reader()
    assert python.root is not None
    python.root.get_node("Main").add_child(reader)
    client = WebSocketClient()
    client.connect_to_url(match.urls[2], gd_mp_api=True)
    python.multiplayer_peer = client
    await four.add_node("Game", SCRIPT)
    assert await four.do(SHIP) == "true"
    nursery.start_soon(match.play, python)
    async with Godot3.launched(nursery, "native3") as engine:
        three = InGodot(engine)
        await until(python.get_peers)
        await engine.connect_to_url(match.urls[0])
        await engine.event(ev="tree", name="connected_to_server")
        id_of_three, id_of_four = await engine.id(), await four.join(match.urls[1])
        await until(lambda: len(match.joined) == 3)
        ids = [python.get_unique_id(), id_of_three, id_of_four]
        assert match.joined == ids
        assert len({*ids}) == 3
        assert sorted(match.bridge.get_peers()) == sorted(ids)
        assert (python.get_peers(), await four.peers()) == ([1], [1])  # its own session's

        await three.rpc(1, "r1", "from 3.6")
        await until(lambda: len(reader.heard) == 1)
        assert await four.rpc("Main/Game", "r1", 1, '"from 4.6"') == 0
        await until(lambda: len(reader.heard) == 2)
        python.rpc(1, reader, "r1", ("from Python",))
        await until(lambda: len(reader.heard) == 3)
        said = [("from 3.6", ids[1]), ("from 4.6", ids[2]), ("from Python", ids[0])]
        assert reader.heard == said
        await three.heard(*(Heard("Game", "r2", 1, each) for each in said))
        calls = await four.calls(3)
        assert calls == [("r2", [f'"{text}"', str(who)], 1) for text, who in said]

        match.bridge.rpc_id(id_of_three, "Main/Game", "r2", "you", 1)
        await three.heard(Heard("Game", "r2", 1, ("you", 1)))
        assert await four.calls() == []

        lead = match.bridge.nodes.spawn("Main/World", lambda: Ship("Ada"))
        assert isinstance(lead, Ship)
        lead.position = Vector2(3, 4)
        world = python.root.get_node("Main/World")
        await until(lambda: world.has_node("Ada"))
        await until(lambda: getattr(world.get_node("Ada"), "position", None) == Vector2(3, 4))
        await seen(four, [3, 4])
        match.bridge.nodes.despawn(lead)
        await until(lambda: not world.has_node("Ada"))
        await seen(four, None)

        await four.leave()
        await until(lambda: match.left == [id_of_four])
        assert three.godot.complaints == []
    await until(lambda: match.left == [id_of_four, id_of_three])
    assert match.bridge.get_peers() == [python.get_unique_id()]
    assert four.complaints == []
