"""The world of ``project4/world.gd`` in Python: the same functions, of the same names."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from multiplayer import (
    Color,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    NodePath,
    SceneReplicationConfig,
    TypedArray,
    VariantType,
    Vector2,
    replicated,
    rpc,
)
from multiplayer.scene.replication.property_paths import write

if TYPE_CHECKING:
    from collections.abc import Iterator

Described = dict[str, Any]
"""A part, as :meth:`Part.as_variant` describes it."""


class Node2D(Node):
    """What scenarios use of the engine's class of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.position = Vector2(0, 0)
        self.rotation = 0.0
        self.modulate = Color(1, 1, 1, 1)

    @property
    def world(self) -> World:
        """The world that it is in."""
        above: Node | None = self
        while not isinstance(above, World):
            assert above is not None, "it is in no world"
            above = above.parent
        return above


class Thing(Node2D):
    """``project4/thing.gd``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.hp = 100
        self.title = "first"
        self.any: Any = None
        self.typed = TypedArray(VariantType.INT, [1, 2])
        self.blob = b""
        for number in range(64):
            setattr(self, f"x{number}", 0)

    def _enter_tree(self) -> None:
        kind, _, owner = self.name.partition("_")
        if kind == "of":
            self.get_node("Input").set_multiplayer_authority(int(owner))
        elif kind == "all":
            self.set_multiplayer_authority(int(owner))
        self.world.note("enter_tree", self.world.path_to(self), self.hp)

    def _ready(self) -> None:
        self.world.note("ready", self.world.path_to(self), self.hp)

    def _exit_tree(self) -> None:
        self.world.note("exit_tree", self.world.path_to(self))

    def values(self) -> dict[str, Any]:
        """What :meth:`World.things` has of it."""
        names = ("position", "hp", "title", "any", "typed", "blob")
        return {name: copy.deepcopy(getattr(self, name)) for name in names}

    @rpc("any_peer")
    def poke(self, what: Any) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        self.world.note("poke", self.world.path_to(self), what, sender)


class DeclaredThing(Thing):
    """The same with what a scene has in its editor's synchronizer declared on the class."""

    position = replicated(Vector2(0, 0))  # type: ignore[assignment]
    hp = replicated(100, mode="on_change")  # type: ignore[assignment]
    title = replicated("first", mode="on_change")  # type: ignore[assignment]


