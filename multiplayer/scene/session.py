"""``Session``: the life of an API's session over a peer, and the list of its subsystems.

The peer below reports what happens; the session handles it in the order in which it comes, informs
the subsystems, and carries on after an interrupt.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from multiplayer.addressing import SERVER_ID
from multiplayer.connection_status import ConnectionStatus
from multiplayer.errors import Error, MultiplayerError, one_error
from multiplayer.handlers import Handlers
from multiplayer.offline_peer import OfflineMultiplayerPeer
from multiplayer.support.unfinished import count_running
from multiplayer.wire.dialects.choice import wire_of

from .absences import Absences
from .api_state import ApiState
from .cache.scene_cache import SceneCache
from .calls.call_limits import CallLimits
from .calls.calls_to_some import CallsToSome
from .calls.incoming_calls import IncomingCalls
from .calls.outgoing_calls import OutgoingCalls
from .calls.requests import Requests
from .calls.runner import Runner
from .calls.straight_calls import StraightCalls
from .dispatch import Dispatch
from .doctor.generations import Generations
from .doctor.mismatches import Mismatches
from .groups import Groups
from .membership import carry, check_free
from .peer_fit import check_fits
from .peers import Peers
from .raw_bytes import RawBytes
from .rejections import ApiStatistics, Rejections
from .relay import Relaying
from .replication.outlet import Outlet
from .replication.replicator import Replicator
from .replication.tracking import Tracking
from .subsystem import Subsystem
from .transport import Transport
from .tree.objects import SceneObjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.multiplayer_peer import MultiplayerPeer
    from multiplayer.signals import BoundSignal
    from multiplayer.wire.dialects.replication_packets import ReplicationWire

    from .absences import AbsenceSignals
    from .doctor.mismatch import RpcMismatch
    from .multiplayer_api import MultiplayerAPI
    from .rejections import RejectReason
    from .settings import Settings
    from .subsystem import Observer

_CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
_CONNECTING = ConnectionStatus.CONNECTION_CONNECTING
_DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


class ApiSignals(NamedTuple):
    """The signals of ``SceneMultiplayer`` that its base class does not have."""

    peer_packet: BoundSignal[int, bytes]
    peer_authenticating: BoundSignal[int]
    peer_authentication_failed: BoundSignal[int]
    invalid_packet: BoundSignal[int, RejectReason, str]
    rpc_mismatch: BoundSignal[RpcMismatch]
    handler_failed: BoundSignal[int, str, Exception]
    absences: AbsenceSignals


class Session:
    """The session of one API, over one peer after the other.

    Args:
        api: the API.
        signals: its signals.
        settings: what its program has chosen.

    Attributes:
        peer: the peer below; an ``OfflineMultiplayerPeer`` where the program has set none.
        has_peer: the program has set one.
        handlers: calls the program's own code.
        objects: what peers can address.
        rejections: takes what arrived and is dropped.
        statistics: the counts.
        runner: runs methods.
        subsystems: the parts of the session.
        observers: what watches neighbours come and go.
        tracking: what is replicated, whatever the session.
        replicator: replicates it in this session; None in dialects without replication.
        groups: the groups of peers that its program has named, whatever the session.
        absences: follows who loses the connection and comes back.
        peers, cache, incoming, outgoing, some_calls, raw_bytes, requests, mismatches: some of them.
    """

    def __init__(self, api: MultiplayerAPI, signals: ApiSignals, settings: Settings) -> None:
        self._api = api
        self._signals = signals
        self._settings = settings
        self.handlers = Handlers(signals.handler_failed, self._may_log)
        self.statistics = ApiStatistics()
        self.objects = SceneObjects(api, settings, self.forget_path)
        self.runner = Runner(api, self.handlers)
        self.rejections = Rejections(
            self.statistics,
            self._tell_rejected,
            settings.dialect,
            self._is_here,
            self._has_announced,
            self._may_log,
        )
        wire = wire_of(settings.dialect, confirm_with_path=settings.confirm_with_path)
        self.tracking = Tracking(wire.replication, f"Dialect.{settings.dialect.name}")
        self._state = ApiState(
            api,
            settings,
            wire,
            self.objects,
            self.handlers,
            self.rejections,
            self.statistics,
        )
        self.replicator: Replicator | None = None
        self.groups = Groups(self._is_meant)
        self.has_peer = True
        self._polling = False
        self._whole = True  # no poll was interrupted since the last one
        self._unsure = False  # something that the peer reported may have been lost
        self._take_up(OfflineMultiplayerPeer())

    def _has_announced(self, peer: int) -> bool:
        return self.cache.paths.has_heard(peer)

    # ---------------------------------------------------------------- the subsystems

    def _assemble(self) -> None:
        """Make the subsystems of a session over the peer below. A new one is added here."""
        state, transport, signals = self._state, self.transport, self._signals
        self.subsystems: list[Subsystem] = []
        self.observers: list[Observer] = []
        self._processing: list[Subsystem] = []
        self._deadlines: list[Callable[[], float]] = []
        self.peers = Peers(
            state,
            transport,
            self.peer_changed,
            self._renew,
            signals.peer_authenticating,
            signals.peer_authentication_failed,
        )
        self.absences = Absences(state, transport, self.peers, self.subsystems, signals.absences)
        self.dispatch = Dispatch(state, transport, self.peers, self._packet_failed)
        self.cache = SceneCache(state, transport)
        paths, runner = self.cache.paths, self.runner
        limits = CallLimits(transport)
        self.straight = StraightCalls(
            state,
            transport,
            limits,
            paths,
            runner,
            self.peers.members.ids,
            self.dispatch.watched,
            self.dispatch.take,
            self._packet_failed,
        )
        self.incoming = IncomingCalls(state, transport, limits, paths, runner, self.straight)
        self.outgoing = OutgoingCalls(state, transport, self.peers, paths, runner)
        self.raw_bytes = RawBytes(state, transport, self.peers, signals.peer_packet)
        self.mismatches = Mismatches(state, transport, signals.rpc_mismatch)
        generations = Generations(state, transport, paths, self.dispatch.watched)
        self.requests = Requests(state, transport, self.peers, self.outgoing, self.incoming, runner)
        self.some_calls = CallsToSome(state, self.outgoing, self.peers, paths, runner)
        self.add(self.peers)
        self.add(self.groups)
        self.add(self.absences)
        self.add(generations)
        self.add(self.cache)
        self.add(self.rejections)
        self.add(self.incoming)
        self.add(self.raw_bytes)
        self.add(self.mismatches)
        self.relaying = Relaying(state, transport, self.peers, self.dispatch)
        self.add(self.relaying)
        if state.wire.replication is not None:
            self._assemble_replicator(state.wire.replication)
        self.add(self.requests)  # last, because it tells those who wait that no answer comes
        self.cache.observers += [generations, self.mismatches]
        self.observers.append(generations)

    def _assemble_replicator(self, wire: ReplicationWire) -> None:
        outlet = Outlet(self._state, self.transport, self.cache.paths, self.peers.members)
        replicator = Replicator(
            self._state, self.tracking, wire, self.transport, outlet, self._activate
        )
        self.replicator = replicator
        self.add(replicator, at_once=False)
        self.cache.observers.append(replicator)
        self.outgoing.visibility = replicator
        replicator.on_restricted = self._forget_routes
        replicator.take_up()

    def add(self, subsystem: Subsystem, *, at_once: bool = True) -> None:
        """Make a subsystem part of the session.

        Args:
            subsystem: the subsystem.
            at_once: it takes part in polls from the beginning, if it has anything to do there.
        """
        self.subsystems.append(subsystem)
        self.dispatch.add(subsystem)
        if at_once:
            self._activate(subsystem)

    def _activate(self, subsystem: Subsystem) -> None:
        """Let a subsystem take part in polls."""
        kind = type(subsystem)
        if kind.process is not Subsystem.process and subsystem not in self._processing:
            self._processing.append(subsystem)
        waits = kind.next_deadline is not Subsystem.next_deadline
        if waits and subsystem.next_deadline not in self._deadlines:
            self._deadlines.append(subsystem.next_deadline)

    def peer_changed(self, peer: int, present: bool) -> None:
        """Tell the subsystems that a peer has joined or left."""
        for subsystem in self.subsystems:
            subsystem.peer_changed(peer, present=present)
        if not present:
            self.handlers.forget(peer)

    def _renew(self, peer: int) -> None:
        self.absences.renew(peer)

    def _process(self) -> None:
        now: float | None = None
        for subsystem in self._processing:
            work = subsystem.work
            if work is None or work:
                if now is None:
                    now = self.peer.now()
                if subsystem.due <= now:
                    subsystem.process(now)

    def next_deadline(self) -> float:
        """Return when :meth:`poll` has something to do although nothing arrives."""
        return min([each() for each in self._deadlines], default=math.inf)

    def clear(self) -> None:
        """Forget the session: its peers, and which id stands for which node."""
        with self.handlers.let_through:
            for subsystem in self.subsystems:
                subsystem.reset()
            self.handlers.clear()

    def _forget_routes(self) -> None:
        self.outgoing.forget_routes()
        self.some_calls.forget_routes()

    def forget_path(self, path: str) -> None:
        """Forget ``path`` and all below: it is gone, or has other methods."""
        self._forget_routes()
        self.incoming.forget_callees()
        self.cache.forget_path(path)
        self.objects.places.forget()
        if self.replicator is not None:
            self.replicator.path_gone(path)

    # ---------------------------------------------------------------- the peer below

    def set_peer(self, peer: MultiplayerPeer | None) -> None:
        """Let another peer carry the session; see ``SceneMultiplayer.multiplayer_peer``."""
        has_peer = peer is not None
        if peer is None:
            peer = OfflineMultiplayerPeer()
        if peer is not self.peer:
            check_fits(peer, self._settings)
            check_free(peer)
            with self.handlers.let_through:
                self._let_go()
                self._take_up(peer)
        self.has_peer = has_peer

    def _take_up(self, peer: MultiplayerPeer) -> None:
        self.peer = peer
        self.handlers.below = peer.handlers
        peer.api_is_polling = self._is_polling
        carry(peer, self._api)
        self.transport = Transport(peer, self._state.wire, self._state.rejections)
        self._assemble()
        self._status = peer.get_connection_status()
        self._number = peer.sessions
        if self._settings.refuse_new_connections is not None:
            peer.refuse_new_connections = self._settings.refuse_new_connections
        self._relayed_before = peer.server_relay
        self.arrange_relay()
        for signal, listener in self._listening():
            signal.connect(listener)
        peer.lead_straight_to(self.straight, self.relaying if self.transport.relays else None)
        peer.on_forced_out = self._drop
        if self._status == _CONNECTED:
            self.peers.take_over(peer.get_peers())

    def _let_go(self) -> None:
        self.straight.settle()
        self.peer.lead_straight_to(None)
        for signal, listener in self._listening():
            signal.disconnect(listener)
        self.peer.on_forced_out = None
        self._leave_relay()
        carry(self.peer, None)
        self.peer.api_is_polling = None
        self.peer.wake()  # so that peers.run notices
        self.clear()
        if self.replicator is not None:
            self.replicator.leave()

    def _listening(self) -> list[tuple[BoundSignal[*tuple[Any, ...]], Callable[..., object]]]:
        peer = self.peer
        if type(peer) is OfflineMultiplayerPeer:
            return []  # where nothing ever happens; many APIs may stand on such
        return [
            (peer.peer_connected, self._on_peer_connected),
            (peer.peer_disconnected, self._on_peer_disconnected),
            (peer.peer_packet, self.dispatch.take),
            (peer.connection_failed, self._follow_status),
            (peer.server_disconnected, self._follow_status),
            (peer.peer_suspended, self._on_peer_suspended),
            (peer.peer_resumed, self._on_peer_resumed),
            (peer.session_suspended, self._on_session_suspended),
            (peer.session_resumed, self._on_session_resumed),
        ]

    @property
    def relays_by_itself(self) -> bool:
        """Whether the peer below is a server that announces and relays by itself."""
        return not self.transport.relays and self.transport.is_server

    def arrange_relay(self) -> None:
        """Make a server that announces and relays by itself do as is set here."""
        if self.relays_by_itself:
            self.peer.holds_new_peers = self._settings.auth_callback is not None
            if not self._settings.server_relay:
                self.peer.server_relay = False

    def _leave_relay(self) -> None:
        self.peer.holds_new_peers = False
        with suppress(MultiplayerError):  # those who are there go on as they began
            self.peer.server_relay = self._relayed_before

    def require(self) -> None:
        """Raise unless there is a session.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``.
        """
        if self._number != self.peer.sessions:
            message = "the peer has begun another session; call poll() first"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        if not self.has_peer:
            message = "there is no session; connect or listen, then set multiplayer_peer"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        status = self.peer.get_connection_status()
        if status == _CONNECTED:
            return
        if status == _CONNECTING:
            message = "the session is not up yet; wait for connected_to_server"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        failure: object = getattr(self.peer, "failure", None)
        why = "has ended" if failure is None else f"failed ({failure})"
        message = f"there is no session: the connection {why}; connect again"
        raise MultiplayerError(Error.ERR_UNCONFIGURED, message)

    # ---------------------------------------------------------------- polling

    def poll(self) -> None:
        """Poll the peer, and do what has arrived; see ``SceneMultiplayer.poll``."""
        if self._polling and count_running(Session.poll, self) > 1:
            message = "a listener or RPC of this session called poll(); return to it instead"
            raise MultiplayerError(Error.ERR_BUSY, message)
        was_whole, self._whole = self._whole, False
        handlers = self.handlers
        let_through = handlers.let_through
        if not was_whole:
            let_through.depth = 0
        try:
            self._polling = True
            let_through.depth += 1
            if not was_whole:
                self._recover()
            self._do_all(compare=not was_whole)
            at_rest = handlers.at_work is None and not handlers.unfinished.stack
            self._whole = at_rest and not self._unsure
        except BaseException as error:
            let_through.interrupt(error)
            raise
        finally:
            self._polling = False
        if let_through.errors:
            let_through.leave()
        else:
            let_through.depth -= 1

    def _do_all(self, *, compare: bool) -> None:
        """Do what a poll does, each part of it also if one before it raises."""
        failures: list[Exception] = []
        for step in (
            self._follow_status,
            self.peer.poll,
            *((self._compare,) if compare else ()),
            self._drain,
            self._follow_status,
            self._process,
        ):
            try:
                step()
            except Exception as error:  # raised below, after the others
                failures.append(error)
        if failures:
            raise one_error(failures, "several listeners failed")

    def _is_polling(self) -> bool:
        return count_running(Session.poll, self) > 0

    def _drain(self) -> None:
        """Take packets of a peer that does not emit peer_packet, or that came before we did."""
        while self.peer.get_available_packet_count():
            self.dispatch.take()

    # ---------------------------------------------------------------- interrupted

    def _recover(self) -> None:
        """Carry on with what an interrupted poll has left; see ``docs/interrupted.md``."""
        self.peer.make_whole()
        self.runner.nothing_runs()
        at_work = self.handlers.at_work
        if isinstance(at_work, int):
            self._give_up(at_work)
        self.handlers.finish()

    def _compare(self) -> None:
        """Find out whose joining or leaving went unreported because of an interrupt."""
        came, gone = self.peers.differences(self.peer.get_peers())
        for peer in gone:
            self._on_peer_disconnected(peer)
        for peer in came:
            self._on_peer_connected(peer)
        suspended = self.peer.get_suspended_peers()
        for peer in suspended:
            self._on_peer_suspended(peer)
        for peer in self.absences.missed(suspended):
            self._give_up(peer)
        self._unsure = False

    def _give_up(self, peer: int) -> None:
        """End the connection to a peer that may have lost a packet here."""
        with suppress(MultiplayerError):  # it may have gone by itself
            if self.transport.is_server:
                self.peer.expel_peer(peer, "an internal error")
            else:
                self.peer.disconnect_peer(SERVER_ID)
        self.handlers.at_work = None

    def _packet_failed(self, source: int, error: Exception) -> None:
        self._give_up(source)
        self.runner.nothing_runs()
        self.handlers.failed(source, "handling its packet", error)

    # ---------------------------------------------------------------- what happens below

    def _on_peer_connected(self, peer: int) -> None:
        self._unsure = True
        self._follow_status()
        for observer in self.observers:
            observer.came(peer)
        self.peers.connected(peer)
        self._unsure = False

    def _on_peer_disconnected(self, peer: int) -> None:
        self._unsure = True
        self.handlers.do(
            partial(self._observe_leaving, peer),
            partial(self.peers.disconnected, peer),
            partial(self.peer_changed, peer, present=False),
        )
        self._unsure = False

    def _on_peer_suspended(self, peer: int) -> None:
        self._unsure = True
        self.absences.peer_suspended(peer)
        self._unsure = False

    def _on_peer_resumed(self, peer: int, replayed: bool) -> None:
        self._unsure = True
        self.absences.peer_resumed(peer, replayed)
        self._unsure = False

    def _on_session_suspended(self) -> None:
        self._unsure = True
        self.absences.session_suspended()
        self._unsure = False

    def _on_session_resumed(self, replayed: bool) -> None:
        self._unsure = True
        self.absences.session_resumed(replayed)
        self._unsure = False

    def _observe_leaving(self, peer: int) -> None:
        by_itself = peer in self.peers  # otherwise it was refused, or sent away by us
        for observer in self.observers:
            observer.left(peer, by_itself=by_itself)

    def disconnect_peer(self, peer: int) -> None:
        """End the connection to a peer; see ``SceneMultiplayer.disconnect_peer``."""
        if self.transport.is_server and self.peers.drops(peer):
            return
        with self.handlers.let_through:
            self.peer.disconnect_peer(peer)
            self._drop(peer)

    def _drop(self, peer: int) -> None:
        """Forget a peer whose connection this program ends."""
        with self.handlers.let_through:
            for observer in self.observers:
                observer.left(peer, by_itself=False)
            expelled = partial(self.peers.expelled, peer)
            self.handlers.do(expelled, partial(self.peer_changed, peer, present=False))

    def _is_meant(self, peer: int) -> bool:
        return self.peers.is_meant(peer)  # another object for each peer below

    def _is_here(self, peer: int) -> bool:
        return peer in self.peers or self.peers.is_authenticating(peer)

    def _follow_status(self) -> None:
        """Report once that the session is over; another one may have begun since."""
        before, status = self._status, self.peer.get_connection_status()
        number = self.peer.sessions
        if status == before and number == self._number:
            return
        is_another = self._number != number
        if before != _DISCONNECTED and (is_another or status == _DISCONNECTED):
            failed = before == _CONNECTING
            ended = self._api.connection_failed if failed else self._api.server_disconnected
            note = partial(self._note_status, status, number)
            self.handlers.do(note, self.clear, self.handlers.emission(ended, SERVER_ID))
        else:
            self._note_status(status, number)

    def _note_status(self, status: ConnectionStatus, number: int) -> None:
        self._status, self._number = status, number

    def _may_log(self, peer: int, level: int) -> bool:
        return self.peer.may_log(peer, level)

    def _tell_rejected(self, peer: int, reason: RejectReason, detail: str) -> None:
        self.handlers.emit(self._signals.invalid_packet, peer, peer, reason, detail)
