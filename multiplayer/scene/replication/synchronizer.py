"""``MultiplayerSynchronizer``: sends properties of a node to other peers. Godot's class."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import check_id
from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.tree.node import Node
from multiplayer.scene.tree.paths import node_text
from multiplayer.signals import Signal
from multiplayer.support.callbacks import check_callback
from multiplayer.support.internal import internal
from multiplayer.support.number_setting import check_number
from multiplayer.support.sealed import Sealed

from .budget import check_priority
from .config import SceneReplicationConfig
from .reconfigured import Reconfigured
from .registry import registry_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.scene.multiplayer_api import MultiplayerAPI
    from multiplayer.variant.names import NodePath

_ALL: Final = 0


class VisibilityUpdateMode(IntEnum):
    """When filters are asked (Godot: ``MultiplayerSynchronizer.VisibilityUpdateMode``)."""

    VISIBILITY_PROCESS_IDLE = 0
    """At every tick."""
    VISIBILITY_PROCESS_PHYSICS = 1
    """At every tick, too: there are no physics here."""
    VISIBILITY_PROCESS_NONE = 2
    """When ``update_visibility`` is called, and when a peer joins."""


class MultiplayerSynchronizer(Sealed, Node):
    """Sends the properties of a node in :attr:`replication_config` to other peers (Godot 4).

    The peer that is its authority (the server, unless you say otherwise) sends; the others set what
    arrives. All must have it at the same path, with the same configuration, unless it is part of a
    node that a ``MultiplayerSpawner`` spawns.

    It decides who sees the node as well: see :meth:`set_visibility_for`.

    Args:
        name: the node's name.
    """

    VISIBILITY_PROCESS_IDLE: Final = VisibilityUpdateMode.VISIBILITY_PROCESS_IDLE
    VISIBILITY_PROCESS_PHYSICS: Final = VisibilityUpdateMode.VISIBILITY_PROCESS_PHYSICS
    VISIBILITY_PROCESS_NONE: Final = VisibilityUpdateMode.VISIBILITY_PROCESS_NONE

    synchronized = Signal[()]()
    """Properties that are always sent have arrived and been set; with each packet."""
    delta_synchronized = Signal[()]()
    """Properties that had changed have arrived and been set."""
    visibility_changed = Signal[int]("for_peer")
    """At the authority: what that peer may see may have changed; 0 for any peer."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._root_path = ".."
        self._config: SceneReplicationConfig | None = None
        self._replication_interval = 0.0
        self._delta_interval = 0.0
        self._priority = 1.0
        self._visible_to: dict[int, None] = {_ALL: None}
        self._filters: tuple[Callable[[int], bool], ...] = ()
        self._update_mode = VisibilityUpdateMode.VISIBILITY_PROCESS_IDLE

    # ---------------------------------------------------------------- what is sent

    @property
    def root_path(self) -> str:
        """The node whose properties are sent, from here (``".."``, the parent).

        Setting it raises ``ERR_INVALID_PARAMETER`` for what is not a path.
        """
        return self._root_path

    @root_path.setter
    def root_path(self, path: str | NodePath) -> None:
        path = node_text(path)
        if path != self._root_path:
            self._stop()
            self._root_path = path
            self._start()

    @property
    def replication_config(self) -> SceneReplicationConfig | None:
        """Which properties are sent, and when; None, the default, for none.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a ``SceneReplicationConfig``.
        """
        return self._config

    @replication_config.setter
    def replication_config(self, config: SceneReplicationConfig | None) -> None:
        if not isinstance(config, SceneReplicationConfig | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"replication_config must be a SceneReplicationConfig, not {config!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        Reconfigured.note()
        self._config = config

    @property
    def replication_interval(self) -> float:
        """How many seconds lie between two times that properties are always sent (0: every tick).

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a time.
        """
        return self._replication_interval

    @replication_interval.setter
    def replication_interval(self, seconds: float) -> None:
        interval = float(check_number("replication_interval", seconds))
        Reconfigured.note()
        self._replication_interval = interval

    @property
    def delta_interval(self) -> float:
        """How many seconds lie between two times that changes are looked for (0: every tick).

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a time.
        """
        return self._delta_interval

    @delta_interval.setter
    def delta_interval(self, seconds: float) -> None:
        interval = float(check_number("delta_interval", seconds))
        Reconfigured.note()
        self._delta_interval = interval

    @property
    def priority(self) -> float:
        """How much of ``SceneMultiplayer.replication_budget`` it gets, beside the others (1).

        Twice the priority is twice the bytes, where not all can be sent at each tick. Godot has
        no such thing.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a number from 0.001 to 1000.
        """
        return self._priority

    @priority.setter
    def priority(self, priority: float) -> None:
        self._priority = check_priority(priority)

    # ---------------------------------------------------------------- who sees it

    @property
    def public_visibility(self) -> bool:
        """Whether all peers see it, unless a filter hides it (True)."""
        return self.get_visibility_for(_ALL)

    @public_visibility.setter
    def public_visibility(self, visible: bool) -> None:
        self.set_visibility_for(_ALL, visible)

    def set_visibility_for(self, peer: int, visible: bool) -> None:
        """Show it to a peer, or no longer, while :attr:`public_visibility` is False.

        What is set for a peer stays when it leaves, and counts for one that has not joined.

        Args:
            peer: the peer's id; 0 for :attr:`public_visibility`.
            visible: whether to show it.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a 32-bit ``int``.
        """
        if (check_id(peer) in self._visible_to) == bool(visible):
            return
        visible_to = dict(self._visible_to)
        if visible:
            visible_to[peer] = None
        else:
            del visible_to[peer]
        self._visible_to = visible_to
        self.update_visibility(peer)

    def get_visibility_for(self, peer: int) -> bool:
        """Return what was set for a peer; filters and the others' settings do not count."""
        return check_id(peer) in self._visible_to

    def add_visibility_filter(self, filter: Callable[[int], bool]) -> None:  # noqa: A002 - Godot's name
        """Show it only to peers for which ``filter`` returns True, besides what is set for them.

        It is asked for real peers only. (Engines ask for peer 0 first, and if it returns true for
        that, a public synchronizer is shown to all.) Call :meth:`update_visibility` afterwards, or
        wait for the next tick.

        Args:
            filter: takes a peer's id, and returns a ``bool``; anything else hides.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it cannot be called, or is ``async``.
        """
        check_callback("a visibility filter", filter, optional=False)
        if filter not in self._filters:
            Reconfigured.note()
            self._filters = (*self._filters, filter)

    def remove_visibility_filter(self, filter: Callable[[int], bool]) -> None:  # noqa: A002 - Godot's name
        """Ask a filter no longer; one that was not added is left alone."""
        Reconfigured.note()
        self._filters = tuple(each for each in self._filters if each != filter)

    @property
    def visibility_update_mode(self) -> VisibilityUpdateMode:
        """When filters are asked (``VISIBILITY_PROCESS_IDLE``).

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: there is no such mode.
        """
        return self._update_mode

    @visibility_update_mode.setter
    def visibility_update_mode(self, mode: VisibilityUpdateMode | int) -> None:
        try:
            self._update_mode = VisibilityUpdateMode(mode)
        except ValueError:
            message = f"{mode!r} is not a VisibilityUpdateMode: IDLE 0, PHYSICS 1, NONE 2"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None

    def update_visibility(self, for_peer: int = 0) -> None:
        """Ask the filters, and show or hide it; does nothing where this is not the authority.

        Args:
            for_peer: a peer's id; 0 for all.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not a 32-bit ``int``.
        """
        check_id(for_peer)
        api = self._find_api()
        if api is None or not self._inside or api.get_unique_id() != self._authority:
            return
        registry_of(api).update_visibility(self, for_peer)
        self.visibility_changed.emit(for_peer)

    @internal
    def is_visible_to(self, peer: int) -> bool:
        """Return whether a peer may see it.

        Raises:
            Exception: what a filter raised.
        """
        for each in self._filters:
            answer = each(peer)
            if answer is not True:
                if answer is not False:  # pyright: ignore[reportUnnecessaryComparison]
                    message = f"the visibility filter {each!r} must return a bool, not {answer!r}"
                    raise MultiplayerError(Error.ERR_INVALID_DATA, message)
                return False
        return _ALL in self._visible_to or peer in self._visible_to

    @internal
    def get_filters(self) -> tuple[Callable[[int], bool], ...]:
        """The filters, in the order in which they are asked."""
        return self._filters

    # ---------------------------------------------------------------- in the tree

    @internal
    def root_object(self) -> object | None:
        """Return the object whose properties are sent; None if there is none at the path."""
        path = self._root_path
        return self.get_node(path) if path and self.has_node(path) else None

    @internal
    def set_multiplayer_authority(self, id: int, recursive: bool = True) -> None:  # noqa: A002 - Godot's name
        """Say which peer sends the properties; see :meth:`Node.set_multiplayer_authority`.

        It is not sent: every program sets it for itself. Until all have, what arrives from the
        wrong peer is dropped. Of a node that is to be spawned, set it in :meth:`_enter_tree`.
        """
        changes = check_id(id) != self._authority
        if changes:
            self._stop()
        super().set_multiplayer_authority(id, recursive)
        if changes:
            self._start()

    @internal
    def entering(self, api: MultiplayerAPI) -> None:
        """Begin to send, or to take, the properties."""
        super().entering(api)
        registry_of(api).start(self)

    @internal
    def leaving(self) -> None:
        """Send nothing, and take nothing, any more."""
        self._stop()
        super().leaving()

    def _start(self) -> None:
        api = self._find_api()
        if api is not None and self._inside:
            registry_of(api).start(self)

    def _stop(self) -> None:
        api = self._find_api()
        if api is not None:
            registry_of(api).stop(self)
