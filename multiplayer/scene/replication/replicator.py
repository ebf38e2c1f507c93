"""``Replicator``: spawners and synchronizers in one session.

Mirrors Godot's ``SceneReplicationInterface``.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.scene.cache.scene_cache import CacheObserver
from multiplayer.scene.subsystem import Subsystem
from multiplayer.wire.dialects.replication_packets import Delta, Despawn, Resend, Spawn, Sync

from .applying import Applying
from .budgeting import Budgeting
from .deltas import Deltas
from .keeping import PATIENCE, Kept
from .lineup import Lineup
from .receiving import Receiving
from .records import Feed
from .spawning import Spawning
from .states import States
from .synchronizer import VisibilityUpdateMode
from .visibility import Visibility

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.subsystem import MemberPackets
    from multiplayer.scene.transport import Transport
    from multiplayer.wire.dialects.replication_packets import ReplicationWire

    from .outlet import Outlet
    from .records import Source, Tracked
    from .tracking import Tracking

_TICK: Final = 0.05
"""How often a tick is due for those who wait until something is, in seconds."""

_FRAME: Final = 1 / 60
"""So many seconds lie between two ticks at least where a driver polls, which does so whenever
something arrives: two programs would answer each other's states without end."""

_ONLY_WHEN_ASKED: Final = VisibilityUpdateMode.VISIBILITY_PROCESS_NONE


