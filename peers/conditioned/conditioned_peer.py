"""``ConditionedPeer``: any ``MultiplayerPeer`` on a bad network, in real time."""

from __future__ import annotations

import math
from collections import Counter, deque
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from multiplayer import ConnectionStatus, Error, MultiplayerError, MultiplayerPeer, TransferMode
from multiplayer.addressing import SERVER_ID, check_id
from multiplayer.departed import Departed
from multiplayer.support.unfinished import count_running
from multiplayer.testing.simulation.chance import Chance
from multiplayer.testing.simulation.presets import check_conditions

from .forwarding import Forwarding
from .parcels import News, Order, Outgoing, Packet, SendingAway
from .readiness import ConditionedReadiness
from .way import Way

if TYPE_CHECKING:
    from multiplayer.api_hooks import Arrived
    from multiplayer.handlers import Handlers
    from multiplayer.testing.simulation.conditions import Conditions
    from peers.driving.drivable import Drivable

    from .way import UnderWay

_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED
_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE

_BUFFER: Final = 1 << 20
"""How many reliable bytes wait for a link that is full where the inner peer sets no limit."""

_TOO_SLOW: Final = "too much waits to be sent to it"


class ConditionedPeer(Forwarding):
    """A peer whose packets pass a bad network, for playing a game on one.

    It wraps any ``MultiplayerPeer``, and takes its place: under ``SceneMultiplayer``, polled, and
    run by ``peers.run`` if the inner peer can be. The inner peer listens and connects; whoever
    polls it besides takes its packets past the conditions::

        inner = WebSocketClient()
        api.multiplayer_peer = ConditionedPeer(inner, MOBILE_3G)
        inner.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)

    Both directions are delayed, so that wrapping one side of a connection is enough. All that comes
    is: also that peers join and leave, which is reliable. A server has a link to each client, a
    client has one, to its server. Packets that a server of a gd_mp session passes on by itself
    never leave the inner peer, and are not delayed there: wrap the clients.

    Args:
        inner: a peer; not one in plain mode, which has no session.
        conditions: those of either direction of each link; a preset or its name, too.
        seed: of the chance that loses and delays.

    Attributes:
        inner: the peer.
        dropped: how many packets were not delivered and why: ``"lost"``, ``"full"`` (unreliable
            ones, where ``buffer`` bytes were under way), ``"late"`` (unreliable_ordered ones that a
            later one has overtaken), ``"too late"`` (their peer had left).

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``inner`` is not a peer, or ``conditions`` are
            none; ``ERR_DOES_NOT_EXIST``: there is no preset of that name.
    """

    def __init__(self, inner: MultiplayerPeer, conditions: Conditions | str, seed: int = 0) -> None:
        super().__init__(inner)
        conditions = check_conditions(conditions)
        self._outgoing: Way[Outgoing | SendingAway] = Way(conditions, Chance(seed).branch(1))
        self._incoming: Way[Packet | News] = Way(conditions, Chance(seed).branch(2))
        self._sent_order, self._heard_order = Order(), Order()
        self._inbox: deque[Packet] = deque()
        self._taken: list[Arrived] = []
        self._here: dict[int, None] = {}  # whom our listeners know of
        self._joined: dict[int, int] = {}  # when that they have joined arrives
        self._left = Departed()
        self._behind: dict[int, None] = {}  # links for which something waits
        self._status = _DISCONNECTED
        self._own_id = 0
        self._leaving = False
        self._polling = False
        self._whole = True
        self.dropped = Counter[str]()
        due = self.next_deadline
        self._readiness = ConditionedReadiness(lambda: self._drivable().endpoint, due)
        self._listen()
        self._begin()

    # ---------------------------------------------------------------- conditions

    @property
    def outgoing(self) -> Conditions:
        """The conditions of what is put here; new ones apply to what is put from then on."""
        return self._outgoing.conditions

    @outgoing.setter
    def outgoing(self, conditions: Conditions | str) -> None:
        self._outgoing.conditions = check_conditions(conditions)

    @property
    def incoming(self) -> Conditions:
        """The conditions of what others have sent; as :attr:`outgoing`."""
        return self._incoming.conditions

    @incoming.setter
    def incoming(self, conditions: Conditions | str) -> None:
        self._incoming.conditions = check_conditions(conditions)

    # ---------------------------------------------------------------- polling

    def poll(self) -> None:
        """Poll the inner peer, and handle what has arrived by now.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener; ``ERR_UNAVAILABLE``: the inner
                peer is in plain mode.
            Exception: what listeners raised, with ``on_error="raise"``.
        """
        if self._polling and count_running(ConditionedPeer.poll, self) > 1:
            message = "a listener called poll(); return from it, and the poll under way goes on"
            raise MultiplayerError(Error.ERR_BUSY, message)
        if not self._whole:
            self._recover()
        self._whole = False
        self._polling = True
        let_through = self.handlers.let_through
        let_through.depth += 1
        depth = let_through.depth
        try:
            self._follow()
            self._send_due()
            self._poll_inner()
            let_through.depth = depth  # the inner peer may have reset it after an interrupt
            self._take()
            self._deliver_due()
            self._tell_drained()
        except BaseException as error:
            let_through.interrupt(error)
            raise
        finally:
            self._polling = False
        self._whole = True
        let_through.leave()

    def _poll_inner(self) -> None:
        inner = self.inner
        inner.refuse_new_connections = self.refuse_new_connections
        if self._leaving and not self._outgoing:
            self._drivable().begin_leaving()
        inner.poll()
        if inner.sessions != self.sessions:
            self._follow()

    def _recover(self) -> None:
        """Repair what an interrupted poll has left."""
        self._polling = False
        self.handlers.let_through.recover()
        self._outgoing.recount()
        self._incoming.recount()
        self._whole = True
        self.handlers.finish()

    def make_whole(self) -> None:
        """After an interrupted poll, do what the next one would do first."""
        self.inner.make_whole()
        if not (self._whole or count_running(ConditionedPeer.poll, self)):
            self._recover()

    def next_deadline(self) -> float:
        """Return when :meth:`poll` has something to do that the inner peer does not tell.

        In seconds of :meth:`now`; infinity for never, minus infinity for at once.
        """
        if self.handlers.is_unfinished or self._taken or self.inner.sessions != self.sessions:
            return -math.inf
        if self._is_over() and self._incoming:
            return -math.inf
        return min(self._outgoing.due(), self._incoming.due())

    # ---------------------------------------------------------------- the inner peer's session

    def _follow(self) -> None:
        """Begin another session if the inner peer has; notice if it was closed.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: it is in plain mode.
        """
        if self.inner.sessions != self.sessions:
            self._begin()
        status = self.inner.get_connection_status()
        if self._is_server() or (status == _DISCONNECTED and not self._incoming):
            self._status = status
        if status == _CONNECTED and self.inner.is_plain():
            message = "in plain mode there is no session; conditions are for peers of a session"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def _begin(self) -> None:
        self._clear()
        self._inbox.clear()
        self._left.clear()
        self.handlers.clear()
        self._own_id = 0
        self._status = self.inner.get_connection_status()
        self._leaving = False
        self.sessions = self.inner.sessions

    def _clear(self) -> None:
        for way in (self._outgoing, self._incoming):
            way.clear()
        self._sent_order.clear()
        self._heard_order.clear()
        self._taken.clear()
        self._here.clear()
        self._joined.clear()
        self._behind.clear()

    def _is_server(self) -> bool:
        return self.inner.get_unique_id() == SERVER_ID

    def _is_over(self) -> bool:
        """Return whether a client knows that its session has ended: all else has arrived, too."""
        if self._leaving:
            return self.inner.get_connection_status() == _DISCONNECTED
        return self._status == _DISCONNECTED

    def _link(self, peer: int) -> int:
        return peer if self._is_server() else SERVER_ID

    def _listen(self) -> None:
        inner = self.inner
        inner.peer_connected.connect(partial(self._note, "peer_connected"))
        inner.peer_disconnected.connect(partial(self._note, "peer_disconnected"))
        inner.connection_succeeded.connect(partial(self._note, "connection_succeeded", 0))
        inner.connection_failed.connect(partial(self._note, "connection_failed", 0))
        inner.server_disconnected.connect(partial(self._note, "server_disconnected", 0))
        inner.peer_packet.connect(self._take)
        inner.peer_drained.connect(self._note_drained)
        inner.on_forced_out = self._forget

    # ---------------------------------------------------------------- what comes

    def _note(self, name: str, peer: int) -> None:
        """Let a signal of the inner peer be on its way."""
        inner = self.inner
        if inner.sessions != self.sessions:
            self._begin()
        if name == "peer_disconnected":
            self._take(all_of_them=True)
        link = self._link(peer) if peer else SERVER_ID
        news = News(name, peer, inner.get_connection_status(), inner.get_unique_id())
        together = name in ("connection_succeeded", "server_disconnected")
        arrival = self._incoming.put_news(inner.now(), link, news, together=together)
        if name == "peer_connected":
            self._joined[peer] = arrival

    def _take(self, _source: int = 0, *, all_of_them: bool = False) -> None:
        """Fetch packets of the inner peer, which are on their way from then on.

        Not if too much is: then the inner peer stops reading, and who sends has to wait.
        """
        inner = self.inner
        room = self._incoming.conditions.buffer * max(len(self._here), 1)
        while self._taken or inner.get_available_packet_count():
            if not self._taken:
                if not all_of_them and self._incoming.total() + self._unfetched() >= room:
                    return
                arrived = inner.take_arrived(inner.handlers, asks_how=True)
                if arrived is None:
                    return
                self._taken.append(arrived)
            self._receive(self._taken[0])
            del self._taken[0]
            inner.handlers.at_work = None

    def _unfetched(self) -> int:
        return sum(len(packet.payload) for packet in self._inbox)

    def _receive(self, arrived: Arrived) -> None:
        source, mode, channel = arrived.source, arrived.mode, arrived.channel
        number = self._heard_order.next(source, channel)
        arrival = self._incoming.put(
            self.inner.now(),
            self._link(source),
            len(arrived.payload),
            mode,
            lambda: Packet(source, arrived.payload, mode, channel, number),
            self._joined.get(source, 0),
        )
        if not arrival:
            self.dropped["lost"] += 1

    def _deliver_due(self) -> None:
        session = self.sessions
        while self.inner.sessions == session:
            first = self._incoming.next(self.inner.now(), at_once=self._is_over())
            if first is None:
                return
            if isinstance(first.what, News):
                self._tell(first, first.what)
            else:
                self._deliver(first, first.what)

    def _deliver(self, first: UnderWay[Packet | News], packet: Packet) -> None:
        gone = partial(self._incoming.remove, first)
        if packet.source not in self._here:
            self.dropped["too late"] += 1
            gone()
        elif self._heard_order.is_late(packet.source, packet):
            self.dropped["late"] += 1
            gone()
        else:
            self.handlers.do(
                partial(self._put_in, packet),
                gone,
                self.handlers.emission(self.peer_packet, packet.source, packet.source),
            )

    def _put_in(self, packet: Packet) -> None:
        self._heard_order.note(packet.source, packet)
        if not (self._inbox and self._inbox[-1] is packet):
            self._inbox.append(packet)

    def _tell(self, first: UnderWay[Packet | News], news: News) -> None:
        emission = self.handlers.emission
        peer = news.peer or SERVER_ID
        match news.name:
            case "peer_connected":
                signal = emission(self.peer_connected, peer, peer)
            case "peer_disconnected":
                signal = emission(self.peer_disconnected, peer, peer)
            case "connection_succeeded":
                signal = emission(self.connection_succeeded, peer)
            case "connection_failed":
                signal = emission(self.connection_failed, peer)
            case _:
                signal = emission(self.server_disconnected, peer)
        gone = partial(self._incoming.remove, first)
        self.handlers.do(partial(self._apply, news), gone, signal)

    def _apply(self, news: News) -> None:
        """Let what we show follow some news."""
        if not self._is_server():
            self._status = news.status
            self._own_id = news.own_id
            if news.name == "server_disconnected":
                self._status = _DISCONNECTED
        if news.name == "peer_connected":
            self._here[news.peer] = None
            self._left.discard(news.peer)
        elif news.name == "peer_disconnected":
            self._see_off(news.peer)

    def _see_off(self, peer: int) -> None:
        self._here.pop(peer, None)
        self._left.add(peer)
        self._joined.pop(peer, None)
        self._sent_order.forget(peer)
        self._heard_order.forget(peer)
        if self._is_server() or peer == SERVER_ID:
            self._behind.pop(peer, None)
            self._outgoing.forget(peer, drop=False)
            self._incoming.forget(peer, drop=False)

    def _forget(self, peer: int) -> None:
        """Forget a client that was forced out."""
        was_here = peer in self._here
        self._see_off(peer)
        self._outgoing.forget(peer, drop=True)
        self._incoming.forget(peer, drop=True)
        if was_here and self.on_forced_out is not None:
            self.on_forced_out(peer)

    # ---------------------------------------------------------------- what goes

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target; an empty one goes nowhere.

        Raises:
            MultiplayerError: ``FAILED``: not connected, or there never was such a target;
                ``ERR_OUT_OF_MEMORY``: longer than :meth:`get_max_packet_size`;
                ``ERR_INVALID_PARAMETER``: not bytes.
        """
        try:
            payload = buffer if type(buffer) is bytes else bytes(memoryview(buffer))
        except TypeError:
            message = f"a packet must be bytes, not {type(buffer).__name__}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message) from None
        most = self.get_max_packet_size(self.transfer_channel)
        if len(payload) > most:
            message = f"a packet of {len(payload)} bytes; {most} may be sent"
            raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)
        if self.get_connection_status() != _CONNECTED:
            raise MultiplayerError(Error.FAILED, "not connected; wait for connection_succeeded")
        if payload:
            for target in self._targets():
                self._let_go(target, payload)
            if not self._polling:
                self.inner.wake()  # whoever waits has to see the deadline

    def _targets(self) -> list[int]:
        """Return for whom a packet leaves: of a server's, one for each client.

        Raises:
            MultiplayerError: ``FAILED``: there never was such a client.
        """
        target = self._target_peer
        if not self._is_server():
            return [target]
        if target <= 0:
            return [peer for peer in self._here if peer != -target]
        if target in self._here:
            return [target]
        if target in self._left or target == SERVER_ID:
            return []
        raise MultiplayerError(Error.FAILED, f"there is no peer {target}")

    def _let_go(self, target: int, payload: bytes) -> None:
        mode, channel, link = self.transfer_mode, self.transfer_channel, self._link(target)
        waiting = self._outgoing.octets.get(link, 0) + len(payload)
        buffer = self.outgoing.buffer
        if waiting > buffer:
            if mode is not _RELIABLE:
                self.dropped["full"] += 1
                return
            self._behind[link] = None
            if waiting > buffer + getattr(self.inner, "outbound_buffer_size", _BUFFER):
                with suppress(MultiplayerError):
                    self.inner.expel_peer(link, _TOO_SLOW)
                return
        number = self._sent_order.next(target, channel)
        if not self._outgoing.put(
            self.now(),
            link,
            len(payload),
            mode,
            lambda: Outgoing(target, payload, mode, channel, number),
        ):
            self.dropped["lost"] += 1

    def _send_due(self) -> None:
        """Hand over to the inner peer what has come to the other end of its link by now."""
        while (first := self._outgoing.next(self.inner.now())) is not None:
            self._hand_over(first.what)
            self._outgoing.remove(first)

    def _hand_over(self, what: Outgoing | SendingAway) -> None:
        inner = self.inner
        if isinstance(what, SendingAway):
            with suppress(MultiplayerError):  # it has gone by itself
                if what.reason is None:
                    inner.disconnect_peer(what.target)
                else:
                    inner.expel_peer(what.target, what.reason)
            return
        if self._sent_order.is_late(what.target, what):
            self.dropped["late"] += 1
            return
        self._sent_order.note(what.target, what)
        try:
            inner.send_packet(what.payload, what.target, what.mode, what.channel)
        except MultiplayerError:
            self.dropped["too late"] += 1

    def get_backlog(self, peer: int) -> int:
        """Return how many bytes wait to be sent to a peer: what the link has no room for."""
        check_id(peer)
        link = self._link(peer)
        return max(self._outgoing.octets.get(link, 0) - self.outgoing.buffer, 0) + (
            self.inner.get_backlog(peer)
        )

    def _note_drained(self, peer: int) -> None:
        self._behind[peer] = None

    def _tell_drained(self) -> None:
        """Tell for which peers nothing waits any more."""
        for peer in [*self._behind]:
            if peer in self._here and not self.get_backlog(peer):
                emission = self.handlers.emission(self.peer_drained, peer, peer)
                self.handlers.do(partial(self._behind.pop, peer, None), emission)

    # ---------------------------------------------------------------- the end

    def close(self) -> None:
        """End at once and silently, with what is under way."""
        self.inner.close()
        self._end()

    def _end(self) -> None:
        self._clear()
        self._status = _DISCONNECTED
        self._own_id = 0
        self._leaving = False

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        """End the connection to a peer, once what was put before has arrived.

        Raises:
            MultiplayerError: as the inner peer's.
        """
        self._send_away(peer, None, force=force)

    def expel_peer(self, id: int, reason: str) -> None:  # noqa: A002 - as elsewhere
        """End the connection to a peer that broke the rules, likewise."""
        self._send_away(id, reason)

    def _send_away(self, peer: int, reason: str | None, *, force: bool = False) -> None:
        check_id(peer)
        if peer in self._left and peer not in self._here:
            return
        if force:
            self.inner.disconnect_peer(peer, force)
            self._forget(peer)
        elif peer in self._here and (self._is_server() or peer == SERVER_ID):
            self._outgoing.put_news(self.now(), self._link(peer), SendingAway(peer, reason))
            if not self._polling:
                self.inner.wake()
        else:  # it says what is wrong
            self.inner.disconnect_peer(peer)

    # ---------------------------------------------------------------- being driven

    @property
    def endpoint(self) -> ConditionedReadiness:
        """Tells ``peers.run`` when there is something to do; not there if the inner has none."""
        _ = self._drivable().endpoint
        return self._readiness

    def _drivable(self) -> Drivable:
        return cast("Drivable", self.inner)

    @property
    def close_timeout(self) -> float:
        """How long ending properly may take: the inner peer's, and what is under way."""
        last = max(self.outgoing.latency, self.incoming.latency)
        return getattr(self.inner, "close_timeout", 3.0) + last

    def begin_leaving(self) -> None:
        """Begin to close all connections properly, once what was put has arrived."""
        self._leaving = True
        self.inner.wake()

    def end_at_once(self, code: int) -> None:
        """Close everything now, silently, with this close code where there are such codes."""
        self._drivable().end_at_once(code)
        self._end()

    # ---------------------------------------------------------------- what it shows

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether this peer is connected, by what has arrived."""
        if self.inner.sessions != self.sessions:
            self._begin()
        if self._is_server() or self._leaving:
            return self.inner.get_connection_status()
        return self._status

    def get_unique_id(self) -> int:
        """Return our own id, once it has arrived."""
        return SERVER_ID if self._is_server() else self._own_id

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one has heard of, ascending."""
        return sorted(self._here)

    def _next(self) -> Packet:
        if not self._inbox:
            message = "no packet waits; check get_available_packet_count() first"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        return self._inbox[0]

    def _take_packet(self) -> bytes:
        payload = self._next().payload
        self._inbox.popleft()
        return payload

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it; None if there is none."""
        del asks_how
        if not self._inbox:
            return None
        handlers.at_work = self._inbox[0].source
        return self._inbox.popleft()

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched."""
        return len(self._inbox)

    def get_packet_peer(self) -> int:
        """Return who sent the next packet."""
        return self._next().source

    def get_packet_channel(self) -> int:
        """Return the channel of the next packet."""
        return self._next().channel

    def get_packet_mode(self) -> TransferMode:
        """Return the transfer mode of the next packet."""
        return self._next().mode
