"""``Spawning``: tells peers which nodes are there, in order, and no faster than they read.

While a peer does not read, what it should be told waits: a node that came and went meanwhile is
never sent, and a SPAWN has the values of the moment in which it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

if TYPE_CHECKING:
    from multiplayer.scene.api_state import ApiState
    from multiplayer.wire.dialects.replication_packets import ReplicationWire

    from .outlet import Outlet
    from .records import Feed, Source, Tracked
    from .states import States

_BETWEEN_TRIES: Final = 1.0
"""In seconds: writing it may take long."""


class Spawning:
    """Sends SPAWNs and DESPAWNs.

    Args:
        state: what the API keeps.
        wire: how packets are written.
        outlet: to the peers.
        states: knows which synchronizers each peer is sent.
    """

    def __init__(
        self, state: ApiState, wire: ReplicationWire, outlet: Outlet, states: States
    ) -> None:
        self._handlers = state.handlers
        self._wire = wire
        self._outlet = outlet
        self._states = states
        self._last_number = 0
        self._written: tuple[Tracked, tuple[list[Source], bytes]] | None = None

    def next_number(self) -> int:
        """Return a number that nothing had before."""
        self._last_number += 1
        return self._last_number

    # ---------------------------------------------------------------- what is to be sent

    def set(self, feed: Feed, tracked: Tracked, *, visible: bool) -> None:
        """Show a node to a peer, or hide it."""
        if not visible:
            feed.failed.pop(tracked, None)
        queued = feed.queue.get(tracked)
        wanted = tracked in feed.spawned if queued is None else queued
        if wanted == visible or tracked in feed.failed:
            return
        if queued is not None and visible == (tracked in feed.spawned):
            del feed.queue[tracked]  # it came and went, or went and came, while nothing was read
            if visible:
                self._states.begin_again(feed, tracked)
            return
        feed.queue[tracked] = visible
        self._go_on(feed)

    def try_again(self, feed: Feed, now: float) -> None:
        """Queue again, once a second, what could not be written for a peer."""
        if feed.failed and now >= feed.tries_at:
            feed.tries_at = now + _BETWEEN_TRIES
            feed.queue.update(dict.fromkeys(feed.failed, True))
            feed.failed.clear()

    def drain(self, feed: Feed) -> None:
        """Send of what waits as much as there is room for."""
        if feed.queue:
            self._go_on(feed)

    def _go_on(self, feed: Feed) -> None:
        while feed.queue and not self._outlet.is_blocked(feed):
            tracked, visible = next(iter(feed.queue.items()))
            send = self._spawn if visible else self._despawn
            if not send(feed, tracked):
                return
            if feed.queue.get(tracked) == visible:
                del feed.queue[tracked]

    def forget_written(self) -> None:
        """Write the next SPAWN anew: values may have changed."""
        self._written = None

    # ---------------------------------------------------------------- packets

    def _despawn(self, feed: Feed, tracked: Tracked) -> bool:
        number = feed.spawned.get(tracked)
        if number is None:  # an interrupt came between the packet and the queue
            self._states.changed(feed)
            return True
        packet = self._wire.despawn(number)
        if not self._outlet.send(feed, packet):
            return False
        feed.spawned.pop(tracked, None)
        self._states.changed(feed)
        return True

    def _spawn(self, feed: Feed, tracked: Tracked) -> bool:
        """Send a SPAWN; return False if it has to wait.

        What cannot be written is reported once, left out, and tried again later: the others who
        have the node go on with it.
        """
        spawner = tracked.spawner
        if spawner is None:  # it left before its turn
            return True
        if tracked in feed.spawned:  # as in a DESPAWN
            self._states.changed(feed)
            return True
        try:
            path_id = self._outlet.announce(feed, spawner)
            if path_id is None:
                return False
            if self._written is None or self._written[0] is not tracked:
                self._written = tracked, self._packet(tracked, path_id)
            listed, packet = self._written[1]
            if not feed.queue.get(tracked):  # a property that was read has removed or hidden it
                return True
            if not self._outlet.send(feed, packet):
                return False
            if feed.budget is not None:
                feed.budget.spend(len(packet))
        except MultiplayerError as error:
            feed.failed[tracked] = None
            if tracked.fault != str(error):
                tracked.fault = str(error)
                self._handlers.failed(feed.peer, f"spawning {tracked.node!r}", error)
            return True
        for source in listed:
            feed.listed[source] = None
        feed.spawned[tracked] = tracked.number
        self._states.changed(feed)
        return True

    def _packet(self, tracked: Tracked, path_id: int) -> tuple[list[Source], bytes]:
        """Return the SPAWN of a node; the same for all peers that get it now.

        Raises:
            MultiplayerError: it cannot be written.
        """
        spawner, wire = tracked.spawner, self._wire
        assert spawner is not None
        listed = [source for source in tracked.sources if self._states.is_ours(source)]
        if not tracked.number:
            tracked.number = self.next_number()
        for source in listed:
            if not source.number:
                source.number = self.next_number()
        states: list[bytes] = []
        for source in listed:
            self._states.refresh(source)
            try:
                states.append(wire.state(source.spawned.read(source.root)))
            except MultiplayerError:
                raise
            except Exception as error:
                message = f"a property of {source.root!r} raised {error!r}"
                raise MultiplayerError(Error.ERR_CANT_CREATE, message) from error
        scene: int | str | None = tracked.scene
        if scene is not None and wire.names_scenes:
            scene = spawner.get_spawnable_scene(scene)
        data = wire.state((tracked.data,)) if scene is None else None
        packet = wire.spawn(
            scene,
            path_id,
            tracked.number,
            [source.number for source in listed],
            tracked.node.name,
            data,
            b"".join(states),
        )
        return listed, packet
