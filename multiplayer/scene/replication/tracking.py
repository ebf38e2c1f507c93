"""``Tracking``: the spawners, synchronizers and spawned nodes in the tree of an API.

It outlives sessions, as the tree does; what peers are sent and have sent is in the ``Replicator``
of the present session, which is told of every change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.methods.replicated_property import replicated_properties
from multiplayer.scene.tree.node import Node

from .declared import synchronizer_of
from .reconfigured import Reconfigured
from .records import Source, Tracked
from .spawner import MultiplayerSpawner
from .synchronizer import MultiplayerSynchronizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.wire.dialects.replication_packets import ReplicationWire


class Listener(Protocol):
    """What a session does about changes; see ``Replicator``."""

    def spawn_ready(self, tracked: Tracked) -> None:
        """A node that this program spawned is ready."""

    def spawn_left(self, tracked: Tracked) -> None:
        """A node that this program spawned leaves the tree."""

    def started(self, source: Source) -> None:
        """A synchronizer has entered the tree, or got another authority or root."""

    def stopped(self, source: Source) -> None:
        """A synchronizer leaves the tree, or is about to start again."""

    def visibility_changed(self, source: Source, peer: int) -> None:
        """What a peer may see has changed; 0: what any may see."""

    def used(self) -> None:
        """There is a first spawner or synchronizer."""


class _Watch:
    """What a spawner that is in the tree has to do with others.

    Attributes:
        below: the node whose children it spawns; None if there is none.
        on_child: connected to that node.
        live: the nodes that it has spawned, by their ``id()``, and what is connected to each.
    """

    __slots__ = ("below", "live", "on_child")

    def __init__(self) -> None:
        self.below: Node | None = None
        self.on_child: Callable[[Node], object] | None = None
        self.live: dict[int, tuple[Tracked, Callable[[], object], Callable[[], object]]] = {}


class Tracking:
    """What is replicated in one API.

    Args:
        wire: how packets are written; None if the dialect has none.
        dialect: its name, for errors.

    Attributes:
        listener: the present session; None before the first.
        sources: the synchronizers in the tree, in order of entering.
        spawned: the nodes that this program has spawned and that were ready, in that order.
        spawners: the spawners in the tree.
    """

    def __init__(self, wire: ReplicationWire | None, dialect: str) -> None:
        self._wire = wire
        self._dialect = dialect
        self.listener: Listener | None = None
        self.sources: dict[MultiplayerSynchronizer, Source] = {}
        self.spawned: dict[Tracked, None] = {}
        self.spawners: dict[MultiplayerSpawner, None] = {}
        self._nodes: dict[int, Tracked] = {}
        self._watches: dict[MultiplayerSpawner, _Watch] = {}
        self._waiting: dict[Tracked, None] = {}  # spawned, but not ready; in order

    @property
    def is_used(self) -> bool:
        """Whether there is a spawner or synchronizer in the tree."""
        return bool(self.sources or self.spawners)

    def check(self, what: str) -> None:
        """Raise if the dialect has no replication.

        Args:
            what: what it is needed for.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``.
        """
        if self._wire is None:
            message = (
                f"{what} is for spawners and synchronizers, for which {self._dialect} has no "
                "packets; use RPCs, or Dialect.NATIVE or Dialect.GODOT_4"
            )
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def prepare_branch(self, node: object) -> None:
        """Give a node and those below it, about to enter the tree, the synchronizers they declare.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: one spawns or synchronizes, and the dialect
                cannot; others as ``synchronizer_of``.
        """
        if not isinstance(node, Node):
            return
        if isinstance(node, MultiplayerSpawner | MultiplayerSynchronizer):
            self.check(repr(node))
        elif replicated_properties(type(node)):
            self.check(repr(node))
            synchronizer_of(node)
        for child in node.children:
            self.prepare_branch(child)

    def check_data(self, data: object) -> None:
        """Raise if the data of a spawn cannot be sent.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it cannot.
        """
        if self._wire is not None:
            self._wire.state((data,))

    def _is_used(self) -> None:
        if not self.is_used and self.listener is not None:
            self.listener.used()

    def of(self, node: object) -> Tracked | None:
        """Return what is known of a node; None if nothing is replicated of it."""
        return self._nodes.get(id(node))

    def track(self, node: object) -> Tracked:
        """Return what is known of a node, from now on at least."""
        tracked = self._nodes.get(id(node))
        if tracked is None:
            tracked = self._nodes[id(node)] = Tracked(node)
        return tracked

    def release(self, tracked: Tracked) -> None:
        """Forget a node of which nothing is replicated any more."""
        if tracked.spawner is None and not tracked.sources:
            self._nodes.pop(id(tracked.node), None)

    # ---------------------------------------------------------------- spawners

    def watch(self, spawner: MultiplayerSpawner, below: Node | None) -> None:
        """Spawn what is added below a node; None for nothing."""
        watch = self._watches.setdefault(spawner, _Watch())
        self._is_used()
        self.spawners[spawner] = None
        self._unwatch(watch)
        if below is not None:
            watch.below, watch.on_child = below, spawner.child_added
            below.child_entered_tree.connect(watch.on_child)

    def _unwatch(self, watch: _Watch) -> None:
        if watch.below is not None and watch.on_child is not None:
            if watch.below.child_entered_tree.is_connected(watch.on_child):
                watch.below.child_entered_tree.disconnect(watch.on_child)
            watch.below = watch.on_child = None

    def leave(self, spawner: MultiplayerSpawner) -> None:
        """A spawner leaves the tree: what it has spawned is spawned no longer."""
        watch = self._watches.get(spawner)
        if watch is not None:
            self._unwatch(watch)
            for tracked, _, _ in list(watch.live.values()):
                self.despawn(tracked)
        self._watches.pop(spawner, None)
        self.spawners.pop(spawner, None)

    def count_of(self, spawner: MultiplayerSpawner) -> int:
        """Return how many nodes a spawner has spawned that are there."""
        watch = self._watches.get(spawner)
        return 0 if watch is None else len(watch.live)

    def is_live(self, spawner: MultiplayerSpawner, node: Node) -> bool:
        """Return whether a spawner has spawned a node."""
        watch = self._watches.get(spawner)
        return watch is not None and id(node) in watch.live

    def spawn(
        self, spawner: MultiplayerSpawner, node: Node, scene: int | None, data: object
    ) -> None:
        """Note that this program spawns a node, which enters the tree or is about to.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: another spawner has spawned it.
        """
        tracked = self.track(node)
        if tracked.spawner is not None:
            message = f"{node!r} was spawned by {tracked.spawner!r}; two cannot spawn one node"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        watch = self._watches.setdefault(spawner, _Watch())

        def exits() -> None:
            self.despawn(tracked)

        def is_ready() -> None:
            self._ready(tracked)

        watch.live[id(node)] = tracked, exits, is_ready
        tracked.spawner, tracked.scene, tracked.data = spawner, scene, data
        self._waiting[tracked] = None
        node.tree_exiting.connect(exits)
        node.ready.connect(is_ready, one_shot=True)

    def _ready(self, tracked: Tracked) -> None:
        """A spawned node is ready; those in it go after it, since they entered after it.

        One that is not ready yet holds up what is in it, and nothing else.
        """
        if tracked not in self._waiting or any(map(self._is_waiting, _around(tracked))):
            return
        self._show(tracked)
        for each in list(self._waiting):
            if each in self._waiting and tracked.node in _around(each):
                self._show(each)

    def _is_waiting(self, node: Node) -> bool:
        tracked = self.of(node)
        return tracked is not None and tracked in self._waiting

    def _show(self, tracked: Tracked) -> None:
        self.spawned[tracked] = None
        tracked.shown = True
        if self.listener is not None:
            self.listener.spawn_ready(tracked)
        self._waiting.pop(tracked, None)  # last: what an interrupt cuts in two is done again

    def withdraw(self, node: Node) -> None:
        """Note that a node that was to be spawned was not added after all."""
        tracked = self.of(node)
        if tracked is not None:
            self.despawn(tracked)

    def never_ready(self) -> list[Tracked]:
        """Return, and forget, the nodes that were spawned and have not been ready."""
        for tracked in [each for each in self._waiting if each.shown]:
            self._show(tracked)  # which was interrupted
        late = list(self._waiting)
        for tracked in late:
            self.despawn(tracked)
            fresh = self.of(tracked.node)
            if fresh is not None:
                fresh.failed = True  # no peer has it, so nobody is told of its path
        return late

    def despawn(self, tracked: Tracked) -> None:
        """Note that a node that this program spawned leaves the tree."""
        spawner, node = tracked.spawner, tracked.node
        if spawner is None:
            return
        if tracked.shown and self.listener is not None:
            self.listener.spawn_left(tracked)
        watch = self._watches.get(spawner)
        if watch is not None and id(node) in watch.live:
            _, exits, is_ready = watch.live.pop(id(node))
            for signal, listener in ((node.tree_exiting, exits), (node.ready, is_ready)):
                if signal.is_connected(listener):
                    signal.disconnect(listener)
        self._waiting.pop(tracked, None)
        self.spawned.pop(tracked, None)
        tracked.spawner, tracked.shown = None, False
        self._begin_anew(tracked)

    def _begin_anew(self, tracked: Tracked) -> None:
        """Let a node that was despawned have another record, if it ever needs one."""
        self._nodes.pop(id(tracked.node), None)
        if tracked.sources:
            fresh = self.track(tracked.node)
            fresh.sources = tracked.sources
            tracked.sources = {}
            for source in fresh.sources:
                source.tracked = fresh

    # ---------------------------------------------------------------- synchronizers

    def start(self, synchronizer: MultiplayerSynchronizer) -> None:
        """A synchronizer has entered the tree, or has another root or authority now."""
        root = synchronizer.root_object()
        if root is None or synchronizer in self.sources:
            return
        self._is_used()
        tracked = self.track(root)
        source = Source(synchronizer, root, tracked)
        Reconfigured.note()
        self.sources[synchronizer] = source
        tracked.sources[source] = None
        if self.listener is not None:
            self.listener.started(source)

    def stop(self, synchronizer: MultiplayerSynchronizer) -> None:
        """A synchronizer leaves the tree, or is about to get another root or authority."""
        source = self.sources.get(synchronizer)
        if source is None:
            return
        Reconfigured.note()
        if self.listener is not None:
            self.listener.stopped(source)
        source.end()
        self.sources.pop(synchronizer, None)
        source.tracked.sources.pop(source, None)
        self.release(source.tracked)

    def update_visibility(self, synchronizer: MultiplayerSynchronizer, peer: int) -> None:
        """What a peer may see of a synchronizer may have changed; 0: what any may see."""
        source = self.sources.get(synchronizer)
        if source is not None and self.listener is not None:
            self.listener.visibility_changed(source, peer)


def _around(tracked: Tracked) -> list[Node]:
    """Return the nodes that a spawned node, or its spawner, is in."""
    found: list[Node] = []
    for node in (tracked.node, tracked.spawner):
        above = None if node is None else node.parent
        while above is not None:
            found.append(above)
            above = above.parent
    return found
