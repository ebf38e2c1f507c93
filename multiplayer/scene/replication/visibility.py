"""``Visibility``: which peers see which synchronizers and spawned nodes.

Mirrors the rules of Godot's ``SceneReplicationInterface``: a spawned node is visible if any of its
synchronizers is that its sender has authority over, or if there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.transport import Transport

    from .records import Feed, Source, Tracked
    from .spawning import Spawning
    from .states import States


class Visibility:
    """Decides who sees what, when that may have changed.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        feeds: what peers are sent, by peer.
        spawning: shows nodes to peers, and hides them.
        states: sends what synchronizers say.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        feeds: dict[int, Feed],
        spawning: Spawning,
        states: States,
    ) -> None:
        self._transport = transport
        self._handlers = state.handlers
        self._feeds = feeds
        self._spawning = spawning
        self._states = states
        self._asking: dict[Source, None] = {}  # whose filters are being asked
        self._again: dict[Source, None] = {}  # whose filters have changed what they were asked

    # ---------------------------------------------------------------- questions

    def is_ours(self, source: Source) -> bool:
        """Return whether this program is the authority of a synchronizer."""
        return source.synchronizer.get_multiplayer_authority() == self._transport.own_id

    def sees(self, peer: int, source: Source) -> bool:
        """Return whether a peer may see a synchronizer; not if one of its filters raises.

        While its filters are being asked, which may call whatever asks them, it is what it was.
        """
        if not source.synchronizer.get_filters():
            return source.synchronizer.is_visible_to(peer)
        if source in self._asking:
            feed = self._feeds.get(peer)
            return feed is not None and source in feed.visible
        try:
            self._asking[source] = None
            return source.synchronizer.is_visible_to(peer)
        except Exception as error:  # the program's own code: anything
            where = f"a visibility filter of {source.synchronizer.get_path()}"
            self._handlers.failed(peer, where, error)
            return False
        finally:
            self._asking.pop(source, None)

    def sees_node(self, peer: int, tracked: Tracked) -> bool:
        """Return whether a peer may see a spawned node."""
        ours = [source for source in tracked.sources if self.is_ours(source)]
        return not ours or any(self.sees(peer, source) for source in ours)

    # ---------------------------------------------------------------- changes

    def update_node(self, tracked: Tracked, peers: Iterable[Feed]) -> None:
        """Show a spawned node to those who may see it now, and hide it from the others."""
        spawner = tracked.spawner
        if not tracked.shown or spawner is None:
            return
        if spawner.get_multiplayer_authority() != self._transport.own_id:
            return
        for feed in list(peers):
            if self._feeds.get(feed.peer) is not feed:  # a filter has sent it away
                continue
            visible = self.sees_node(feed.peer, tracked)
            if self._feeds.get(feed.peer) is feed and tracked.shown:
                self._spawning.set(feed, tracked, visible=visible)

    def update_source(self, source: Source, peers: Iterable[Feed]) -> None:
        """Send a synchronizer's states to those who may see it now, and no longer to others."""
        ours = self.is_ours(source)
        for feed in list(peers):
            if self._feeds.get(feed.peer) is not feed:
                continue
            visible = ours and self.sees(feed.peer, source)
            if source not in source.tracked.sources:  # a filter has ended it
                return
            if self._feeds.get(feed.peer) is feed and visible != (source in feed.visible):
                self._states.set(feed, source, visible=visible)

    def update(self, source: Source, peer: int) -> None:
        """Find out anew whether a peer sees a synchronizer; 0: whether any does.

        What a filter of its own changes is found out at the next tick.
        """
        if source in self._asking:
            self._again[source] = None
            return
        feeds: Iterable[Feed]
        if peer:
            feed = self._feeds.get(peer)
            feeds = () if feed is None else (feed,)
        else:
            feeds = self._feeds.values()
        if source.tracked.shown:
            self.update_node(source.tracked, feeds)
        self.update_source(source, feeds)

    def update_late(self) -> None:
        """At the beginning of a tick, find out what filters changed while they were asked."""
        self._asking.clear()  # an interrupt may have left something
        late, self._again = self._again, {}
        for source in late:
            if source in source.tracked.sources:
                self.update(source, 0)
