"""``States``: sends at every tick what synchronizers always send.

What a synchronizer says is encoded once a tick, and peers that see the same synchronizers share the
bytes of their packets but for the head.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError
from multiplayer.wire.dialects.replication_packets import PATH_ID

from .records import View

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.transport import Transport
    from multiplayer.wire.dialects.replication_packets import ReplicationWire

    from .outlet import Outlet
    from .records import Feed, Source

_MOST_FAULTS: Final = 16
"""So many texts are kept of each synchronizer, so that what fails at each tick is said once."""


class States:
    """Knows which synchronizers each peer is sent, and sends their SYNCs.

    Args:
        state: what the API keeps.
        wire: how packets are written.
        transport: to the peer below.
        outlet: to the peers.

    Attributes:
        held: nothing is due now: the program has ticks of its own, and none has passed.
    """

    def __init__(
        self, state: ApiState, wire: ReplicationWire, transport: Transport, outlet: Outlet
    ) -> None:
        self._handlers = state.handlers
        self._settings = state.settings
        self._wire = wire
        self._transport = transport
        self._outlet = outlet
        self._views: dict[tuple[Source, ...], View] = {}
        self._shown: list[Source] | None = None  # all that are in them, if that is known
        self._elements: list[bytes] = []  # what they say at this tick, by their slots
        self._slotted: dict[Source, None] = {}  # those that have one
        self._free: list[int] = []  # the slots that none has
        self._tick = 0
        self.held = False
        self._made_for = 0  # the tick for which those were made

    def is_ours(self, source: Source) -> bool:
        """Return whether this program is the authority of a synchronizer."""
        return source.synchronizer.get_multiplayer_authority() == self._transport.own_id

    # ---------------------------------------------------------------- who sees what

    def set(self, feed: Feed, source: Source, *, visible: bool) -> None:
        """Send what a synchronizer says to a peer, or no longer."""
        if visible:
            feed.show(source)
        else:
            feed.hide(source)
        self.changed(feed)

    def changed(self, feed: Feed) -> None:
        """Find out at the next tick which synchronizers can be sent to a peer."""
        view, feed.view = feed.view, None
        if view is not None:
            view.feeds -= 1
            if not view.feeds:
                self._shown = None
                self._views.pop(view.sources, None)
                if not self._views:  # there may be no further tick
                    self._take_slots(())

    def begin_again(self, feed: Feed, tracked: object) -> None:
        """Send all properties of a node that a peer was about to lose."""
        for source in feed.visible:
            if source.tracked is tracked:
                feed.owe_all(source)

    def view_of(self, feed: Feed) -> View:
        """Return which synchronizers can be sent to a peer now, in order."""
        if feed.view is None:
            sources = tuple([each for each in feed.visible if self._can_be_sent(feed, each)])
            view = self._views.get(sources)
            if view is None:
                self._shown = None
                self._give_slots(sources)
                view = self._views[sources] = View(sources)
            view.feeds += 1
            feed.view = view
        return feed.view

    def _give_slots(self, sources: Iterable[Source]) -> None:
        for source in sources:
            if source.slot < 0:
                if not self._free:
                    self._elements.append(b"")
                    self._free.append(len(self._elements) - 1)
                source.slot = self._free.pop()
                self._slotted[source] = None

    def _take_slots(self, shown: Container[Source]) -> None:
        """Free the slots of those that nobody sees any more."""
        for source in [each for each in self._slotted if each not in shown]:
            slot, source.slot = source.slot, -1
            if slot >= 0:
                self._free.append(slot)
            del self._slotted[source]

    def _can_be_sent(self, feed: Feed, source: Source) -> bool:
        tracked = source.tracked
        if tracked.failed:
            return False
        try:
            source.require_config()
        except MultiplayerError as error:
            self.report(source, error)
            feed.awaited[-1] = source  # until it has one; nobody is told of its path before
            return False
        if tracked.spawner is not None and not tracked.origin and tracked not in feed.spawned:
            return False
        if source in feed.listed and not source.by_path:
            return True
        if not source.by_path:
            self._use_path(source)
        try:
            path_id = self._outlet.announce(feed, source.synchronizer)
        except MultiplayerError as error:
            self.report(source, error)
            return False
        if path_id is None:
            feed.awaited[-1] = source  # there was no room
            return False
        source.path_id = path_id
        if self._outlet.knows(feed, path_id):
            return True
        feed.awaited[path_id] = source
        return False

    def _use_path(self, source: Source) -> None:
        """Let a synchronizer be known by its path: some peer cannot know its number."""
        source.by_path = True
        for feed in source.feeds:
            self.changed(feed)

    def confirmed(self, feed: Feed, path_id: int) -> None:
        """Note that a peer knows what one of our path ids stands for."""
        if feed.awaited.pop(path_id, None) is not None:
            self.changed(feed)

    def renamed(self, source: Source) -> None:
        """Note that the path of a synchronizer may be another."""
        if source.by_path:
            for feed in source.feeds:
                self.changed(feed)

    # ---------------------------------------------------------------- properties

    def refresh(self, source: Source) -> None:
        """Follow a change of a synchronizer's configuration."""
        if not source.is_current():
            for feed in source.feeds:  # first: an interrupt must not leave it out
                feed.owe_all(source)
                feed.budgeted = None
            source.refresh(by_element=self._wire.by_element)

    def report(self, source: Source, error: Exception) -> None:
        """Report why a synchronizer sends nothing, unless that was reported lately."""
        text = f"{type(error).__name__}: {error}"
        if text not in source.faults:
            if len(source.faults) >= _MOST_FAULTS:
                source.faults.clear()
            source.faults.add(text)
            where = f"the properties of {source.synchronizer.get_path()}"
            self._handlers.failed(0, where, error)

    # ---------------------------------------------------------------- a tick

    def begin_tick(self, feeds: Iterable[Feed]) -> None:
        """Count the tick, and find out what can be sent to whom."""
        self._tick += 1
        for feed in feeds:
            if feed.visible and feed.here:
                feed.next_time()
                if -1 in feed.awaited:
                    del feed.awaited[-1]
                    self.changed(feed)
                if feed.view is None:
                    self.view_of(feed)

    def send(self, feeds: Iterable[Feed], now: float) -> None:
        """Send what is always sent.

        Args:
            feeds: the peers.
            now: the time.
        """
        if self._made_for != self._tick:
            self._make_elements(now)
        tick, sync, timed = self._tick, self._wire.sync, self._wire.timed
        alike: dict[tuple[View, int], list[Feed]] = {}
        apart: list[tuple[int, bytes]] = []
        for feed in feeds:
            view = feed.view
            # One that does not read gets what is newer at the next tick; and a getter may have sent
            # somebody away.
            if view is None or feed.waiting or not feed.here:
                continue
            bodies = view.bodies if view.tick == tick else self._bodies(view)
            if view.feeds > 1:
                alike.setdefault((view, feed.time if timed else 0), []).append(feed)
            else:
                apart += [(feed.peer, sync(feed.time, body)) for body in bodies]
        groups = [
            (group, [sync(time, body) for body in view.bodies])
            for (view, time), group in alike.items()
        ]
        self._outlet.put_each(groups, apart, self._wire.sync_mode)

    def _make_elements(self, now: float) -> None:
        """Make what everything says at this tick that somebody sees."""
        shown = self._shown
        if shown is None:
            seen = dict.fromkeys(chain.from_iterable(self._views))
            self._take_slots(seen)
            shown = self._shown = [*seen]
        elements, make = self._elements, self._make_element
        for source in shown:
            elements[source.slot] = make(source, now)
        self._made_for = self._tick

    def element(self, source: Source, now: float) -> bytes:
        """Return what a synchronizer says at this tick; b"" for nothing. Made once a tick.

        Its configuration was followed in this tick: see :meth:`refresh`.
        """
        return source.element if source.tick == self._tick else self._make_element(source, now)

    def _make_element(self, source: Source, now: float) -> bytes:
        element, always, interval = b"", source.always, source.interval
        try:
            if not always.paths:
                source.require_config()
            elif not self.held and (not interval or now >= source.sent_at + interval):
                marking, state = source.always_marking, source.state
                count = marking.count
                if count != source.state_count:  # one of the values may have changed
                    values = always.read(source.root)
                    source.state = state = self._wire.state(values)
                    if marking.counts:
                        source.state_count = marking.after(count, values)
                if len(state) > self._settings.max_sync_packet_size:
                    raise self._too_large(len(state))
                element = self._wire.sync_element(self.id_of(source), state)
                source.sent_at = now
        except Exception as error:  # a property of the program may raise anything
            self.report(source, error)
        source.element = element
        source.tick = self._tick
        return element

    def id_of(self, source: Source) -> int:
        """Return what stands for a synchronizer in packets."""
        return PATH_ID | source.path_id if source.by_path else source.number

    def _too_large(self, size: int) -> MultiplayerError:
        message = (
            f"a state of {size} bytes is larger than max_sync_packet_size "
            f"({self._settings.max_sync_packet_size}), and is not sent; raise that, or split the "
            "properties among several synchronizers"
        )
        return MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)

    def _bodies(self, view: View) -> list[bytes]:
        elements = self._elements
        if view.get is not None:
            found: Sequence[bytes] = view.get(elements)
        else:
            found = [elements[source.slot] for source in view.sources]
        view.bodies = self.packed(found)
        view.tick = self._tick
        return view.bodies

    def packed(self, elements: Sequence[bytes]) -> list[bytes]:
        """Return elements joined to bodies of SYNCs that are not too long."""
        return packed(elements, self._settings.max_sync_packet_size - self._wire.sync_overhead)


def packed(elements: Sequence[bytes], most: int) -> list[bytes]:
    """Return elements joined to bodies of packets of at most ``most`` bytes.

    One that is longer has a body of its own. (Engines send an empty packet before such a one.)
    """
    whole = b"".join(elements)
    if len(whole) <= most:
        return [whole] if whole else []
    bodies: list[bytes] = []
    begin, ends = 0, [*accumulate(map(len, elements))]
    while begin < len(whole):
        last = bisect_right(ends, begin + most) - 1
        if last < 0 or ends[last] <= begin:
            last = bisect_right(ends, begin)
        bodies.append(whole[begin : ends[last]])
        begin = ends[last]
    return bodies
