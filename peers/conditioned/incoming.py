"""``Incoming``: what comes to a ``ConditionedPeer``: signals and packets, late, or never."""

from __future__ import annotations

from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING

from multiplayer.addressing import SERVER_ID

from .parcels import News, Order, Packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import MultiplayerPeer
    from multiplayer.api_hooks import Arrived
    from multiplayer.support.unfinished import Emission

    from .roll import Roll
    from .way import UnderWay, Way


class Incoming:
    """Takes what the inner peer has, and gives it to the outer one when it has arrived.

    Args:
        outer: the peer that emits signals.
        inner: the peer that emits them first.
        roll: who is here.
        way: what is under way.
        dropped: counts what does not arrive.

    Attributes:
        inbox: the packets that can be fetched.
        taken: a packet that has been fetched from the inner peer, and is not under way yet.
        on_left: called with who has left, as long as that can be told.
    """

    def __init__(
        self,
        outer: MultiplayerPeer,
        inner: MultiplayerPeer,
        roll: Roll,
        way: Way[Packet | News],
        dropped: Counter[str],
    ) -> None:
        self._outer = outer
        self._inner = inner
        self._roll = roll
        self.way = way
        self._dropped = dropped
        self.order = Order()
        self.inbox: deque[Packet] = deque()
        self._unfetched = 0  # bytes of these
        self.taken: list[Arrived | None] = []
        self._drawn: list[list[UnderWay[Packet | News]]] = []  # when that arrives
        self.on_left: Callable[[int], object] = roll.see_off

    def begin(self) -> None:
        """Begin another session."""
        self.clear()
        self.inbox.clear()
        self._unfetched = 0

    def clear(self) -> None:
        """Forget all but what can be fetched."""
        self.way.clear()
        self.order.clear()
        self.taken.clear()
        self._drawn.clear()

    # ---------------------------------------------------------------- on its way

    def note(self, name: str, peer: int) -> None:
        """Let a signal of the inner peer be on its way.

        Args:
            name: the signal.
            peer: its argument; 0 without one.
        """
        inner, roll = self._inner, self._roll
        if name == "peer_disconnected":
            self.take(all_of_them=True)
        link = roll.link(peer) if peer else SERVER_ID
        news = News(name, peer, inner.get_connection_status(), inner.get_unique_id())
        together = name in ("connection_succeeded", "server_disconnected")
        arrival = self.way.put_news(inner.now(), link, news, together=together)
        if name == "peer_connected":
            roll.joined[peer] = arrival

    def take(self, _source: int = 0, *, all_of_them: bool = False) -> None:
        """Fetch packets of the inner peer, which are on their way from then on.

        Not if too much is: then the inner peer stops reading, and who sends has to wait.
        """
        inner = self._inner
        while inner.get_available_packet_count():
            if self._is_full and not all_of_them:
                return
            # Each line can be the last one before an interrupt: see `recover`.
            self.taken.append(inner.take_arrived(inner.handlers, asks_how=True))
            self._drawn.append(self._draw(self.taken[0]))
            self.way.add(self._drawn[0])
            self._end_taking()

    @property
    def _is_full(self) -> bool:
        room = self.way.conditions.buffer * max(len(self._roll.here), 1)
        return self.way.total + self._unfetched >= room

    @property
    def may_take(self) -> bool:
        """Whether the inner peer has packets that were left there, and there is room by now."""
        return bool(self._inner.get_available_packet_count()) and not self._is_full

    def _end_taking(self) -> None:
        if not self._drawn[0]:
            self._dropped["lost"] += 1
        self.taken.clear()
        self._drawn.clear()
        self._inner.handlers.at_work = None

    def fetch(self) -> Packet:
        """Remove the next packet that can be fetched, and return it."""
        packet = self.inbox.popleft()
        self._unfetched -= len(packet.payload)
        return packet

    def _draw(self, arrived: Arrived | None) -> list[UnderWay[Packet | News]]:
        if arrived is None:
            return []
        source, mode, channel = arrived.source, arrived.mode, arrived.channel
        number = self.order.next(source, channel)
        return self.way.draw(
            self._inner.now(),
            self._roll.link(source),
            len(arrived.payload),
            mode,
            lambda: Packet(source, arrived.payload, mode, channel, number),
            self._roll.joined.get(source, 0),
        )

    def recover(self) -> None:
        """Go on with what an interrupt has left: a packet that is taken, signals not noted."""
        self.way.recount()
        self._unfetched = sum(len(packet.payload) for packet in self.inbox)
        if self.taken and not self._drawn:
            self._drawn.append(self._draw(self.taken[0]))
        if self._drawn:
            self.way.add_the_rest(self._drawn[0])
            self._end_taking()
        here, joined = {*self._roll.here}, self._roll.joined
        for each in self.way.all():
            if isinstance(each.what, News) and each.what.name == "peer_connected":
                here.add(each.what.peer)
                joined[each.what.peer] = each.time
            elif isinstance(each.what, News) and each.what.name == "peer_disconnected":
                here.discard(each.what.peer)
        there = {*self._inner.get_peers()}
        for peer in sorted(there - here):
            self.note("peer_connected", peer)
        for peer in sorted(here - there):
            self.note("peer_disconnected", peer)

    # ---------------------------------------------------------------- there

    def deliver_due(self) -> None:
        """Emit, and let be fetched, what has arrived by now."""
        session = self._inner.sessions
        while self._inner.sessions == session:
            first = self.way.next(self._inner.now(), at_once=self._roll.is_over)
            if first is None:
                return
            if isinstance(first.what, News):
                self._tell(first, first.what)
            else:
                self._deliver(first, first.what)

    def _deliver(self, first: UnderWay[Packet | News], packet: Packet) -> None:
        gone = partial(self.way.remove, first)
        if packet.source not in self._roll.here:
            self._dropped["too late"] += 1
            gone()
        elif self.order.is_late(packet.source, packet):
            self._dropped["late"] += 1
            gone()
        else:
            handlers, signal = self._outer.handlers, self._outer.peer_packet
            emission = handlers.emission(signal, packet.source, packet.source)
            handlers.do(partial(self._put_in, packet), gone, emission)

    def _put_in(self, packet: Packet) -> None:
        self.order.note(packet.source, packet)
        if not (self.inbox and self.inbox[-1] is packet):
            self.inbox.append(packet)
            self._unfetched += len(packet.payload)

    def _tell(self, first: UnderWay[Packet | News], news: News) -> None:
        gone = partial(self.way.remove, first)
        steps = [partial(self._roll.apply, news), gone]
        if news.name == "peer_disconnected":
            steps.append(partial(self._see_off, news.peer))
        self._outer.handlers.do(*steps, self._emission_of(news))

    def _see_off(self, peer: int) -> None:
        self._roll.see_off(peer)
        self.forget(peer, drop=False)
        self.on_left(peer)

    def _emission_of(self, news: News) -> Emission:
        outer, peer = self._outer, news.peer or SERVER_ID
        emission = outer.handlers.emission
        match news.name:
            case "peer_connected":
                return emission(outer.peer_connected, peer, peer)
            case "peer_disconnected":
                return emission(outer.peer_disconnected, peer, peer)
            case "connection_succeeded":
                return emission(outer.connection_succeeded, peer)
            case "connection_failed":
                return emission(outer.connection_failed, peer)
            case "peer_suspended":
                return emission(outer.peer_suspended, peer, peer)
            case "peer_resumed" | "peer_renewed":
                return emission(outer.peer_resumed, peer, peer, news.name == "peer_resumed")
            case "session_suspended":
                return emission(outer.session_suspended, peer)
            case "session_resumed" | "session_renewed":
                return emission(outer.session_resumed, peer, news.name == "session_resumed")
            case _:
                return emission(outer.server_disconnected, peer)

    def forget(self, peer: int, *, drop: bool) -> None:
        """Forget a peer that has left.

        Args:
            peer: its id.
            drop: also what it has sent, and has not arrived.
        """
        self.order.forget(peer)
        if self._roll.is_server or peer == SERVER_ID:
            self.way.forget(peer, drop=drop)
