"""``synchronizer_of``: the synchronizer of an object whose class declares ``replicated()``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.methods.argument_types import property_check
from multiplayer.scene.methods.replicated_property import replicated_properties
from multiplayer.scene.tree.node import Node
from multiplayer.support.internal import internal

from .config import ReplicationMode, SceneReplicationConfig
from .property_paths import own_attribute
from .synchronizer import MultiplayerSynchronizer

if TYPE_CHECKING:
    from multiplayer.scene.multiplayer_api import MultiplayerAPI
    from multiplayer.variant.names import NodePath

SYNCHRONIZER: Final = "MultiplayerSynchronizer"
"""The name that Godot's editor gives it, so that a scene there has it at the same path."""

_KEPT: Final = "_replicated_synchronizer"
"""Where the ``__dict__`` of an object that is not a node keeps its own."""

_MODES: Final = {
    "never": ReplicationMode.REPLICATION_MODE_NEVER,
    "always": ReplicationMode.REPLICATION_MODE_ALWAYS,
    "on_change": ReplicationMode.REPLICATION_MODE_ON_CHANGE,
}


class ObjectSynchronizer(MultiplayerSynchronizer):
    """The synchronizer of an object that is not a node, and was added to an API.

    It is in no tree, and found at the object's path with its own name behind it.

    Args:
        member: the object.
    """

    def __init__(self, member: object) -> None:
        super().__init__(SYNCHRONIZER)
        self._member = member
        self._api_of_member: MultiplayerAPI | None = None
        self._path = ""

    @internal
    def root_object(self) -> object | None:
        """Return the object."""
        return self._member

    def get_path(self) -> str:
        """Return where peers find it."""
        return self._path or super().get_path()

    @internal
    def added(self, api: MultiplayerAPI, path: str) -> None:
        """Begin to send, or to take, the properties of the object, which is at ``path``."""
        self._api_of_member, self._path = api, f"{path}/{self.name}"
        self._inside = self._is_ready = True
        self.entering(api)

    @internal
    def removed(self) -> None:
        """Send nothing, and take nothing, any more."""
        try:
            self.leaving()
        finally:
            self._inside = self._is_ready = False
            self._api_of_member = None

    def _find_api(self) -> MultiplayerAPI | None:
        return self._api_of_member

    def __deepcopy__(self, memo: dict[int, object]) -> ObjectSynchronizer:
        copied = memo.get(id(self._member), self._member)
        return ObjectSynchronizer(copied)  # of an object that is not added anywhere

    def __reduce__(self) -> tuple[type[ObjectSynchronizer], tuple[object]]:
        return ObjectSynchronizer, (self._member,)


def synchronizer_of(member: object) -> MultiplayerSynchronizer:
    """Return the synchronizer of an object whose class declares ``replicated()`` properties.

    For a node it is a child named ``MultiplayerSynchronizer``, made when the node enters the tree
    or by this call, whichever comes first; one that you add yourself, under that name, is taken
    instead. With it you choose who sees the node, and how often it is sent.

    Args:
        member: a node, or an object for ``SceneMultiplayer.add``.

    Raises:
        MultiplayerError: ``ERR_INVALID_DECLARATION``: its class declares no such property, or more
            than 64 that are sent on change; ``ERR_ALREADY_EXISTS``: a node has another child of
            that name.
    """
    declared = replicated_properties(type(member))
    if not declared:
        message = f"{type(member).__name__} declares no property with replicated()"
        raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message)
    if isinstance(member, Node):
        return child_of(member) or _added_to(member)
    kept = vars(member).get(_KEPT)
    if not isinstance(kept, ObjectSynchronizer) or kept.root_object() is not member:
        kept = ObjectSynchronizer(member)
        kept.replication_config = config_of(type(member))
        vars(member)[_KEPT] = kept
    return kept


def child_of(node: Node) -> MultiplayerSynchronizer | None:
    """Return the synchronizer of a node, with a configuration; None if it has none yet.

    Raises:
        MultiplayerError: ``ERR_ALREADY_EXISTS``: a child of that name is none.
    """
    if not node.has_node(SYNCHRONIZER):
        return None
    child = node.get_node(SYNCHRONIZER)
    if not isinstance(child, MultiplayerSynchronizer):
        message = (
            f"{node!r} has a child {SYNCHRONIZER} that is a {type(child).__name__}; call it "
            "something else, since the node's class declares replicated() properties"
        )
        raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
    if child.replication_config is None:
        child.replication_config = config_of(type(node))
    return child


def _added_to(node: Node) -> MultiplayerSynchronizer:
    made = made_for(node)
    node.add_child(made)
    return made


def made_for(node: Node) -> MultiplayerSynchronizer:
    """Return a new synchronizer for a node, to be added below it."""
    made = MultiplayerSynchronizer(SYNCHRONIZER)
    made.replication_config = config_of(type(node))
    made.set_multiplayer_authority(node.get_multiplayer_authority())
    return made


def config_of(owner: type) -> SceneReplicationConfig:
    """Return what a class declares, as a configuration of its own.

    Raises:
        MultiplayerError: ``ERR_INVALID_DECLARATION``: more than 64 properties are sent on change.
    """
    config = SceneReplicationConfig()
    for name, declared in replicated_properties(owner).items():
        path = f".:{name}"
        config.add_property(path)
        config.property_set_spawn(path, declared.spawn)
        try:
            config.property_set_replication_mode(path, _MODES[declared.mode])
        except MultiplayerError as error:
            message = f"{owner.__name__}: {error.message}"
            raise MultiplayerError(Error.ERR_INVALID_DECLARATION, message) from error
    return config


def fitted(root: object, path: NodePath, value: object) -> object:
    """Return a value that arrived, if it has the type of the property that it is for.

    A property that is not declared takes anything, as does part of one.

    Raises:
        WrongTypeError: it does not.
        MultiplayerError: ``ERR_INVALID_DECLARATION``: the type cannot be checked.
    """
    name = own_attribute(path)
    declared = None if name is None else replicated_properties(type(root)).get(name)
    return value if declared is None else property_check(declared).fit(value)


def kept_by(member: object) -> ObjectSynchronizer | None:
    """Return the synchronizer of an object that is not a node; None if its class declares none."""
    if replicated_properties(type(member)):
        return cast("ObjectSynchronizer", synchronizer_of(member))
    return None
