"""The scripts of the recorded engines in Python: ``kit.gd``, ``thing.gd`` and the steps' code."""

from __future__ import annotations

import copy
import math
import re
from typing import TYPE_CHECKING, Any

from multiplayer import (
    CallableRef,
    Color,
    EncodedObjectAsID,
    MultiplayerError,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    NodePath,
    SceneReplicationConfig,
    SignalRef,
    StringName,
    Transform2D,
    TypedArray,
    TypedDictionary,
    VariantType,
    Vector2,
    rpc,
    variant,
)
from multiplayer.scene.replication.property_paths import read

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Tell = Callable[..., object]


class Blob(bytearray):
    """A PackedByteArray that code resizes."""

    def resize(self, size: int) -> None:
        self[:] = bytes(self[:size]).ljust(size, b"\0")


class Engine(Node):
    """What the code calls on nodes."""

    main: Any = None

    def set(self, name: str, value: object) -> None:
        setattr(self, name, value)

    def get(self, name: str) -> object:
        return getattr(self, name)

    def get_parent(self) -> Node | None:
        return self.parent

    def get_children(self) -> list[Node]:
        return self.children

    def get_node_or_null(self, path: str) -> Node | None:
        return self.get_node(path) if self.has_node(path) else None

    def free(self) -> None:
        if self.parent is not None:
            self.parent.remove_child(self)

    queue_free = free

    def reparent(self, parent: Node) -> None:
        self.free()
        parent.add_child(self)


class Node2D(Engine):
    position: Any = Vector2()
    modulate: Any = Color(1, 1, 1)

    @property
    def transform(self) -> Transform2D:
        return Transform2D(1, 0, 0, 1, *self.position)

    @transform.setter
    def transform(self, transform: Transform2D) -> None:
        self.position = transform.origin


class Synchronizer(MultiplayerSynchronizer, Engine):
    pass


class Spawner(MultiplayerSpawner, Engine):
    pass


