"""``Receiving``: makes and removes nodes as their authorities say.

Permission before anything: only the authority of a spawner spawns with it, and everything that can
be seen to be wrong is refused before the program's own code makes the node.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from multiplayer.errors import DecodeError, MultiplayerError
from multiplayer.scene.rejections import RejectReason
from multiplayer.scene.tree.names import is_name

from .spawner import MultiplayerSpawner

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.path_cache import PathCache
    from multiplayer.scene.transport import Transport
    from multiplayer.scene.tree.node import Node
    from multiplayer.wire.dialects.encoded import Encoded
    from multiplayer.wire.dialects.replication_packets import Despawn, ReplicationWire, Spawn

    from .applying import Applying
    from .keeping import Kept
    from .records import Feed, Source, Tracked
    from .tracking import Tracking


class _Refused(Exception):  # noqa: N818 - not an error of this program
    """A packet is not done.

    Attributes:
        reason: why.
        detail: the same in words.
    """

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Pending:
    """A node that is being spawned: its synchronizers take their part as they enter the tree."""

    __slots__ = ("faults", "feed", "numbers", "state", "tracked")

    def __init__(self, feed: Feed, tracked: Tracked, numbers: list[int], state: Encoded) -> None:
        self.feed = feed
        self.tracked = tracked
        self.numbers = numbers
        self.state: Encoded | None = state
        self.faults: list[str] = []


class _Place(NamedTuple):
    """Where a node is to be spawned."""

    spawner: MultiplayerSpawner
    below: Node
    again: Tracked | None
    """The node that is there already, which the peer had spawned before it began anew."""


class Receiving:
    """Takes SPAWNs and DESPAWNs.

    Args:
        state: what the API keeps.
        tracking: what is replicated.
        wire: how packets are read.
        transport: to the peer below.
        paths: which id stands for which path.
        feeds: what peers have sent, by peer.
        applying: sets properties.

    Attributes:
        kept: by peer that has begun anew, what is left of what it had spawned before.
    """

    def __init__(
        self,
        state: ApiState,
        tracking: Tracking,
        wire: ReplicationWire,
        transport: Transport,
        paths: PathCache,
        feeds: dict[int, Feed],
        applying: Applying,
    ) -> None:
        self._wire = wire
        self._transport = transport
        self._paths = paths
        self._feeds = feeds
        self._applying = applying
        self._places = state.objects.places
        self._tracking = tracking
        self._handlers = state.handlers
        self._rejections = state.rejections
        self.kept: dict[Feed, Kept] = {}
        self._pending: _Pending | None = None

    # ---------------------------------------------------------------- SPAWN

    def spawn(self, sender: int, packet: Spawn) -> None:
        """Make a node, if its sender may have it made."""
        feed = self._feeds.get(sender)
        if feed is None:
            return
        try:
            place = self._place(feed, packet)
            if place.again is not None:
                self._take_again(feed, place.again, packet)
                return
            node = self._make(sender, place.spawner, packet)
        except _Refused as refused:
            self._rejections.reject(sender, refused.reason, refused.detail, of_dialect=True)
            return
        if node is not None and feed.here:
            self._add(feed, place, node, packet)

    def _place(self, feed: Feed, packet: Spawn) -> _Place:
        """Return where a node is to be made.

        Raises:
            _Refused: it may not be made, or not there.
        """
        sender = feed.peer
        heard = self._paths.heard_from(sender, packet.spawner)
        if heard is None:
            detail = f"it spawns {packet.name!r} with path id {packet.spawner}, not announced"
            raise _Refused(RejectReason.UNKNOWN_PATH_ID, detail)
        found = self._places.at(heard.path)
        spawner = None if found is None else found.member
        if not isinstance(spawner, MultiplayerSpawner):
            detail = f"it spawns {packet.name!r} with {heard.path!r}, where no spawner is"
            raise _Refused(RejectReason.UNKNOWN_NODE, detail)
        if spawner.get_multiplayer_authority() != sender:
            detail = f"it spawns {packet.name!r} with {heard.path!r}, and is not its authority"
            raise _Refused(RejectReason.NOT_ALLOWED, detail)
        if not is_name(packet.name):
            detail = f"{heard.path}: it spawns a node with the name {packet.name!r}"
            raise _Refused(RejectReason.BAD_SPAWN, detail)
        below = spawner.spawn_node()
        if below is None:
            detail = f"{heard.path}: there is no node at its spawn_path {spawner.spawn_path!r}"
            raise _Refused(RejectReason.BAD_SPAWN, detail)
        if packet.node in feed.received:
            detail = f"{heard.path}: number {packet.node} for {packet.name!r} is in use"
            raise _Refused(RejectReason.BAD_SPAWN, detail)
        if below.has_node(packet.name):
            again = None
            if (kept := self.kept.get(feed)) is not None:
                again = kept.take(spawner, below.get_node(packet.name))
            if again is not None:
                return _Place(spawner, below, again)
            detail = f"{heard.path}: {below.get_path()} already has a child {packet.name!r}"
            raise _Refused(RejectReason.BAD_SPAWN, detail)
        self._check_count(feed)
        return _Place(spawner, below, None)

    def _check_count(self, feed: Feed) -> None:
        most = self._transport.peer.limits.max_spawned_nodes
        if not most:
            return
        kept = self.kept.get(feed)
        if kept is not None and len(feed.received) + len(kept.feed.received) >= most:
            self.remove_kept(feed)
        if len(feed.received) < most:
            return
        detail = f"it has spawned more nodes than a peer may ({most})"
        if self._transport.is_server:
            with suppress(MultiplayerError):  # it may have gone by itself
                self._transport.peer.expel_peer(feed.peer, "too many spawned nodes")
        raise _Refused(RejectReason.TOO_MANY_NODES, detail)

    def _make(self, sender: int, spawner: MultiplayerSpawner, packet: Spawn) -> Node | None:
        """Return a new node; None if the program's own code failed, which was reported.

        Raises:
            _Refused: it cannot be made.
        """
        scene, data = packet.scene, packet.data
        where = spawner.get_path()
        try:
            if scene is None:
                most = self._transport.peer.limits.max_nesting_depth
                value = None if data is None else self._wire.read_data(data, most)
                node = spawner.instantiate_custom(value)
            else:
                if isinstance(scene, int):
                    scene = spawner.get_spawnable_scene(scene)
                node = spawner.instantiate(scene)
        except DecodeError as error:
            detail = f"{where}: the data of {packet.name!r} cannot be decoded: {error}"
            raise _Refused(RejectReason.BAD_SPAWN, detail) from None
        except MultiplayerError as error:
            detail = f"{where}: {packet.name!r} cannot be made: {error.message}"
            raise _Refused(RejectReason.BAD_SPAWN, detail) from None
        except Exception as error:  # the program's own code: anything
            self._handlers.failed(sender, f"making a node for {where}", error)
            return None
        known = self._tracking.of(node)
        if known is not None and known.spawner is not None:
            detail = f"{where}: {packet.name!r} would be {node!r}, which is spawned; make a new one"
            raise _Refused(RejectReason.BAD_SPAWN, detail)
        node.name = packet.name
        return node

    def _add(self, feed: Feed, place: _Place, node: Node, packet: Spawn) -> None:
        spawner, below, _ = place
        tracked = self._tracking.track(node)
        tracked.spawner, tracked.origin, tracked.number = spawner, feed.peer, packet.node
        feed.received[packet.node] = tracked
        pending = _Pending(feed, tracked, list(packet.synchronizers), packet.state)
        before, self._pending = self._pending, pending
        try:
            below.add_child(node)
        except Exception as error:  # its hooks and listeners may raise anything
            self._handlers.failed(feed.peer, f"adding {node!r}", error)
        finally:
            self._pending = before
        if node.parent is not below:  # its name was taken meanwhile, or a hook removed it
            self.forget(feed, packet.node)
            return
        self._handlers.emit(spawner.spawned, feed.peer, node)
        self._report(pending)

    def _report(self, pending: _Pending) -> None:
        if pending.numbers:
            pending.faults.append(f"{len(pending.numbers)} synchronizers more than are here for it")
        for fault in pending.faults:
            detail = f"spawning {pending.tracked.node.get_path()}: {fault}"
            peer = pending.feed.peer
            self._rejections.reject(peer, RejectReason.BAD_STATE, detail, of_dialect=True)

    def _take_again(self, feed: Feed, tracked: Tracked, packet: Spawn) -> None:
        """Go on with a node that a peer had spawned before it began anew, with its new numbers."""
        tracked.number = packet.node
        feed.received[packet.node] = tracked
        pending = _Pending(feed, tracked, list(packet.synchronizers), packet.state)
        before, self._pending = self._pending, pending
        try:
            for source in list(tracked.sources):
                self.started(source)
        finally:
            self._pending = before
        self._report(pending)

    def started(self, source: Source) -> None:
        """Give a synchronizer of the node that is being spawned its number and properties."""
        pending = self._pending
        if pending is None or source.tracked is not pending.tracked:
            return
        feed, synchronizer = pending.feed, source.synchronizer
        if synchronizer.get_multiplayer_authority() != feed.peer:
            return
        if not pending.numbers:
            pending.faults.append(
                f"there is no number for {synchronizer.name}; set its authority in _enter_tree, on "
                "all sides, if another peer is to send it"
            )
            return
        number = pending.numbers.pop(0)
        feed.heard[number] = source
        source.learned = feed, number
        state, pending.state = pending.state, None
        if state is not None:
            try:
                pending.state = self._applying.set_spawned(source, state)
            except DecodeError as error:
                pending.faults.append(f"the properties of {synchronizer.name}: {error}")

    # ---------------------------------------------------------------- DESPAWN

    def despawn(self, sender: int, packet: Despawn) -> None:
        """Remove a node, if its sender had it made."""
        feed = self._feeds.get(sender)
        if feed is None:
            return
        tracked = feed.received.get(packet.node)
        if tracked is None:
            detail = f"it despawns number {packet.node}, which it has not spawned"
            self._rejections.reject(sender, RejectReason.BAD_SPAWN, detail, of_dialect=True)
            return
        spawner = tracked.spawner
        if spawner is None or spawner.get_multiplayer_authority() != sender:
            detail = f"it despawns {tracked.node!r}, and is not the authority of its spawner"
            self._rejections.reject(sender, RejectReason.NOT_ALLOWED, detail, of_dialect=True)
            return
        if tracked.node.parent is None:
            self.forget(feed, packet.node)
            detail = f"it despawns {tracked.node!r}, which this program has removed"
            self._rejections.reject(sender, RejectReason.UNKNOWN_NODE, detail, of_dialect=True)
            return
        self.remove(feed, packet.node)

    def remove(self, feed: Feed, number: int) -> None:
        """Remove a node that a peer has spawned here, and emit ``despawned``."""
        tracked = feed.received.get(number)
        if tracked is None:
            return
        node, spawner = tracked.node, tracked.spawner
        steps: list[Callable[[], object]] = [
            partial(self._take_out, feed, node),
            partial(self.forget, feed, number),
        ]
        if spawner is not None and node.parent is not None:
            steps.append(self._handlers.emission(spawner.despawned, feed.peer, node))
        self._handlers.do(*steps)  # an interrupt leaves the rest to the next poll

    def _take_out(self, feed: Feed, node: Node) -> None:
        parent = node.parent
        if parent is None:
            return
        removing = f"removing {node.get_path()}"
        try:
            parent.remove_child(node)
        except Exception as error:  # its hooks and listeners may raise anything
            self._handlers.failed(feed.peer, removing, error)

    def remove_kept(self, feed: Feed) -> None:
        """Remove what a peer had spawned before it began anew, and has not spawned again."""
        kept = self.kept.get(feed)
        while kept is not None and kept.feed.received:
            self.remove(kept.feed, next(iter(kept.feed.received)))
        self.kept.pop(feed, None)

    def remove_late(self, now: float) -> None:
        """Remove what was not spawned again for long enough."""
        for feed, kept in list(self.kept.items()):
            if now >= kept.until or not kept.feed.received:
                self.remove_kept(feed)

    def forget(self, feed: Feed, number: int) -> None:
        """Forget a node that a peer has spawned here."""
        tracked = feed.received.pop(number, None)
        if tracked is not None:
            tracked.spawner, tracked.origin, tracked.number = None, 0, 0
            self._tracking.release(tracked)
