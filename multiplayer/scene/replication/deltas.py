"""``Deltas``: sends properties that have changed, to each peer what it lacks.

A peer's versions are committed once its packet was given to the peer below, so that nothing is
lost when a tick is interrupted; and a peer that does not read gets, when it reads again, the newest
values of all that has changed meanwhile.
"""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING

from multiplayer.errors import Error, MultiplayerError
from multiplayer.wire.dialects.replication_packets import PATH_ID

from .outlet import EIGHTH
from .snapshots import is_fixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from multiplayer.scene.api_state import ApiState
    from multiplayer.wire.dialects.replication_packets import ReplicationWire

    from .outlet import Outlet
    from .records import Feed, Source, View
    from .states import States


_Lack = tuple["list[Source]", list[bytes], bytes]
"""What a peer lacks: of which synchronizers, in order; what each of them says, b"" for one that
cannot be sent; and the packet of all of them, b"" if one of them cannot be sent."""


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
        """Find out what has changed since the last look.

        Args:
            sources: the synchronizers that watch something.
            now: the time.
        """
        for source in sources:
            if not source.feeds:
                continue
            interval, marking = source.delta_interval, source.watched_marking
            source.due = not interval or now >= source.looked + interval
            count = marking.count
            if count == source.looked_count or not source.due:
                continue
            try:
                values, seen = source.watched.read(source.root), source.seen
                if seen is None or not all(map(is_, values, seen)):
                    self._compare(source, values, now)
            except Exception as error:  # a property of the program may raise anything
                self._states.report(source, error)
            else:
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
            source.forget_deltas()
            for feed in source.feeds:
                feed.owe(source)
            source.versions = versions
        if all(map(is_fixed, values)):
            source.seen = values

    def resend(self, feed: Feed) -> None:
        """Send a peer all properties of the synchronizers again that it has asked for.

        Numbers that mean nothing, or nothing that it sees, are ignored.
        """
        for source in feed.visible:
            if self._states.id_of(source) in feed.wanted:
                feed.owe_all(source)
        feed.wanted.clear()

    def send(self, feeds: Iterable[Feed]) -> None:
        """Send to each peer what it lacks."""
        outlet = self._outlet
        alike: dict[bytes, list[Feed]] = {}
        given: list[tuple[Feed, list[Source], int]] = []
        known: dict[object, _Lack] = {}
        most = 0
        for feed in feeds:
            view = feed.view
            if not feed.behind or not feed.here or view is None:
                continue
            if view.feeds > 1:  # somebody else may lack just the same
                key: object = view
                if feed.odd:
                    sent = [feed.sent.get(source) for source in feed.behind]
                    key = (view, *feed.behind, *sent)
                lack = known.get(key)
                if lack is None:
                    lack = known[key] = self._lack_of(feed, view)
            else:
                lack = self._lack_of(feed, view)
            sources, elements, packet = lack
            if not sources:
                continue
            if not (most and outlet.serves):  # a server's packets may have one length for all
                most = self._most(feed)
            size = len(packet)
            if 0 < size <= most and outlet.has_room(feed, size, EIGHTH):
                if packet in alike:
                    alike[packet].append(feed)
                else:
                    alike[packet] = [feed]
                given.append((feed, sources, size))
            else:
                self.give_all(feed, sources, elements)
        outlet.put_each([(group, (packet,)) for packet, group in alike.items()], [])
        for feed, sources, size in given:
            outlet.note_given(feed, size)
            self._commit(feed, sources)

    def _lack_of(self, feed: Feed, view: View) -> _Lack:
        sent, members = feed.sent, view.members
        ready = [each for each in feed.behind if each.due and each in members]
        if len(ready) > 1:
            ready.sort(key=members.__getitem__)
        elements: list[bytes] = []
        for source in ready:
            number, versions, element = source.step  # what most lack: without a call
            id_ = PATH_ID | source.path_id if source.by_path else source.number
            if sent.get(source, ()) is not versions or id_ != number:
                element = self.element(feed, source)
            elements.append(element)
        packet = self._wire.delta(b"".join(elements)) if all(elements) else b""
        return ready, elements, packet

    def _most(self, feed: Feed) -> int:
        return min(self._settings.max_delta_packet_size, self._outlet.longest(feed.peer) // 2)

    def _commit(self, feed: Feed, sources: Sequence[Source]) -> None:
        """Note that a peer has got the present versions of these."""
        sent, behind = feed.sent, feed.behind
        for source in sources:
            sent[source] = source.versions
        if len(sources) == len(behind):
            behind.clear()
        else:
            for source in sources:
                behind.pop(source, None)

    def element(self, feed: Feed, source: Source) -> bytes:
        """Return what a peer lacks of a synchronizer; b"" for nothing."""
        versions = feed.sent.get(source, ())
        key = self._states.id_of(source), versions  # in another session it has another number
        element = source.deltas.get(key)
        if element is None:
            element = source.deltas[key] = self._encode(source, versions)
            source.step = (*key, element)
        return element

    def give_all(self, feed: Feed, sources: Sequence[Source], elements: Sequence[bytes]) -> None:
        """Send elements to a peer, while there is room; what is left stays behind.

        Args:
            feed: the peer.
            sources: the synchronizers.
            elements: what each of them says.
        """
        most = self._most(feed) - self._wire.delta_overhead
        gathered: list[Source] = []
        given: list[bytes] = []
        size = 0
        for source, element in zip(sources, elements, strict=True):
            if not element:
                self._skip(feed, source)
                continue
            if gathered and size + len(element) > most:
                if not self._give(feed, gathered, given):
                    return
                gathered, given, size = [], [], 0
            gathered.append(source)
            given.append(element)
            size += len(element)
        if gathered:
            self._give(feed, gathered, given)

    def _skip(self, feed: Feed, source: Source) -> None:
        """Go on without what a peer lacks of a synchronizer."""
        if feed.sent.get(source, ()) != source.versions:
            feed.lags = True
        feed.behind.pop(source, None)

    def _give(self, feed: Feed, sources: Sequence[Source], elements: Sequence[bytes]) -> bool:
        packet = self._wire.delta(b"".join(elements))
        try:
            if not self._outlet.send(feed, packet, EIGHTH):
                return False
        except MultiplayerError as error:  # one that alone is longer than the peer's buffer
            for source in sources:
                self._skip(feed, source)
                self._states.report(source, error)
            return True
        self._commit(feed, sources)
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
