"""``MultiplayerSpawner``: has nodes made at other peers as they are added here. Godot's class."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.tree.node import Node
from multiplayer.scene.tree.paths import node_text
from multiplayer.signals import Signal
from multiplayer.support.callbacks import check_callback
from multiplayer.support.internal import internal
from multiplayer.support.number_setting import check_number
from multiplayer.support.sealed import Sealed

from .registry import registry_of

if TYPE_CHECKING:
    from multiplayer.scene.multiplayer_api import MultiplayerAPI
    from multiplayer.variant.names import NodePath

Factory = Callable[[], Node]
"""Makes the node of a scene: a class that derives from ``Node``, or a function."""

MOST_SCENES: Final = 255


class MultiplayerSpawner(Sealed, Node):
    """Has nodes made at other peers as they are added here, and removed as they leave (Godot 4).

    The peer that is its authority (the server, unless you say otherwise) adds a node of one of the
    spawner's scenes below the node at :attr:`spawn_path`, or calls :meth:`spawn`. All must have the
    spawner at the same path, with the same scenes in the same order.

    Args:
        name: the node's name.
    """

    spawned: Signal[Node] = Signal("node")
    """A node was made here because its authority has it; not emitted at the authority."""
    despawned: Signal[Node] = Signal("node")
    """A node was removed here because its authority has removed or hidden it, or has left.

    Engines do not emit it when a peer leaves."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._spawn_path = ""
        self._spawn_limit = 0
        self._spawn_function: Callable[[Any], Node | None] | None = None
        self._scenes: dict[str, Factory] = {}

    # ---------------------------------------------------------------- scenes

    @property
    def spawn_path(self) -> str:
        """The node below which nodes are spawned, from here; "" for none.

        Setting it raises ``ERR_INVALID_PARAMETER`` for what is not a path.
        """
        return self._spawn_path

    @spawn_path.setter
    def spawn_path(self, path: str | NodePath) -> None:
        self._spawn_path = node_text(path)
        if self._is_ready:
            self._watch()

    @property
    def spawn_limit(self) -> int:
        """How many nodes :meth:`spawn` lets be there at a time; 0, the default, for any number.

        As in the engine, scenes that are added are spawned beyond it, and receivers do not look at
        it: ``Limits.max_spawned_nodes`` protects them.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a whole number from 0 on.
        """
        return self._spawn_limit

    @spawn_limit.setter
    def spawn_limit(self, limit: int) -> None:
        self._spawn_limit = int(check_number("spawn_limit", limit, whole=True))

    @property
    def spawn_function(self) -> Callable[[Any], Node | None] | None:
        """Makes a node from the data of :meth:`spawn`, on all sides; None by default.

        It takes the data and returns a node without a parent.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it cannot be called, or is ``async``.
        """
        return self._spawn_function

    @spawn_function.setter
    def spawn_function(self, function: Callable[[Any], Node | None] | None) -> None:
        check_callback("spawn_function", function)
        self._spawn_function = function

    def add_spawnable_scene(self, path: str, factory: Factory) -> None:
        """Spawn nodes of a scene: those with that ``scene_file_path``, or of that class.

        Args:
            path: the scene's name. An engine's is the path of its file, ``res://player.tscn``; only
                its place in the list is sent to engines.
            factory: makes a node at the other peers: a class, which also says which nodes are of
                that scene, or a function.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the path is empty, or the factory cannot be
                called; ``ERR_ALREADY_EXISTS``: the scene is there;
                ``ERR_PARAMETER_RANGE_ERROR``: there are 255 already.
        """
        check_callback("the factory of a scene", factory, optional=False)
        if not isinstance(path, str) or not path:  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"a scene needs a name, such as 'res://player.tscn', not {path!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if path in self._scenes:
            message = f"the scene {path!r} is already there; clear_spawnable_scenes() first"
            raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
        if len(self._scenes) >= MOST_SCENES:
            message = f"a spawner has at most {MOST_SCENES} scenes; use spawn() with data instead"
            raise MultiplayerError(Error.ERR_PARAMETER_RANGE_ERROR, message)
        self._scenes[path] = factory

    def get_spawnable_scene_count(self) -> int:
        """Return how many scenes there are."""
        return len(self._scenes)

    def get_spawnable_scene(self, index: int) -> str:
        """Return the name of a scene.

        Raises:
            MultiplayerError: ``ERR_PARAMETER_RANGE_ERROR``: there is none with that number.
        """
        names = [*self._scenes]
        if not 0 <= index < len(names):
            message = f"there is no scene {index}; there are {len(names)}"
            raise MultiplayerError(Error.ERR_PARAMETER_RANGE_ERROR, message)
        return names[index]

    def clear_spawnable_scenes(self) -> None:
        """Remove all scenes; nodes that are there stay spawned."""
        self._scenes.clear()

    def instantiate(self, path: str) -> Node:
        """Return a new node of a scene, for ``add_child``.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such scene;
                ``ERR_CANT_CREATE``: its factory returned no node.
            Exception: what the factory raised.
        """
        factory = self._scenes.get(path)
        if factory is None:
            message = f"{self!r} has no scene {path!r}; add_spawnable_scene() it on all sides"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        node = _made(factory(), f"the factory of the scene {path!r}")
        node.scene_file_path = path
        return node

    # ---------------------------------------------------------------- spawning

    def spawn(self, data: object = None) -> Node:
        """Have :attr:`spawn_function` make a node from ``data``, here and at the other peers.

        Args:
            data: any value that the dialect can send.

        Returns:
            The node, which has been added below the one at :attr:`spawn_path`.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: it is not inside the tree, or has no
                ``spawn_function``, or no node at ``spawn_path``; ``ERR_UNAUTHORIZED``: another peer
                is the authority; ``ERR_OUT_OF_MEMORY``: ``spawn_limit`` is reached;
                ``ERR_CANT_CREATE``: the function returned no node; ``ERR_INVALID_PARAMETER``: the
                data cannot be sent.
            Exception: what the function raised.
        """
        api = self._find_api()
        if api is None or not self._inside:
            message = f"{self!r} is not inside the tree of a SceneMultiplayer; add it first"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        if api.get_unique_id() != self._authority:
            message = f"only its authority, peer {self._authority}, spawns with {self!r}"
            raise MultiplayerError(Error.ERR_UNAUTHORIZED, message)
        if 0 < self._spawn_limit <= registry_of(api).count_of(self):
            message = f"{self._spawn_limit} nodes are spawned, which is the spawn_limit"
            raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)
        below = self.spawn_node()
        if below is None:
            message = f"{self!r} has no node at its spawn_path {self._spawn_path!r}"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        registry_of(api).check_data(data)
        node = self.instantiate_custom(data)
        registry_of(api).spawn(self, node, None, data)
        try:
            below.add_child(node, True)
        finally:
            if node.parent is not below:
                registry_of(api).withdraw(node)
        return node

    @internal
    def instantiate_custom(self, data: object) -> Node:
        """Return the node that :attr:`spawn_function` makes from ``data``.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no function; ``ERR_CANT_CREATE``: it
                returned no node.
            Exception: what it raised.
        """
        if self._spawn_function is None:
            message = f"{self!r} has no spawn_function; set it on all sides"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        return _made(self._spawn_function(data), "spawn_function")

    @internal
    def spawn_node(self) -> Node | None:
        """Return the node below which nodes are spawned; None if there is none."""
        path = self._spawn_path
        return self.get_node(path) if path and self.has_node(path) else None

    @internal
    def scene_of(self, node: Node) -> int | None:
        """Return the place in the list of the scene that a node is of; None if it is of none."""
        for index, (path, factory) in enumerate(self._scenes.items()):
            if node.scene_file_path == path or (not node.scene_file_path and type(node) is factory):
                return index
        return None

    @internal
    def child_added(self, node: Node) -> None:
        """Spawn a node that was added, if it is of a scene."""
        api = self._find_api()
        if api is None or api.get_unique_id() != self._authority:
            return
        if registry_of(api).is_live(self, node):
            return
        scene = self.scene_of(node)
        if scene is not None:
            registry_of(api).spawn(self, node, scene, None)

    # ---------------------------------------------------------------- in the tree

    @internal
    def entered(self) -> None:
        """Begin to spawn what is added."""
        super().entered()
        self._watch()

    @internal
    def entering(self, api: MultiplayerAPI) -> None:
        """Be known to the API."""
        super().entering(api)
        registry_of(api).watch(self, None)

    @internal
    def leaving(self) -> None:
        """Despawn all that it has spawned."""
        api = self._find_api()
        if api is not None:
            registry_of(api).leave(self)
        super().leaving()

    def _watch(self) -> None:
        api = self._find_api()
        if api is not None:
            registry_of(api).watch(self, self.spawn_node())


def _made(node: object, by: str) -> Node:
    if not isinstance(node, Node):
        message = f"{by} must return a Node, not {node!r}"
        raise MultiplayerError(Error.ERR_CANT_CREATE, message)
    if node.parent is not None:
        message = f"{by} returned {node!r}, which has a parent already; return a new node"
        raise MultiplayerError(Error.ERR_CANT_CREATE, message)
    return node
