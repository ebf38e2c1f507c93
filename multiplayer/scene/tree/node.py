"""``Node``: a tree of named objects that peers can address. Mirrors a small part of Godot's."""

# ruff: noqa: SLF001 - the nodes of a tree know each other

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from multiplayer.addressing import SERVER_ID, check_id
from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.membership import Member, api_of
from multiplayer.scene.methods.config import config_from_dictionary
from multiplayer.scene.methods.method import BoundRpc, RpcMethod
from multiplayer.scene.methods.replicated_property import replicated_properties
from multiplayer.scene.methods.table import complete_overrides, table_of
from multiplayer.scene.methods.undeclared import mark_undeclared
from multiplayer.signals import Signal
from multiplayer.support.internal import internal

from . import life
from .branch import State, deep_copy, restore, shallow_copy, state_of
from .names import checked_name, next_name
from .paths import node_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Never, Self

    from multiplayer.scene.methods.config import RpcConfig
    from multiplayer.scene.methods.table import RpcTable
    from multiplayer.scene.multiplayer_api import MultiplayerAPI
    from multiplayer.variant.names import NodePath


class _Missing:
    """Stands for an attribute until ``Node.__init__`` sets it."""

    def __get__(self, node: Node, owner: type) -> Never:
        message = f"{owner.__name__}.__init__() must call super().__init__(name) first"
        raise MultiplayerError(Error.ERR_UNCONFIGURED, message)