class Thing(Node2D):
    """``thing.gd``."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.hp: Any = 100
        self.title: Any = "first"
        self.any: Any = None
        self.typed: Any = TypedArray(VariantType.INT, [1, 2])
        self.blob: Any = Blob()
        self.target: Any = None

    def __getattr__(self, name: str) -> object:
        if re.fullmatch(r"x\d+", name):
            return 0
        raise AttributeError(name)

    def _enter_tree(self) -> None:
        main = self.multiplayer.root.get_node("Main")  # type: ignore[attr-defined]
        self.main = main
        if self.name.startswith("of_"):
            self.get_node("Input").set_multiplayer_authority(int(self.name[3:]))
        if self.name.startswith("all_"):
            self.set_multiplayer_authority(int(self.name[4:]))
        for each in self.children:
            if isinstance(each, MultiplayerSynchronizer):
                watch(main, each)
            if isinstance(each, MultiplayerSpawner):
                watch_spawner(main, each)
        main.tell("enter_tree", self.get_path(), self.values())

    def _ready(self) -> None:
        self.main.tell("ready", self.get_path(), self.values())

    def _exit_tree(self) -> None:
        self.main.tell("exit_tree", self.get_path())

    def values(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("position", "hp", "title", "any")}

    @rpc("any_peer", "call_local")
    def poke(self, what: object) -> None:
        sender = self.multiplayer.get_remote_sender_id()
        self.main.tell("poke", self.get_path(), sender, what)


class Main(Engine):
    """``main.gd``: takes what happens."""

    def __init__(self, tell: Tell) -> None:
        super().__init__("Main")
        self.tell = tell


def watch(main: Any, sync: MultiplayerSynchronizer) -> None:
    if vars(sync).get("watched"):
        return
    sync.watched = True  # type: ignore[attr-defined]
    label = sync.get_path
    for signal in (sync.synchronized, sync.delta_synchronized):
        signal.connect(lambda what=signal.name: main.tell(what, label(), state(sync)))
    sync.visibility_changed.connect(lambda peer: main.tell("visibility_changed", label(), peer))


def watch_spawner(main: Any, spawner: MultiplayerSpawner) -> None:
    if vars(spawner).get("watched"):
        return
    spawner.watched = True  # type: ignore[attr-defined]
    name = spawner.name
    spawner.spawned.connect(lambda node: main.tell("spawned", name, node.get_path()))
    spawner.despawned.connect(lambda node: main.tell("despawned", name, node.name))


def state(sync: MultiplayerSynchronizer) -> dict[str, object]:
    root, found = sync.root_object(), dict[str, object]()
    if root is not None and sync.replication_config is not None:
        for path in sync.replication_config.get_properties():
            try:
                found[str(path)] = read(root, path)
            except MultiplayerError:
                found[str(path)] = None
    return found


class Kit:
    """``kit.gd`` for one engine, whose scenes are kept here."""

    watch = staticmethod(watch)
    watch_spawner = staticmethod(watch_spawner)

    def __init__(self) -> None:
        self.scenes: dict[str, Node] = {}

    def synchronizer(self, name: str, properties: Any, settings: Any = None) -> Synchronizer:
        made, config = Synchronizer(name), SceneReplicationConfig()
        for path, spawn, mode in properties:
            config.add_property(path)
            config.property_set_spawn(path, spawn)
            config.property_set_replication_mode(path, mode)
        made.replication_config = config
        for key, value in (settings or {}).items():
            setattr(made, key, value)
        return made

    def thing(self, name: str, parts: Any = ()) -> Thing:
        made = Thing(name)
        for each in parts:
            made.add_child(each)
        return made

    def part(self, name: str, kind: str = "Node2D", parts: Any = ()) -> Node:
        del kind
        made = Node2D(name)
        for each in parts:
            made.add_child(each)
        return made

    def scene(self, file: str, root: Node) -> str:
        path = f"user://{file}.tscn"
        self.scenes[path] = root
        return path

    def spawner(self, name: str, path: Any, scenes: Any, settings: Any = None) -> Spawner:
        made = Spawner(name)
        made.spawn_path = path
        for each in scenes:
            made.add_spawnable_scene(each, lambda each=each: self.load(each).instantiate())
        for key, value in (settings or {}).items():
            setattr(made, key, value)
        return made

    def load(self, path: str) -> Any:
        return Scene(self, path)


class Scene:
    def __init__(self, kit: Kit, path: str) -> None:
        self.kit, self.path = kit, path

    def instantiate(self) -> Node:
        made = copy.deepcopy(self.kit.scenes[self.path])
        made.scene_file_path = self.path
        return made


class Keep(dict[str, Any]):
    def __getattr__(self, name: str) -> Any:
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


# ---------------------------------------------------------------- the code of steps

_FREED = "var n = Node.new()\nkeep.st.any = n\nn.free()\nreturn typeof(keep.st.any)"
_WHOLE = {
    "keep.st.get_node('Body').position.y = 9": "keep.st.get_node('Body').position = Vector2(3, 9)",
    _FREED: "keep.st.any = null",
    "keep.st.typed = [9] as Array[int]": "keep.st.typed = TypedArray(VariantType.INT, [9])",
}
_LINES = {
    "keep.spawner.get_parent().child_entered_tree.connect(func(n): if n.name == 'R': "
    "n.get_node('Other').set_multiplayer_authority(841104655))": (
        "keep.spawner.get_parent().child_entered_tree.connect(lambda n: n.name == 'R' and "
        "n.get_node('Other').set_multiplayer_authority(841104655))"
    ),
    'home.child_entered_tree.connect(func(n): if n.name == "P": n.ready.connect(func(): '
    'n.get_node("Other").set_multiplayer_authority(args[0])))': (
        'home.child_entered_tree.connect(lambda n: n.name == "P" and n.ready.connect(lambda: '
        'n.get_node("Other").set_multiplayer_authority(args[0])))'
    ),
    "keep.spawner.add_spawnable_scene(sc)": (
        "keep.spawner.add_spawnable_scene(sc, lambda: load(sc).instantiate())"
    ),
}
_WORDS = (
    (r"\bvar (\w+) (:?=) ", r"\1 = "),
    (r"&('[^']*')", r"StringName(\1)"),
    (r"\^('[^']*'|\"[^\"]*\")", r"NodePath(\1)"),
    (r"\bfor (\w+) in (\d+):", r"for \1 in range(\2):"),
    (r"([\w.]+\(\))\.map\(func\(n\): return n\.name\)", r"[n.name for n in \1]"),
    (r"func\((\w+)\): return (\w+)", r"lambda \1: \2"),
    (r"main\.tell\((.*), \[(.*)\]\)", r"main.tell(\1, \2)"),
    (r"(\w+)\.new\(\)", r"\1()"),
    (r"not multiplayer\.is_server\(\)", r"not multiplayer.is_server()"),
    (r"await tree\.process_frame", r"yield"),
)


def python_of(code: str) -> str:
    """The body of a function that does what the GDScript does."""
    code = _WHOLE.get(code.strip(), code).replace("\t", "    ")
    lines: list[str] = []
    function: tuple[int, str] | None = None
    for line in code.split("\n"):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        if function is not None and indent <= function[0]:
            lines.append(" " * function[0] + function[1])
            function = None
        if line.strip() in _LINES:
            line = " " * indent + _LINES[line.strip()]
        for pattern, replacement in _WORDS:
            line = re.sub(pattern, replacement, line)
        made = re.match(r"( *)([\w.]+) = func\((\w+)\):$", line)
        if made:
            function = indent, f"{made[2]} = _made"
            line = f"{made[1]}def _made({made[3]}):"
        lines.append(line)
    if function is not None:
        lines.append(" " * function[0] + function[1])
    return "\n".join(lines) or "pass"


def run(code: str, **names: object) -> Generator[None, None, None]:
    """Run code, which pauses at each ``await``."""
    body = "\n".join("    " + line for line in python_of(code).split("\n"))
    scope: dict[str, Any] = {**vars(variant), **NAMES, **names}
    exec(f"def step():\n{body}\n    if False:\n        yield\n", scope)
    return scope["step"]()


def array(values: Any, kind: VariantType, *_: object) -> TypedArray:
    return TypedArray(kind, values)


def dictionary(values: Any, key: VariantType, _: Any, __: Any, kind: VariantType, *___: Any) -> Any:
    return TypedDictionary(key, kind, values)


NAMES: dict[str, object] = {
    "true": True,
    "false": False,
    "null": None,
    "NAN": math.nan,
    "NodePath": NodePath,
    "StringName": StringName,
    "PackedByteArray": lambda items=(): Blob(items),
    "Array": array,
    "Dictionary": dictionary,
    "TYPE_INT": VariantType.INT,
    "TYPE_STRING": VariantType.STRING,
    "Callable": lambda *parts: CallableRef() if parts else None,
    "SignalRef": SignalRef,
    "EncodedObjectAsID": EncodedObjectAsID,
    "MultiplayerSynchronizer": Synchronizer,
    "Node": lambda: Engine("Node"),
    "RefCounted": lambda: Engine("RefCounted"),
    "typeof": lambda _: 0,
}
