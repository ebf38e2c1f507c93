"""``Deltas``: sends properties that have changed, to each peer what it lacks.

A peer's versions are committed once its packet was given to the peer below, so that nothing is
lost when a tick is interrupted; and a peer that does not read gets, when it reads again, the newest
values of all that has changed meanwhile.
"""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, NamedTuple

from multiplayer.errors import Error, MultiplayerError

from .outlet import EIGHTH
from .snapshots import is_fixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from multiplayer.scene.api_state import ApiState
    from multiplayer.wire.dialects.replication_packets import ReplicationWire

    from .outlet import Outlet
    from .records import Feed, Source, View
    from .states import States


class _Lack(NamedTuple):
    """What a peer lacks.

    Attributes:
        elements: by synchronizer, in order; b"" for one that cannot be sent.
        packet: the packet of all of them; b"" if one of them cannot be sent.
        versions: those that the peer has when it has got the packet.
    """

    elements: list[tuple[Source, bytes]]
    packet: bytes
    versions: dict[Source, tuple[int, ...]]


class Deltas:
    """Looks for changes, and sends them.

    Args:
        state: what the API keeps.
        wire: how packets are written.
        outlet: to the peers.
        states: knows which synchronizers each peer is sent.
    """

    def __init__(
        self, state: ApiState, wire: ReplicationWire, outlet: Outlet, states: States
    ) -> None:
        self._settings = state.settings
        self._wire = wire
        self._outlet = outlet
        self._states = states

    def look(self, sources: Iterable[Source], now: float) -> None:
        """Find out what has changed since the last look."""
        for source in sources:
            if not source.is_current():
                self._states.refresh(source)
            if source.feeds and source.watched.paths:
                interval = source.synchronizer.delta_interval
                source.due = not interval or now >= source.looked + interval
                if source.due and source.watched_marking.count != source.looked_count:
                    self._look(source, now)

    def _look(self, source: Source, now: float) -> None:
        marking = source.watched_marking
        count = marking.count
        try:
            values = source.watched.read(source.root)
            if source.seen is None or not all(map(is_, values, source.seen)):
                self._compare(source, values, now)
        except Exception as error:  # a property of the program may raise anything
            self._states.report(source, error)
            return
        if marking.counts:  # last: until then, an interrupted look is done again
            source.looked_count = marking.after(count, values)

    def _compare(self, source: Source, values: Sequence[object], now: float) -> None:
        """Note which properties have other values than at the last look.

        Raises:
            MultiplayerError: one contains itself.
        """
        source.seen = None
        for watch, value in zip(source.watches, values, strict=True):
            watch.look(value)
        versions = tuple([watch.version for watch in source.watches])
        if versions != source.versions:
            source.looked = now
            source.deltas = {}
            for feed in source.feeds:
                feed.owe(source)
            source.versions = versions
        if all(map(is_fixed, values)):
            source.seen = values

    def resend(self, feed: Feed) -> None:
        """Send a peer all properties of the synchronizers again that it has asked for.

        Numbers that mean nothing, or nothing that it sees, are ignored.
        """
        if feed.wanted:
            for source in feed.visible:
                if self._states.id_of(source) in feed.wanted:
                    feed.owe_all(source)
            feed.wanted.clear()

    def send(self, feeds: Iterable[Feed]) -> None:
        """Send to each peer what it lacks."""
        alike: dict[bytes, list[tuple[Feed, _Lack]]] = {}
        known: dict[tuple[object, ...], _Lack] = {}
        for feed in feeds:
            view = feed.view
            if not feed.behind or not feed.here or view is None:
                continue
            if view.feeds > 1:  # somebody else may lack just the same
                key = (view, *feed.behind, *[feed.sent.get(source) for source in feed.behind])
                lack = known.get(key)
                if lack is None:
                    lack = known[key] = self._lack_of(feed, view)
            else:
                lack = self._lack_of(feed, view)
            if not lack.elements:
                continue
            size = len(lack.packet)
            if size and size <= self._most(feed) and self._outlet.has_room(feed, size, EIGHTH):
                alike.setdefault(lack.packet, []).append((feed, lack))
            else:
                self.give_all(feed, lack.elements)
        self._outlet.put_each(
            ([feed for feed, _ in group], (packet,)) for packet, group in alike.items()
        )
        for packet, group in alike.items():
            for feed, lack in group:
                self._outlet.note_given(feed, len(packet))
                self._commit(feed, lack.versions)

    def _lack_of(self, feed: Feed, view: View) -> _Lack:
        ready = [each for each in feed.behind if each.due and each in view.members]
        ready.sort(key=view.members.__getitem__)
        elements = [(source, self.element(feed, source)) for source in ready]
        packet = b""
        if all([element for _, element in elements]):  # noqa: C419 - quicker
            packet = self._wire.delta(b"".join([element for _, element in elements]))
        return _Lack(elements, packet, {source: source.versions for source in ready})

    def _most(self, feed: Feed) -> int:
        return min(self._settings.max_delta_packet_size, self._outlet.longest(feed.peer) // 2)

    def _commit(self, feed: Feed, versions: Mapping[Source, tuple[int, ...]]) -> None:
        """Note that a peer has got these versions."""
        feed.sent.update(versions)
        if len(versions) == len(feed.behind):
            feed.behind.clear()
        else:
            for source in versions:
                feed.behind.pop(source, None)

    def element(self, feed: Feed, source: Source) -> bytes:
        """Return what a peer lacks of a synchronizer; b"" for nothing."""
        versions = feed.sent.get(source, ())
        key = self._states.id_of(source), versions  # in another session it has another number
        element = source.deltas.get(key)
        if element is None:
            element = source.deltas[key] = self._encode(source, versions)
        return element

    def give_all(self, feed: Feed, elements: Iterable[tuple[Source, bytes]]) -> None:
        """Send elements to a peer, while there is room; what is left stays behind."""
        most = self._most(feed) - self._wire.delta_overhead
        gathered: list[tuple[Source, bytes]] = []
        size = 0
        for source, element in elements:
            if not element:
                feed.behind.pop(source, None)
                continue
            if gathered and size + len(element) > most:
                if not self._give(feed, gathered):
                    return
                gathered, size = [], 0
            gathered.append((source, element))
            size += len(element)
        if gathered:
            self._give(feed, gathered)

    def _give(self, feed: Feed, gathered: list[tuple[Source, bytes]]) -> bool:
        packet = self._wire.delta(b"".join([element for _, element in gathered]))
        try:
            if not self._outlet.send(feed, packet, EIGHTH):
                return False
        except MultiplayerError as error:  # one that alone is longer than the peer's buffer
            for source, _ in gathered:
                feed.behind.pop(source, None)
                self._states.report(source, error)
            return True
        self._commit(feed, {source: source.versions for source, _ in gathered})
        return True

    def _encode(self, source: Source, versions: tuple[int, ...]) -> bytes:
        """Encode what a peer that has these versions lacks; b"" for nothing."""
        watches, bits = source.watches, 0
        values: list[object] = []
        known = versions or (0,) * len(watches)
        for index, (watch, version) in enumerate(zip(watches, known, strict=True)):
            if watch.version != version:
                bits |= 1 << index
                values.append(watch.since(version))
        if not bits:
            return b""
        try:
            state = self._wire.delta_state(values)
            if len(state) > self._settings.max_delta_packet_size:
                message = (
                    f"changes of {len(state)} bytes are larger than max_delta_packet_size "
                    f"({self._settings.max_delta_packet_size}), and are not sent before they are "
                    "smaller; raise that, or split the properties among several synchronizers"
                )
                raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)
        except MultiplayerError as error:
            self._states.report(source, error)
            return b""
        return self._wire.delta_element(self._states.id_of(source), bits, state)