class Node(Member):
    """A named object in a tree, with an authority and methods that peers can call.

    Peers find each other's nodes by their path from the root: the same names on both sides.
    Small on purpose: no engine, no drawing, no frames.

    A node is *inside the tree* while an API has the root above it. Override :meth:`_enter_tree`,
    :meth:`_ready` and :meth:`_exit_tree`, or connect the signals. A branch enters from the top
    down, is ready from the bottom up, and leaves from the bottom up. What they raise leaves
    ``add_child``, ``remove_child`` or the setting of ``root`` once all have been told.

    A copy (``copy.copy``, ``copy.deepcopy``) is a node with copies of those below it, outside any
    tree: it has neither the parent nor the API. Name, authority, methods of :meth:`rpc_config` and
    attributes stay; its signals have no listeners. A deep copy also copies what a node refers to,
    except nodes elsewhere, APIs and peers, to which the copy refers as well. (A node that Godot's
    ``duplicate()`` made lacks the authority and the configured methods.) Likewise, a pickled node
    has what is below it.

    Args:
        name: the node's name; by default that of its class. Not empty, and without ``. : @ / " %``.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: the name cannot be part of a path.

    Attributes:
        scene_file_path: which scene the node is an instance of, for a ``MultiplayerSpawner``; "" if
            of none (Godot: ``scene_file_path``).
    """

    tree_entered = Signal[()]()
    """The node is inside the tree; those below it enter next."""
    ready = Signal[()]()
    """The node and all below it are inside the tree; once, or again after :meth:`request_ready`."""
    tree_exiting = Signal[()]()
    """The node is about to leave the tree; those below it have left."""
    child_entered_tree: Signal[Node] = Signal("node")
    """A child has entered the tree; emitted after the child's ``tree_entered``."""
    child_exiting_tree: Signal[Node] = Signal("node")
    """A child is about to leave the tree."""

    scene_file_path: str = ""
    _inside: bool = False
    _is_ready: bool = False
    _wants_ready: bool = True

    if not TYPE_CHECKING:
        _name = _parent = _children = _authority = _api = _configured = _table = _Missing()

    def __init__(self, name: str = "") -> None:
        self._name = checked_name(name or type(self).__name__)
        self._parent: Node | None = None
        self._children: dict[str, Node] = {}
        self._authority = 1
        self._api: MultiplayerAPI | None = None  # of a root
        self._configured: dict[str, RpcMethod[..., Any]] = {}
        self._table: RpcTable | None = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        complete_overrides(cls)
        mark_undeclared(cls)
        for name in replicated_properties(cls):
            if hasattr(Node, name):
                message = (
                    f"{cls.__name__}.{name} would hide what every node has by that name; "
                    "declare the replicated property under another one"
                )
                raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)

    def __copy__(self) -> Self:
        return shallow_copy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return deep_copy(self, memo)

    def __getstate__(self) -> State:
        state = state_of(self)
        # Not the methods themselves: looked up in the class by name, they are found decorated.
        configs = {name: method.config for name, method in self._configured.items()}
        return State(state.values | {"_configured": configs}, state.slots)

    def __setstate__(self, state: State) -> None:
        configs: dict[str, RpcConfig] = state.values["_configured"]
        methods = {name: self._method(name, config) for name, config in configs.items()}
        restore(self, State(state.values | {"_configured": methods}, state.slots))

    # ---------------------------------------------------------------- the tree

    @property
    def name(self) -> str:
        """The node's name, unique among its siblings.

        Setting it raises ``ERR_INVALID_PARAMETER`` for a name that cannot be part of a path, and
        ``ERR_ALREADY_EXISTS`` if a sibling has it.
        """
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        name = checked_name(name)
        parent = self._parent
        if parent is not None and parent._children.get(name, self) is not self:
            raise _taken(parent, name)
        self._leaves()
        if parent is not None:
            siblings = parent._children.values()
            parent._children = {name if node is self else node.name: node for node in siblings}
        self._name = name

    @property
    def parent(self) -> Node | None:
        """The node above; None at the root."""
        return self._parent

    @property
    def children(self) -> list[Node]:
        """The nodes below, in the order in which they were added; a copy."""
        return list(self._children.values())

    def add_child(self, node: Node, force_readable_name: bool = False) -> None:
        """Add ``node`` below this one.

        Args:
            node: the node.
            force_readable_name: if another child has its name, give it the next one that is free:
                ``Box2`` for ``Box`` (False).

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: it has a parent, or is the root of a
                SceneMultiplayer; ``ERR_ALREADY_EXISTS``: another child has its name;
                ``ERR_CYCLIC_LINK``: it is this node or above it; ``ERR_INVALID_DECLARATION``: with
                ``validate``, an annotation in it cannot be checked; ``ERR_UNCONFIGURED``: its class
                does not call ``super().__init__()``; ``ERR_INVALID_PARAMETER``: it is no node, but
                its class, for instance.
            Exception: what its hooks and listeners have raised; it has been added.
        """
        if not isinstance(node, Node):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{node!r} is not a node; add an object of a class of nodes, as in Player()"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        above: Node | None = self
        while above is not None:
            if above is node:
                message = f"{node!r} is {self!r} itself or above it; a tree has no cycles"
                raise MultiplayerError(Error.ERR_CYCLIC_LINK, message)
            above = above._parent
        if node._parent is not None or node._api is not None:
            where = node._parent or "a SceneMultiplayer, as its root"
            message = f"{node!r} already belongs to {where!r}; remove_child() it there first"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        name = node._name
        if name in self._children:
            if not force_readable_name:
                raise _taken(self, name)
            name = next_name(name, self._children)
        api = self._find_api()
        if api is not None:
            api.check_node(node)
        node._name = name
        self._children[name] = node
        node._parent = self
        if api is not None:
            life.enter(node, api)

    def remove_child(self, node: Node) -> None:
        """Take ``node``, and what is below it, out of the tree.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it is not a child of this node.
            Exception: what its hooks and listeners have raised; it has been removed.
        """
        if node._parent is not self:
            message = f"{node!r} is not a child of {self!r}"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        try:
            if node._inside:
                life.leave(node)
        finally:
            if node._parent is self:  # a listener may have removed it already
                node._leaves()
                del self._children[node._name]
                node._parent = None

    def get_node(self, path: str | NodePath) -> Node:
        """Return the node at ``path``: ``"Players/Bob"``, ``".."``, ``"/root/Main"``.

        Args:
            path: names joined by ``/``; ``.`` is this node, ``..`` its parent. With a leading ``/``
                it begins at the root of the tree, with the root's name. The properties of a
                ``NodePath`` do not matter.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none; ``ERR_INVALID_PARAMETER``: it
                is not a path.
        """
        node = self._at(path)
        if node is None:
            message = f"there is no node {node_text(path)!r} (from {self.get_path()})"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return node

    def get_node_or_null(self, path: str | NodePath) -> Node | None:
        """Return the node at ``path``, None if there is none; see :meth:`get_node`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a path.
        """
        return self._at(path)

    def has_node(self, path: str | NodePath) -> bool:
        """Return whether there is a node at ``path``; see :meth:`get_node`."""
        return self._at(path) is not None

    def _at(self, path: str | NodePath) -> Node | None:
        path = node_text(path)
        names = [name for name in path.split("/") if name]
        node: Node | None = self
        if path.startswith("/"):
            node = self._root()
            if not names or names.pop(0) != node._name:
                return None
        elif not names:
            return None
        for name in names:
            if node is None:
                return None
            if name == "..":
                node = node._parent
            elif name != ".":
                node = node._children.get(name)
        return node

    def get_path(self) -> str:
        """Return the path from the root of the tree: ``"/root/Players/Bob"``."""
        names: list[str] = []
        node: Node | None = self
        while node is not None:
            names.append(node._name)
            node = node._parent
        return "/" + "/".join(reversed(names))

    def _was_removed(self) -> bool:
        return not (self._inside or self._wants_ready)

    def _root(self) -> Node:
        node = self
        while node._parent is not None:
            node = node._parent
        return node

    # ---------------------------------------------------------------- inside the tree

    def is_inside_tree(self) -> bool:
        """Return whether the node is inside the tree of an API."""
        return self._inside

    def is_node_ready(self) -> bool:
        """Return whether the node was ready since it entered the tree."""
        return self._is_ready and not self._wants_ready

    def request_ready(self) -> None:
        """Let the node be ready again when it next enters the tree.

        A ``MultiplayerSpawner`` spawns a node again only then.
        """
        self._wants_ready = True

    def _enter_tree(self) -> None:
        """Called when the node has entered the tree, before those below it. Yours to override."""

    def _ready(self) -> None:
        """Called when all below have been ready; see :meth:`request_ready`. Yours to override."""

    def _exit_tree(self) -> None:
        """Called when the node is about to leave the tree. Yours to override."""

    @internal
    def entering(self, api: MultiplayerAPI) -> None:
        """Do what a node of ours has to do first when it enters the tree."""

    @internal
    def entered(self) -> None:
        """Do what a node of ours has to do each time all below it have entered the tree."""

    @internal
    def leaving(self) -> None:
        """Do what a node of ours has to do last when it leaves the tree."""

    # ---------------------------------------------------------------- the session

    @property
    def multiplayer(self) -> MultiplayerAPI[Node | None]:
        """The API that this node's tree belongs to.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: to none.
        """
        return api_of(self)

    def _find_api(self) -> MultiplayerAPI | None:
        return self._root()._api

    @internal
    def become_root_of(self, api: MultiplayerAPI | None) -> None:
        """Become the root of an API's tree, or stop being it; called by the API.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: it has a parent, or another API has it.
        """
        if api is not None and (self._parent is not None or self._api is not None):
            message = f"{self!r} is already in a tree; make the topmost node the root, of one API"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._api = api

    def _check(self, node: Node) -> None:
        """Let the API check whether ``node`` may be in this tree."""
        api = self._find_api()
        if api is not None:
            api.check_node(node)

    def _leaves(self) -> None:
        """Let the API forget what it knows of this node's path and those below."""
        api = self._find_api()
        if api is not None:
            api.forget_node(self)

    def set_multiplayer_authority(self, id: int, recursive: bool = True) -> None:  # noqa: A002 - Godot's name
        """Say which peer is in charge of this node; 1, the server, by default.

        It is not sent: every program sets it for itself.

        Args:
            id: the peer's id.
            recursive: also for all nodes below.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a 32-bit ``int``.
        """
        self._authority = check_id(id)
        api = self._find_api()
        if api is not None:
            api.note_authority()
        if recursive:
            for child in self._children.values():
                child.set_multiplayer_authority(id)

    def get_multiplayer_authority(self) -> int:
        """Return the id of the peer that is in charge of this node."""
        return self._authority

    def is_multiplayer_authority(self) -> bool:
        """Return whether this program's own peer is in charge of this node.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: the tree belongs to no SceneMultiplayer.
        """
        return self.multiplayer.get_unique_id() == self._authority

    # ---------------------------------------------------------------- calls

    def rpc(self, method: str, *args: object) -> None:
        """Call a method at all peers; ``node.method.rpc(*args)`` is the same, with types.

        Raises:
            MultiplayerError: as ``SceneMultiplayer.rpc``.
        """
        self.multiplayer.rpc(0, self, method, args)

    def rpc_id(self, peer: int, method: str, *args: object) -> None:
        """Call a method at ``peer``: n that one, 0 all, -n all but that one.

        Raises:
            MultiplayerError: as ``SceneMultiplayer.rpc``.
        """
        self.multiplayer.rpc(peer, self, method, args)

    def rset(self, property: str, value: object) -> None:  # noqa: A002 - Godot's name
        """Set a property at all peers (Godot 3).

        Raises:
            MultiplayerError: as ``SceneMultiplayer.rset``.
        """
        self.multiplayer.rset(0, self, property, value)

    def rset_id(self, peer: int, property: str, value: object) -> None:  # noqa: A002 - Godot's name
        """Set a property at ``peer``: n that one, 0 all, -n all but that one (Godot 3).

        Raises:
            MultiplayerError: as ``SceneMultiplayer.rset``.
        """
        self.multiplayer.rset(peer, self, property, value)

    def rpc_config(self, method: str, config: Mapping[str, object] | None) -> None:
        """Let peers call a method that has no ``@rpc``, on this node only (Godot 4).

        Do it before the node is first called, and in the same way at all peers: as in Godot,
        numbers and checksum count these methods separately from those with ``@rpc``.

        Args:
            method: its name.
            config: any of ``rpc_mode``, ``transfer_mode``, ``call_local``, ``channel``; None undoes
                it.

        Raises:
            MultiplayerError: ``ERR_METHOD_NOT_FOUND``: the node has no such method;
                ``ERR_INVALID_PARAMETER``: a key or value makes no sense;
                ``ERR_INVALID_DECLARATION``: with ``validate``, an annotation cannot be checked.
        """
        if config is None:
            self._configured.pop(method, None)
        else:
            made = self._method(method, config_from_dictionary(config))
            before, self._configured = self._configured, {**self._configured, method: made}
            self._table = None
            try:
                self._check(self)
            except MultiplayerError:
                self._configured, self._table = before, None
                raise
        self._table = None
        self._leaves()

    def _method(self, name: str, config: RpcConfig) -> RpcMethod[..., Any]:
        """Return a method of this node's class as one that peers can call.

        Raises:
            MultiplayerError: ``ERR_METHOD_NOT_FOUND``: there is none.
        """
        function = getattr(type(self), name, None)
        if isinstance(function, RpcMethod):
            function = cast("RpcMethod[..., Any]", function).function
        if not callable(function) or isinstance(function, BoundRpc):
            message = f"{self!r} has no method {name!r} to configure"
            raise MultiplayerError(Error.ERR_METHOD_NOT_FOUND, message)
        made: RpcMethod[..., Any] = RpcMethod(function, config)
        made.name = name
        return made

    @internal
    def get_rpc_table(self) -> RpcTable:
        """Return what peers can call on this node; for ``SceneMultiplayer``."""
        if self._table is None:
            self._table = table_of(type(self), self._configured)
        return self._table

    def __repr__(self) -> str:
        if "_name" not in vars(self):
            return f"<{type(self).__name__} without super().__init__()>"
        of = "" if self._authority == SERVER_ID else f", authority {self._authority}"
        return f"<{type(self).__name__} {self.get_path()}{of}>"


def _taken(parent: Node, name: str) -> MultiplayerError:
    message = f"{parent!r} already has a child {name!r}; give this one another name"
    return MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
