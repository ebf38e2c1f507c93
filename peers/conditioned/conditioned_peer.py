"""``ConditionedPeer``: any ``MultiplayerPeer`` on a bad network, in real time."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from multiplayer import ConnectionStatus, Error, MultiplayerError, MultiplayerPeer, TransferMode
from multiplayer.addressing import SERVER_ID, check_id
from multiplayer.support.unfinished import count_running
from multiplayer.testing.simulation.chance import Chance
from multiplayer.testing.simulation.given import check_seed
from multiplayer.testing.simulation.presets import check_conditions

from .forwarding import Forwarding
from .incoming import Incoming
from .outgoing import Outgoing
from .parcels import News, Packet, SendingAway, Sent
from .readiness import ConditionedReadiness
from .roll import Roll
from .way import Way

if TYPE_CHECKING:
    from multiplayer.api_hooks import Arrived
    from multiplayer.handlers import Handlers
    from multiplayer.testing.simulation.conditions import Conditions
    from peers.driving.drivable import Drivable, Readiness

_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED


class ConditionedPeer(Forwarding):
    """A peer whose packets pass a bad network, for playing a game on one.

    It wraps any ``MultiplayerPeer``, and takes its place: under ``SceneMultiplayer``, polled, and
    run by ``peers.run`` if the inner peer can be. The inner peer listens and connects; whoever
    polls it besides takes its packets past the conditions::

        inner = WebSocketClient()
        inner.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)
        api.multiplayer_peer = ConditionedPeer(inner, MOBILE_3G)

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
        dropped: how many packets were not delivered and why: ``"lost"``, ``"full"`` (the link had
            no room), ``"late"`` (unreliable_ordered ones that a later one has overtaken), ``"too
            late"`` (their peer had left).

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``inner`` is not a peer, or ``conditions`` are
            none; ``ERR_DOES_NOT_EXIST``: there is no preset of that name.
    """

    dropped: Counter[str]

    def __init__(self, inner: MultiplayerPeer, conditions: Conditions | str, seed: int = 0) -> None:
        super().__init__(inner)
        conditions, seed = check_conditions(conditions), check_seed(seed)
        self.dropped = Counter[str]()
        self._roll = roll = Roll(inner)
        there = Way[Sent | SendingAway](conditions, Chance(seed).branch(1))
        back = Way[Packet | News](conditions, Chance(seed).branch(2))
        self._outgoing = Outgoing(self, inner, roll, there, self.dropped)
        self._incoming = Incoming(self, inner, roll, back, self.dropped)
        self._incoming.on_left = partial(self._outgoing.forget, drop=False)
        self._polling = False
        self._whole = True  # no poll was interrupted since the last one
        self._readiness = ConditionedReadiness(
            lambda: self._drivable().endpoint, self.next_deadline
        )
        self._listen()
        self._begin()

    def _state(self) -> str:
        return f"over {self.inner!r}"

    def _listen(self) -> None:
        inner, note = self.inner, self._note
        inner.peer_connected.connect(partial(note, "peer_connected"))
        inner.peer_disconnected.connect(partial(note, "peer_disconnected"))
        inner.connection_succeeded.connect(partial(note, "connection_succeeded", 0))
        inner.connection_failed.connect(partial(note, "connection_failed", 0))
        inner.server_disconnected.connect(partial(note, "server_disconnected", 0))
        inner.peer_suspended.connect(partial(note, "peer_suspended"))
        inner.peer_resumed.connect(self._note_return)
        inner.session_suspended.connect(partial(note, "session_suspended", 0))
        inner.session_resumed.connect(partial(self._note_return, 0))
        inner.peer_packet.connect(self._incoming.take)
        inner.peer_drained.connect(self._outgoing.note_drained)
        inner.on_forced_out = self._forget

    def _note_return(self, peer: int, replayed: bool) -> None:
        whose = "peer" if peer else "session"
        self._note(f"{whose}_{'resumed' if replayed else 'renewed'}", peer)

    def _note(self, name: str, peer: int) -> None:
        if self.inner.sessions != self.sessions:
            self._begin()
        self._incoming.note(name, peer)

    # ---------------------------------------------------------------- conditions

    @property
    def outgoing(self) -> Conditions:
        """The conditions of what is put here; new ones apply to what is put from then on."""
        return self._outgoing.way.conditions

    @outgoing.setter
    def outgoing(self, conditions: Conditions | str) -> None:
        self._outgoing.way.conditions = check_conditions(conditions)

    @property
    def incoming(self) -> Conditions:
        """The conditions of what others have sent; as :attr:`outgoing`."""
        return self._incoming.way.conditions

    @incoming.setter
    def incoming(self, conditions: Conditions | str) -> None:
        self._incoming.way.conditions = check_conditions(conditions)

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
            self._outgoing.send_due()
            self._poll_inner()
            let_through.depth = depth  # the inner peer may have reset it after an interrupt
            self._incoming.take()
            self._incoming.deliver_due()
            self._outgoing.tell_drained()
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
        if self._roll.leaving and not self._outgoing.way:
            self._drivable().begin_leaving()
        inner.poll()
        if inner.sessions != self.sessions:
            self._begin()

    def _recover(self) -> None:
        """Repair what an interrupted poll has left."""
        self._polling = False
        self.handlers.let_through.recover()
        self._outgoing.way.recount()
        self.handlers.finish()
        self._incoming.recover()
        self._whole = True

    def make_whole(self) -> None:
        """After an interrupted poll, do what the next one would do first."""
        self.inner.make_whole()
        if not (self._whole or count_running(ConditionedPeer.poll, self)):
            self._recover()

    def next_deadline(self) -> float:
        """Return when :meth:`poll` has something to do that the inner peer does not tell.

        In seconds of :meth:`now`; infinity for never, minus infinity for at once.
        """
        incoming = self._incoming
        if self.handlers.is_unfinished or incoming.taken or self.inner.sessions != self.sessions:
            return -math.inf
        if incoming.may_take or (self._roll.is_over and incoming.way):
            return -math.inf
        return min(self._outgoing.way.due(), incoming.way.due())

    # ---------------------------------------------------------------- the inner peer's session

    def _follow(self) -> None:
        """Begin another session if the inner peer has; notice if it was closed.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: it is in plain mode.
        """
        if self.inner.sessions != self.sessions:
            self._begin()
        status = self.inner.get_connection_status()
        if self._roll.is_server or (status == _DISCONNECTED and not self._incoming.way):
            self._roll.status = status
        if status == _CONNECTED and self.inner.is_plain():
            message = "in plain mode there is no session; conditions are for peers of a session"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def _begin(self) -> None:
        self._incoming.begin()
        self._outgoing.clear()
        self._roll.begin()
        self.handlers.clear()
        self.sessions = self.inner.sessions

    def _forget(self, peer: int) -> None:
        """Forget a client that was forced out."""
        was_here = peer in self._roll.here
        self._roll.see_off(peer)
        self._outgoing.forget(peer, drop=True)
        self._incoming.forget(peer, drop=True)
        if was_here and self.on_forced_out is not None:
            self.on_forced_out(peer)

    # ---------------------------------------------------------------- sending

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
            mode, channel = self.transfer_mode, self.transfer_channel
            self._outgoing.put(self._target_peer, payload, mode, channel)
            self._wake()

    def _wake(self) -> None:
        """Let whoever waits see that a deadline has become earlier."""
        if not self._polling:
            self.inner.wake()

    def get_backlog(self, peer: int) -> int:
        """Return how many bytes wait to be sent to a peer: what the link has no room for."""
        return self._outgoing.backlog(check_id(peer))

    # ---------------------------------------------------------------- the end

    def close(self) -> None:
        """End at once and silently, with what is under way."""
        self.inner.close()
        self._end()

    def end_at_once(self, code: int) -> None:
        """Close everything now, silently, with this close code where there are such codes."""
        self._drivable().end_at_once(code)
        self._end()

    def _end(self) -> None:
        self._incoming.clear()
        self._outgoing.clear()
        self._roll.end()

    def begin_leaving(self) -> None:
        """Begin to close all connections properly, once what was put has arrived."""
        self._roll.leaving = True
        self.inner.wake()

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
        roll = self._roll
        check_id(peer)
        if peer in roll.left and peer not in roll.here:
            return
        if force:
            self.inner.disconnect_peer(peer, force)
            self._forget(peer)
        elif peer in roll.here and (roll.is_server or peer == SERVER_ID):
            self._outgoing.send_away(peer, reason)
            self._wake()
        else:  # it says what is wrong
            self.inner.disconnect_peer(peer)

    # ---------------------------------------------------------------- being driven

    @property
    def endpoint(self) -> Readiness:
        """Tells ``peers.run`` when there is something to do; not there if the inner has none."""
        _ = self._drivable().endpoint
        return cast("Readiness", self._readiness)  # whose attributes are properties

    def _drivable(self) -> Drivable:
        return cast("Drivable", self.inner)

    @property
    def close_timeout(self) -> float:
        """How long ending properly may take: the inner peer's, and what is under way."""
        last = max(self.outgoing.latency, self.incoming.latency)
        return getattr(self.inner, "close_timeout", 3.0) + last

    # ---------------------------------------------------------------- what it shows

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether this peer is connected, by what has arrived."""
        if self.inner.sessions != self.sessions:
            self._begin()
        if self._roll.is_server or self._roll.leaving:
            return self.inner.get_connection_status()
        return self._roll.status

    def get_unique_id(self) -> int:
        """Return our own id, once it has arrived."""
        return SERVER_ID if self._roll.is_server else self._roll.own_id

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one has heard of, ascending."""
        return sorted(self._roll.here)

    def _next(self) -> Packet:
        if not self._incoming.inbox:
            message = "no packet waits; check get_available_packet_count() first"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        return self._incoming.inbox[0]

    def _take_packet(self) -> bytes:
        self._next()
        payload = self._incoming.fetch().payload
        if self._incoming.may_take:
            self._wake()
        return payload

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it; None if there is none."""
        del asks_how
        inbox = self._incoming.inbox
        if not inbox:
            return None
        handlers.at_work = inbox[0].source
        return self._incoming.fetch()

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched."""
        return len(self._incoming.inbox)

    def get_packet_peer(self) -> int:
        """Return who sent the next packet."""
        return self._next().source

    def get_packet_channel(self) -> int:
        """Return the channel of the next packet."""
        return self._next().channel

    def get_packet_mode(self) -> TransferMode:
        """Return the transfer mode of the next packet."""
        return self._next().mode