class Replicator(Subsystem, CacheObserver):
    """Sends and takes what is replicated, in one session.

    Args:
        state: what the API keeps.
        tracking: what is replicated.
        wire: how packets are written.
        transport: to the peer below.
        outlet: to the peers.
        activate: called once there is something to process.

    Attributes:
        feeds: what each peer is sent and has sent, by peer.
        on_restricted: called when not all peers may see a node any more; None for nobody.
    """

    def __init__(
        self,
        state: ApiState,
        tracking: Tracking,
        wire: ReplicationWire,
        transport: Transport,
        outlet: Outlet,
        activate: Callable[[Subsystem], object],
    ) -> None:
        self.on_restricted: Callable[[], object] | None = None
        self._activate = activate
        self.feeds: dict[int, Feed] = {}
        self._tracking = tracking
        self._settings = state.settings
        self._handlers = state.handlers
        self._transport = transport
        self._outlet, paths = outlet, outlet.paths
        self._states = States(state, wire, transport, self._outlet)
        self._lineup = Lineup(tracking, self._states)
        self._deltas = Deltas(state, wire, self._outlet, self._states)
        self._budgeting = Budgeting(wire, self._outlet, self._states, self._deltas)
        self._spawning = Spawning(state, wire, self._outlet, self._states)
        self._visibility = Visibility(state, transport, self.feeds, self._spawning, self._states)
        self._applying = Applying(state, tracking, wire, transport, self._outlet, paths, self.feeds)
        self._receiving = Receiving(
            state, tracking, wire, transport, paths, self.feeds, self._applying
        )
        self._doomed: dict[Feed, None] = {}  # of peers that have left
        self._ticked = -math.inf
        self._driven = False  # whoever polls asks when the next poll is due
        self._ticks = False  # the program has ticks of its own, and one has just passed

    def take_up(self) -> None:
        """Begin the session: numbers begin at 1 again."""
        self._tracking.listener = self
        for tracked in self._tracking.spawned:
            tracked.number = 0
        for source in self._tracking.sources.values():
            source.begin_session()
        if self._tracking.is_used:
            self.used()

    def used(self) -> None:
        """Take part in polls: there is a spawner or a synchronizer."""
        self._activate(self)

    # ---------------------------------------------------------------- the session

    def member_packets(self) -> MemberPackets:
        """Return the packets of replication."""
        return {
            Spawn: self._receiving.spawn,
            Despawn: self._receiving.despawn,
            Sync: self._applying.sync,
            Delta: self._applying.delta,
            Resend: self._resend,
        }

    def _resend(self, sender: int, packet: Resend) -> None:
        feed = self.feeds.get(sender)
        if feed is not None and feed.visible:
            feed.wanted.update(packet.ids)  # looked up once a tick, however often it asks

    def peer_changed(self, peer: int, *, present: bool) -> None:
        """Show a peer that has joined what it may see; remove what one that has left spawned."""
        if present:
            feed = self.feeds.get(peer)
            if feed is None:
                feed = self.feeds[peer] = Feed(peer)
            for tracked in list(self._tracking.spawned):
                self._visibility.update_node(tracked, (feed,))
                self._spawning.forget_written()
            for source in list(self._tracking.sources.values()):
                self._visibility.update_source(source, (feed,))
        else:
            self._forget(peer)

    def peer_renewed(self, peer: int, *, by_us: bool) -> None:
        """Forget what a peer was sent; what it has spawned stays, for it will spawn it again.

        If it is this program that has come back, it goes, as in engines: who spawned it will spawn
        it again, too, and has perhaps removed some of it.
        """
        before = self.feeds.get(peer)
        if before is None or by_us:
            self._forget(peer)
            self._remove_doomed()  # now: the same names are about to be spawned again
            return
        self._end(before)
        feed, kept = Feed(peer), self._receiving.kept
        if before.received or before in kept:
            until = self._transport.peer.now() + PATIENCE
            kept[feed] = Kept(before, kept.get(before), until)
        self.feeds[peer] = feed
        kept.pop(before, None)

    def _forget(self, peer: int) -> None:
        feed = self.feeds.get(peer)
        if feed is None:
            return
        if feed.received:
            self._doomed[feed] = None
        kept = self._receiving.kept.get(feed)
        if kept is not None and kept.feed.received:
            self._doomed[kept.feed] = None
        self._end(feed)
        self._receiving.kept.pop(feed, None)
        self.feeds.pop(peer, None)

    def _end(self, feed: Feed) -> None:
        """Send a peer nothing more of what it was sent."""
        feed.here = False
        for source in list(feed.visible):
            feed.hide(source)
        self._states.changed(feed)

    def reset(self) -> None:
        """Forget the session; what others have spawned goes at the next poll."""
        for peer in list(self.feeds):
            self._forget(peer)

    def leave(self) -> None:
        """Another peer carries the session: remove what others have spawned now."""
        self.reset()
        self._remove_doomed()
        if self._tracking.listener is self:
            self._tracking.listener = None

    def _remove_doomed(self) -> None:
        """Remove what peers that have left have spawned, in order."""
        while self._doomed:
            feed = next(iter(self._doomed))
            while feed.received:
                self._receiving.remove(feed, next(iter(feed.received)))
            self._doomed.pop(feed, None)

    def follow_ticks(self, passed: bool | None) -> None:
        """Send what is always sent once for each tick of the program.

        Args:
            passed: one has passed since the last poll; None if the program has none, and each poll
                is one.
        """
        self._ticks = bool(passed)
        self._states.held = passed is False

    def process(self, now: float) -> None:
        """Do a tick: ask filters, send what waits, what is always sent, and what has changed."""
        if self._doomed:
            self._remove_doomed()
        if self._receiving.kept:
            self._receiving.remove_late(now)
        if self._driven and not self._ticks and now < self._ticked + _FRAME:
            return
        if not self._tracking.is_used and not any(feed.queue for feed in self.feeds.values()):
            return  # else peers are still to hear that nodes have gone
        self._ticked = now
        self._report_late()
        self._visibility.update_late()
        self._lineup.follow()
        self._ask_filters()
        feeds = self._in_turn()
        try:
            self._outlet.begin(feeds)
            for feed in feeds:
                if feed.failed:
                    self._spawning.try_again(feed, now)
            if queued := [feed for feed in feeds if feed.queue]:
                self._drain(queued)
                self._outlet.begin(feeds)
            if feeds and self._tracking.sources:
                self._send(feeds, now)
        finally:
            self._outlet.end()

    def _in_turn(self) -> list[Feed]:
        """Return the peers that can be sent something; on a client, first the one that had no room.

        All that a client sends goes through one connection.
        """
        feeds, late = self._outlet.without_blocked(self.feeds.values()), self._outlet.refused
        if late is None or self._transport.is_server or late not in feeds:
            return feeds
        first = feeds.index(late)
        return feeds[first:] + feeds[:first]

    def _drain(self, feeds: list[Feed]) -> None:
        """Spawn and despawn what waits, as far as peers read; what waits for long, in turn."""
        while feeds:
            before = [len(feed.queue) for feed in feeds]
            for feed in feeds:
                self._spawning.drain(feed)
            self._spawning.forget_written()
            self._outlet.flush()
            self._outlet.begin(feeds)
            feeds = [
                feed
                for feed, count in zip(feeds, before, strict=True)
                if feed.queue and len(feed.queue) < count and not feed.waiting
            ]

    def _send(self, feeds: list[Feed], now: float) -> None:
        for feed in feeds:
            feed.copied = 0
            if feed.to_ask:
                self._applying.ask(feed)
            if feed.wanted:
                self._deltas.resend(feed)
            feed.odd = feed.lags or bool(feed.behind)
        self._states.begin_tick(feeds)
        self._lineup.follow()
        self._deltas.look(self._lineup.watched, now)
        budget = self._settings.replication_budget
        if budget:
            self._budgeting.send(feeds, budget, now)
        else:
            self._budgeting.end(feeds)
            # What a client sends goes through one connection, in the engine's order.
            groups = [feeds] if self._transport.is_server else [[feed] for feed in feeds]
            for group in groups:
                self._states.send(group, now)
                self._deltas.send(group)

    def _report_late(self) -> None:
        for tracked in self._tracking.never_ready():
            message = (
                f"{tracked.node!r} was added to a spawner's node, but not spawned: it has been "
                "ready before; call request_ready() before add_child()"
            )
            error = MultiplayerError(Error.ERR_UNCONFIGURED, message)
            self._handlers.failed(0, f"spawning {tracked.node!r}", error)

    def _ask_filters(self) -> None:
        for source in self._lineup.filtered:
            synchronizer = source.synchronizer
            if synchronizer.visibility_update_mode != _ONLY_WHEN_ASKED:
                where = f"a listener of visibility_changed of {synchronizer.name}"
                self._handlers.call(0, where, partial(synchronizer.update_visibility, 0))

    def next_deadline(self) -> float:
        """Return when the next tick is due, if somebody sees something."""
        self._driven = True
        if self._doomed:
            return self._ticked
        kept = min([each.until for each in self._receiving.kept.values()], default=math.inf)
        if any(feed.visible or feed.queue for feed in self.feeds.values()):
            return min(self._ticked + _TICK, kept)
        return kept

    # ---------------------------------------------------------------- what happens in the tree

    def spawn_ready(self, tracked: Tracked) -> None:
        """Show a node that this program spawned to those who may see it."""
        self._spawning.forget_written()
        self._visibility.update_node(tracked, self.feeds.values())
        self._spawning.forget_written()

    def spawn_left(self, tracked: Tracked) -> None:
        """Let a node that leaves the tree go at all peers."""
        for feed in list(self.feeds.values()):
            self._spawning.set(feed, tracked, visible=False)

    def started(self, source: Source) -> None:
        """Begin to send a synchronizer's properties, or give it what has come for it."""
        if self.on_restricted is not None:
            self.on_restricted()  # its node may have been everybody's until now
        self._visibility.update_source(source, self.feeds.values())
        self._receiving.started(source)

    def stopped(self, source: Source) -> None:
        """Send nothing of a synchronizer any more."""
        for feed in self.feeds.values():
            if source in feed.visible:
                self._states.set(feed, source, visible=False)
            feed.listed.pop(source, None)
            if feed.awaited.get(source.path_id) is source:
                del feed.awaited[source.path_id]  # a peer that lacks the node never confirms it
        if source.learned is not None:
            feed, number = source.learned
            if feed.heard.get(number) is source:
                del feed.heard[number]

    def visibility_changed(self, source: Source, peer: int) -> None:
        """Show or hide a synchronizer and its node."""
        self._spawning.forget_written()
        self._visibility.update(source, peer)
        self._spawning.forget_written()

    # ---------------------------------------------------------------- paths

    def confirmed(self, peer: int, path_id: int) -> None:
        """Send what waited until a peer knew a path."""
        feed = self.feeds.get(peer)
        if feed is not None:
            self._states.confirmed(feed, path_id)

    def path_gone(self, path: str) -> None:
        """Note that what is at a path, and below, may be elsewhere now."""
        del path
        for source in self._tracking.sources.values():
            self._states.renamed(source)

    def restricts(self, member: object) -> bool:
        """Return whether it may be that not all peers see an object."""
        tracked = self._tracking.of(member)
        return tracked is not None and bool(tracked.sources)

    def hides(self, member: object, peer: int) -> bool:
        """Return whether calls on an object do not go to a peer, since it does not see it."""
        tracked = self._tracking.of(member)
        if tracked is None or not tracked.sources or tracked.origin == peer:
            return False
        if tracked.shown:
            feed = self.feeds.get(peer)
            return feed is None or tracked not in feed.spawned
        return not any(self._visibility.sees(peer, source) for source in tracked.sources)
