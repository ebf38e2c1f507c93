"""``SceneReplicationConfig``: which properties a synchronizer sends, and when. Godot's class."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.internal import internal
from multiplayer.support.sealed import Sealed

from .property_paths import property_path
from .reconfigured import Reconfigured

if TYPE_CHECKING:
    from multiplayer.variant.names import NodePath

MOST_WATCHED: Final = 64
"""How many properties may be sent on change: a delta has 64 bits for them."""


class ReplicationMode(IntEnum):
    """When a property is sent (Godot: ``SceneReplicationConfig.ReplicationMode``)."""

    REPLICATION_MODE_NEVER = 0
    """Only in a spawn, if at all."""
    REPLICATION_MODE_ALWAYS = 1
    """At every tick; what is lost does not matter."""
    REPLICATION_MODE_ON_CHANGE = 2
    """When it has changed, reliably."""


class Property(NamedTuple):
    """One property of a configuration.

    Attributes:
        path: where it is.
        spawn: it is part of what is sent when the node appears.
        mode: when it is sent afterwards.
    """

    path: NodePath
    spawn: bool
    mode: ReplicationMode


class SceneReplicationConfig(Sealed):
    """The properties of a ``MultiplayerSynchronizer``, in order (Godot 4).

    All sides must have the same properties in the same order: on the wire they have no names.
    """

    REPLICATION_MODE_NEVER: Final = ReplicationMode.REPLICATION_MODE_NEVER
    REPLICATION_MODE_ALWAYS: Final = ReplicationMode.REPLICATION_MODE_ALWAYS
    REPLICATION_MODE_ON_CHANGE: Final = ReplicationMode.REPLICATION_MODE_ON_CHANGE

    def __init__(self) -> None:
        self._properties: dict[NodePath, Property] = {}
        self._version = 0

    def add_property(self, path: str | NodePath, index: int = -1) -> None:
        """Add a property: part of the spawn, and sent always, unless you set something else.

        Args:
            path: from the root node, such as ``.:position`` or ``Body:position:x``.
            index: where in the order; -1 for the end.

        Raises:
            MultiplayerError: ``ERR_ALREADY_EXISTS``: it is there; ``ERR_INVALID_PARAMETER``: it is
                not the path of a property.
        """
        path = property_path(path)
        if path in self._properties:
            message = f"the property {path} is already there; set its mode instead"
            raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
        mode = ReplicationMode.REPLICATION_MODE_ALWAYS
        properties = [*self._properties.values()]
        place = len(properties) if index < 0 else index
        properties.insert(place, Property(path, spawn=True, mode=mode))
        self._properties = {each.path: each for each in properties}
        self._changes()

    def remove_property(self, path: str | NodePath) -> None:
        """Remove a property; one that is not there is left alone."""
        if self._properties.pop(property_path(path), None) is not None:
            self._changes()

    def has_property(self, path: str | NodePath) -> bool:
        """Return whether a property is there."""
        return property_path(path) in self._properties

    def get_properties(self) -> list[NodePath]:
        """Return the paths of the properties, in order."""
        return [*self._properties]

    def property_get_index(self, path: str | NodePath) -> int:
        """Return where in the order a property is.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it is not there.
        """
        return self.get_properties().index(self._get(path).path)

    def property_get_spawn(self, path: str | NodePath) -> bool:
        """Return whether a property is part of what is sent when the node appears.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it is not there.
        """
        return self._get(path).spawn

    def property_set_spawn(self, path: str | NodePath, enabled: bool) -> None:
        """Say whether a property is part of what is sent when the node appears.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it is not there.
        """
        self._set(self._get(path)._replace(spawn=bool(enabled)))

    def property_get_replication_mode(self, path: str | NodePath) -> ReplicationMode:
        """Return when a property is sent.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it is not there.
        """
        return self._get(path).mode

    def property_set_replication_mode(
        self, path: str | NodePath, mode: ReplicationMode | int
    ) -> None:
        """Say when a property is sent.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it is not there; ``ERR_INVALID_PARAMETER``:
                there is no such mode; ``ERR_PARAMETER_RANGE_ERROR``: there are already 64 that are
                sent on change. (Engines take more, and send what nobody can read.)
        """
        before = self._get(path)
        try:
            mode = ReplicationMode(mode)
        except ValueError:
            message = f"{mode!r} is not a ReplicationMode: NEVER 0, ALWAYS 1, ON_CHANGE 2"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None
        if mode == ReplicationMode.REPLICATION_MODE_ON_CHANGE != before.mode:
            watched = sum(each.mode == mode for each in self._properties.values())
            if watched >= MOST_WATCHED:
                message = (
                    f"{MOST_WATCHED} properties are sent on change already, and a packet has room "
                    "for no more; use a second MultiplayerSynchronizer"
                )
                raise MultiplayerError(Error.ERR_PARAMETER_RANGE_ERROR, message)
        self._set(before._replace(mode=mode))

    @internal
    def changes(self) -> int:
        """Return how often it has been changed."""
        return self._version

    @internal
    def properties(self) -> list[Property]:
        """Return all about the properties, in order."""
        return [*self._properties.values()]

    def _changes(self) -> None:
        Reconfigured.note()
        self._version += 1

    def _get(self, path: str | NodePath) -> Property:
        path = property_path(path)
        found = self._properties.get(path)
        if found is None:
            message = f"there is no property {path} in this configuration; add_property() it first"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return found

    def _set(self, changed: Property) -> None:
        if self._properties[changed.path] != changed:
            self._properties[changed.path] = changed
            self._changes()