class World(Node):
    """``project4/world.gd``."""

    def __init__(self) -> None:
        super().__init__("World")
        self._log: list[list[Any]] = []
        self._counts: dict[str, int] = {}
        self._scenes: dict[str, Described] = {}
        self._kept: dict[str, Node] = {}
        self._allowed: dict[str, list[int]] = {}

    def note(self, what: str, *args: Any) -> None:
        """Add a line to the log."""
        self._log.append([what, *args])

    def take_log(self) -> list[list[Any]]:
        found, self._log = self._log, []
        return found

    def path_to(self, node: Node) -> str:
        """A node's path from here."""
        return node.get_path().removeprefix(self.get_path() + "/")

    # ---------------------------------------------------------------- making

    def define(self, called: str, part: Described) -> None:
        self._scenes[called] = part

    def build(self, part: Described, under: str) -> None:
        self.get_node(under).add_child(self._make(part))

    def _make(self, part: Described) -> Node:
        made: Node
        match part["kind"]:
            case "thing":
                made = Thing(part["name"])
            case "declared":
                return DeclaredThing(part["name"])  # it makes its synchronizer by itself
            case "synchronizer":
                made = self._synchronizer(part)
            case "spawner":
                made = self._spawner(part)
            case _:
                made = Node2D(part["name"])
        for key, value in part["settings"].items():
            setattr(made, key, value)
        for each in part["parts"]:
            made.add_child(self._make(each))
        return made

    def _synchronizer(self, part: Described) -> MultiplayerSynchronizer:
        made = MultiplayerSynchronizer(part["name"])
        config = SceneReplicationConfig()
        for path, spawn, mode in part["properties"]:
            config.add_property(path)
            config.property_set_spawn(path, spawn)
            config.property_set_replication_mode(path, mode)
        made.replication_config = config

        def place() -> str:
            return self.path_to(made)

        def count() -> None:
            self._counts[place()] = self._counts.get(place(), 0) + 1

        made.synchronized.connect(count)
        made.delta_synchronized.connect(lambda: self.note("delta_synchronized", place()))
        made.visibility_changed.connect(lambda peer: self.note("visibility_changed", place(), peer))
        return made

    def _spawner(self, part: Described) -> MultiplayerSpawner:
        made = MultiplayerSpawner(part["name"])
        made.spawn_path = part["path"]
        for each in part["scenes"]:
            scene = self._scenes[each]
            made.add_spawnable_scene(each, lambda scene=scene: self._make(scene))
        made.spawn_function = self.from_data
        made.spawned.connect(lambda node: self.note("spawned", self.path_to(made), node.name))
        made.despawned.connect(lambda node: self.note("despawned", self.path_to(made), node.name))
        return made

    def _instantiate(self, scene: str) -> Node:
        node = self._make(self._scenes[scene])
        node.scene_file_path = scene
        return node

    # ---------------------------------------------------------------- spawning

    def spawn_scene(self, scene: str, under: str, called: str, values: dict[str, Any]) -> str:
        node = self._instantiate(scene)
        node.name = called
        for key, value in values.items():
            setattr(node, key, copy.deepcopy(value))
        self.get_node(under).add_child(node, True)
        return node.name

    def spawn_then_put(self, scene: str, under: str, called: str, values: dict[str, Any]) -> None:
        self.spawn_scene(scene, under, called, {})
        for key, value in values.items():
            setattr(self.get_node(under).get_node(called), key, value)

    def spawn_custom(self, spawner: str, data: Any) -> str:
        made = self.get_node(spawner)
        assert isinstance(made, MultiplayerSpawner)
        return made.spawn(data).name

    def from_data(self, data: Any) -> Node | None:
        """What the spawners' ``spawn_function`` is."""
        if not isinstance(data, dict):
            return None
        node = self._instantiate(data["scene"])
        node.name = data["name"]
        assert isinstance(node, Thing)
        node.any = data.get("any")
        return node

    def add_plain(self, under: str, called: str) -> None:
        self.get_node(under).add_child(Node2D(called))

    def free_node(self, path: str) -> None:
        node = self.get_node(path)
        assert node.parent is not None
        node.parent.remove_child(node)

    def take_out(self, path: str) -> None:
        node = self.get_node(path)
        self.free_node(path)
        self._kept[node.name] = node

    def put_back(self, called: str, under: str, ready_again: bool) -> None:
        node = self._kept.pop(called)
        if ready_again:
            node.request_ready()
        self.get_node(under).add_child(node)

    def rename(self, path: str, called: str) -> None:
        self.get_node(path).name = called

    # ---------------------------------------------------------------- looking and changing

    def _below(self, node: Node) -> Iterator[Node]:
        for child in node.children:
            yield child
            yield from self._below(child)

    def things(self) -> dict[str, dict[str, Any]]:
        found = [node for node in self._below(self) if isinstance(node, Thing)]
        return {self.path_to(node): node.values() for node in found}

    def has(self, path: str) -> bool:
        return self.has_node(path)

    def put(self, path: str, name: str, value: Any) -> None:
        name, _, part = name.partition(":")
        node = self.get_node(path)
        if part:
            write(node, NodePath(f".:{name}:{part}"), value)
        else:
            setattr(node, name, copy.deepcopy(value))

    def read(self, path: str, name: str) -> Any:
        if not self.has_node(path):
            return None
        name, _, part = name.partition(":")
        value = getattr(self.get_node(path), name)
        return copy.deepcopy(getattr(value, part) if part else value)

    def grow(self, path: str, name: str, key: Any, value: Any) -> None:
        container = getattr(self.get_node(path), name)
        if isinstance(container, list):
            container.append(value)
        else:
            container[key] = value

    def authority(self, path: str, peer: int) -> None:
        self.get_node(path).set_multiplayer_authority(peer)

    def poke(self, path: str, peer: int, what: Any) -> None:
        self.get_node(path).rpc_id(peer, "poke", what)

    def times(self, path: str) -> int:
        return self._counts.get(path, 0)

    # ---------------------------------------------------------------- visibility

    def _sync(self, path: str) -> MultiplayerSynchronizer:
        found = self.get_node(path)
        assert isinstance(found, MultiplayerSynchronizer)
        return found

    def set_visible(self, path: str, peer: int, visible: bool) -> None:
        self._sync(path).set_visibility_for(peer, visible)

    def add_filter(self, path: str, peers: list[int]) -> None:
        self._allowed[path] = peers
        self._sync(path).add_visibility_filter(lambda peer: peer in self._allowed[path])

    def let_through(self, path: str, peers: list[int]) -> None:
        self._allowed[path] = peers

    def update_visibility(self, path: str, peer: int) -> None:
        self._sync(path).update_visibility(peer)
