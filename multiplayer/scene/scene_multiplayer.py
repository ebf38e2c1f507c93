"""``SceneMultiplayer``: calls between the objects of a session. Mirrors the Godot class."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from multiplayer.addressing import check_id
from multiplayer.errors import DecodeError, Error, MultiplayerError
from multiplayer.handlers import Handlers, OnError, check_on_error
from multiplayer.misplaced import LIMITS, misplace
from multiplayer.multiplayer_peer import ConnectionStatus, MultiplayerPeer, TransferMode
from multiplayer.offline_peer import OfflineMultiplayerPeer
from multiplayer.signals import Signal
from multiplayer.support.call_all import in_turn
from multiplayer.support.callbacks import check_callback
from multiplayer.support.number_setting import check_number
from multiplayer.support.unfinished import count_running
from multiplayer.wire.dialects.api_packets import (
    AddPeer,
    Announce,
    Answer,
    Ask,
    Assign,
    Authenticate,
    Call,
    Confirm,
    DelPeer,
    Forget,
    Raw,
    Refusal,
    Relay,
    Unsupported,
)
from multiplayer.wire.dialects.choice import Dialect, wire_of

from .cache.path_cache import PathCache
from .calls.incoming_calls import IncomingCalls
from .calls.outgoing_calls import OutgoingCalls
from .calls.requests import Asking
from .calls.runner import Runner
from .doctor.generations import Generations
from .doctor.mismatch import RpcMismatch
from .doctor.mismatches import Mismatches
from .membership import carry, check_free
from .methods.argument_types import check_annotations
from .methods.table import table_of
from .multiplayer_api import MultiplayerAPI
from .peers import Admission, Policy
from .rejections import ApiStatistics, Reason, Rejections
from .relay import Relaying
from .sender import sender_in
from .transport import SERVER, Transport
from .tree.objects import NodeTree, ObjectTable
from .tree.paths import path_text
from .tree.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.signals import BoundSignal
    from multiplayer.variant.names import NodePath
    from multiplayer.wire.dialects.api_packets import ApiPacket

    from .pending_calls import PendingCall
    from .tree.node import Node

_CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
_CONNECTING = ConnectionStatus.CONNECTION_CONNECTING
_DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


class SceneMultiplayer(MultiplayerAPI):
    """The high-level API: RPCs, authentication and relay over a ``MultiplayerPeer`` (Godot 4).

    Objects are found by path: those of a tree of :class:`Node`, and those of any class that were
    added with :meth:`add`. Drive it with :meth:`poll` or ``peers.run``, instead of its peer.

    Args:
        root: the root of the tree; another one can be set later, or none.
        dialect: what the packets are written in; all peers of a session must use the same.
        validate: see :attr:`validate`.
        confirm_with_path: serve games of Godot 4.0 to 4.2, which do not understand those of 4.3 and
            later, nor are understood by them. Written from their source code; no engine of that age
            tests it.

    Attributes:
        discard_packets: take no part, but in announcing and relaying: for a server that only does
            that. Packets for this program are dropped and counted (False).
    """

    peer_packet = Signal[int, bytes]("id", "packet")
    """Another peer's :meth:`send_bytes`."""
    peer_authenticating = Signal[int]("id")
    """Somebody has connected and is to be authenticated, because there is an auth_callback."""
    peer_authentication_failed = Signal[int]("id")
    """Somebody took longer than ``auth_timeout``, or left before being admitted."""
    invalid_packet = Signal[int, Reason, str]("id", "reason", "detail")
    """A packet of that peer was dropped, or is dubious; ``detail`` says why, in words."""

    rpc_mismatch = Signal[RpcMismatch]("mismatch")
    """A peer has other RPCs on a node than we have; calls of it may run the wrong method."""
    handler_failed = Signal[int, str, Exception]("id", "where", "error")
    """An RPC, a listener or a callback has raised; see :attr:`on_error`.

    ``id`` is the peer whose doing was being handled; ``where`` names the handler: for an RPC its
    node and method."""

    def __init__(
        self,
        root: Node | None = None,
        dialect: Dialect = Dialect.NATIVE,
        *,
        validate: bool = False,
        confirm_with_path: bool = False,
    ) -> None:
        self._dialect = dialect
        self._validate = validate
        self.discard_packets = False
        if confirm_with_path and dialect is not Dialect.GODOT_4:
            message = f"confirm_with_path is for Dialect.GODOT_4 only, not for {dialect.name}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._confirm_with_path = confirm_with_path
        self._wire = wire_of(dialect, confirm_with_path=confirm_with_path)
        self._policy = Policy()
        self._statistics = ApiStatistics()
        self.handlers = Handlers(self.handler_failed, self._may_log)
        self._rejections = Rejections(
            self._statistics, self._tell_rejected, dialect.value, self._is_here, self._may_log
        )
        self._tree = NodeTree(None)
        self._objects = ObjectTable()
        self._places = Places((self._objects, self._tree))
        self._paths = PathCache()
        self._runner = Runner(self, self.handlers)
        self._status = _DISCONNECTED
        self._has_peer = True
        self._polling = False
        self._whole = True  # no poll was interrupted since the last one
        self._unsure = False  # something that the peer has told may have been lost
        self._use(OfflineMultiplayerPeer())
        self.root = root

    @property
    def dialect(self) -> Dialect:
        """What the packets are written in; cannot be changed."""
        return self._dialect

    @property
    def validate(self) -> bool:
        """Check what arrives against annotations (False): arguments, answers, ``rset`` properties.

        A wrong type never reaches a method, a property or who asked: its call fails with a
        ``RemoteError``.

        Raises (when it is set, as :meth:`add`, :attr:`root` and ``Node.add_child`` do later):
            MultiplayerError: ``ERR_INVALID_DECLARATION``: an annotation cannot be checked.
        """
        return self._validate

    @validate.setter
    def validate(self, validate: bool) -> None:
        before, self._validate = self._validate, validate
        try:
            if validate:
                for table in self._objects.tables():
                    check_annotations(table)
            if self._tree.root is not None:
                self.check_node(self._tree.root)
        except MultiplayerError:
            self._validate = before
            raise

    def _validates(self) -> bool:
        return self._validate

    # ---------------------------------------------------------------- the peer below

    @property
    def multiplayer_peer(self) -> MultiplayerPeer:
        """The peer that carries the session; an ``OfflineMultiplayerPeer`` at first.

        Connect or listen first, then set it. None takes the peer away. Peers that are there already
        are taken over without ``peer_connected``.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is disconnected, discards all packets,
                or its envelope does not fit the dialect; ``ERR_UNAVAILABLE``: there is an
                auth_callback, and the dialect has no packets for it; ``ERR_ALREADY_IN_USE``:
                another SceneMultiplayer has it, or it has told its clients of each other, and
                ``server_relay`` is False.
        """
        return self._peer

    @multiplayer_peer.setter
    def multiplayer_peer(self, peer: MultiplayerPeer | None) -> None:
        has_peer = peer is not None
        if peer is None:
            peer = OfflineMultiplayerPeer()
        if peer is not self._peer:
            self._check_fits(peer)
            check_free(peer)
            with self.handlers.let_through:
                self._let_go()
                self._use(peer)
        self._has_peer = has_peer

    def has_multiplayer_peer(self) -> bool:
        """Return whether there is a peer; False after None was set."""
        return self._has_peer

    def _check_fits(self, peer: MultiplayerPeer) -> None:
        if isinstance(peer, OfflineMultiplayerPeer):
            return
        if peer.get_connection_status() == _DISCONNECTED:
            message = "the peer is disconnected; connect or listen first, then set multiplayer_peer"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if peer.is_plain():
            message = "the peer is in plain mode; connect or listen with gd_mp_api=True"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        relays = peer.is_server_relay_supported()
        if relays not in self.dialect.envelopes:
            has = "Godot 4's envelope" if relays else "the gd_mp envelope"
            fitting = ", ".join(d.name for d in Dialect if relays in d.envelopes)
            other = "WebSocketClient and WebSocketServer have"
            if not relays:
                other = (
                    "WebSocketMultiplayerPeer has (create_client, create_server, or as the peer= "
                    "of peers.connect and peers.serve)"
                )
            message = (
                f"Dialect.{self.dialect.name} does not travel in {has}, which takes {fitting}; "
                f"{other} the other one"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if self._policy.auth_callback is not None:
            self._require_authentication("auth_callback")
        if getattr(peer, "discard_packets", False):
            message = (
                "the peer discards all packets, also those of this API; set the API's "
                "discard_packets instead of the peer's"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        announces = peer.get_unique_id() == SERVER and not relays and peer.server_relay
        if announces and not self._policy.server_relay and peer.get_peers():
            message = (
                "clients of this server have been told of each other already; with "
                "server_relay = False set multiplayer_peer before anybody joins"
            )
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)

    def _require_authentication(self, name: str) -> None:
        """Raise unless the dialect has packets for what the setting ``name`` is about."""
        if not self._wire.authenticates:
            message = f"Dialect.{self.dialect.name} has no authentication; do without {name}"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def _use(self, peer: MultiplayerPeer) -> None:
        self._peer = peer
        self.handlers.below = peer.handlers
        peer.handlers.let_through.above = self._is_polling
        carry(peer, self)
        transport = Transport(peer, self._wire, self._rejections)
        self._transport = transport
        self._admission = Admission(
            transport,
            self._policy,
            self._rejections,
            self.handlers,
            self,
            self.peer_authenticating,
            self.peer_authentication_failed,
        )
        self._generations = Generations(
            transport,
            self._paths,
            self._rejections,
            self.dialect,
            confirm_with_path=self._confirm_with_path,
        )
        self._relaying = Relaying(transport, self._admission, self._policy, self._rejections)
        self._outgoing = OutgoingCalls(
            transport, self._admission, self._places, self._paths, self._runner, self._statistics
        )
        self._incoming = IncomingCalls(
            transport,
            self._places,
            self._paths,
            self._runner,
            self.handlers,
            self._rejections,
            self._statistics,
            Mismatches(self._statistics, self._tell_mismatch, peer.now, peer.may_log),
            self._validates,
        )
        self._asking = Asking(
            transport,
            self._admission,
            self._places,
            self._outgoing,
            self._incoming,
            self._runner,
            self.handlers,
            self._rejections,
            self._statistics,
            self._validates,
        )
        self._status = peer.get_connection_status()
        self._session = peer.sessions
        if self._policy.refuse_new_connections is not None:
            peer.refuse_new_connections = self._policy.refuse_new_connections
        self._relayed_before = peer.server_relay
        self._arrange_relay()
        for signal, listener in self._listening():
            signal.connect(listener)
        peer.on_forced_out = self._drop
        if self._status == _CONNECTED:
            self._admission.take_over(peer.get_peers())

    def _let_go(self) -> None:
        for signal, listener in self._listening():
            signal.disconnect(listener)
        self._peer.on_forced_out = None
        self._leave_relay()
        carry(self._peer, None)
        self._peer.handlers.let_through.above = None
        self._peer.wake()  # peers.run is to notice
        self.clear()

    def _arrange_relay(self) -> None:
        """Let a server that announces and relays by itself do so as it is set here."""
        if self._transport.relays or not self._transport.is_server:
            return
        self._peer.holds_new_peers = self._policy.auth_callback is not None
        if not self._policy.server_relay:
            self._peer.server_relay = False

    def _leave_relay(self) -> None:
        self._peer.holds_new_peers = False
        with suppress(MultiplayerError):  # those who are there go on as they began
            self._peer.server_relay = self._relayed_before

    def _listening(self) -> list[tuple[BoundSignal[*tuple[Any, ...]], Callable[..., object]]]:
        peer = self._peer
        return [
            (peer.peer_connected, self._on_peer_connected),
            (peer.peer_disconnected, self._on_peer_disconnected),
            (peer.peer_packet, self._on_packet),
            (peer.connection_failed, self._follow_status),
            (peer.server_disconnected, self._follow_status),
        ]

    def poll(self) -> None:
        """Poll the peer, and do what has arrived: emit signals, run RPCs.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener or RPC of this session.
            Exception: what handlers raised, with ``on_error="raise"``, when everything has had its
                turn: one exception as itself, several as an ``ExceptionGroup``.
        """
        if self._polling and count_running(SceneMultiplayer.poll, self) > 1:
            message = "poll() was called by a listener or RPC of this session; return to it instead"
            raise MultiplayerError(Error.ERR_BUSY, message)
        was_whole, self._whole = self._whole, False
        if not was_whole:
            self.handlers.let_through.depth = 0
        try:
            self._polling = True
            with self.handlers.let_through:
                if not was_whole:
                    self._recover()
                in_turn(
                    self._follow_status,
                    self._peer.poll,
                    *(() if was_whole else (self._compare,)),
                    self._drain,
                    self._follow_status,
                    self._admission.end_late,
                    self._generations.tell_of_silence,
                )
                at_rest = self.handlers.at_work is None and not self.handlers.is_unfinished
                self._whole = at_rest and not self._unsure
        finally:
            self._polling = False

    # ---------------------------------------------------------------- interrupted

    def _recover(self) -> None:
        """Go on with what an interrupted poll has left; see ``docs/architecture.md``."""
        below = self.handlers.below
        if below is not None and below.recovery is not None:
            below.recovery()
        self._runner.nothing_runs()
        at_work = self.handlers.at_work
        if isinstance(at_work, int):
            self._give_up(at_work)
        self.handlers.finish()

    def _compare(self) -> None:
        """Find out whose coming and going was not told, because that was interrupted."""
        came, gone = self._admission.differences(self._peer.get_peers())
        for peer in gone:
            self._on_peer_disconnected(peer)
        for peer in came:
            self._on_peer_connected(peer)
        self._unsure = False

    def _give_up(self, peer: int) -> None:
        """End the connection to a peer of whose packets one may have been lost."""
        with suppress(MultiplayerError):  # it may have gone by itself
            if self._transport.is_server:
                self._peer.expel_peer(peer, "an internal error")
            else:
                self._peer.disconnect_peer(SERVER)
        self.handlers.at_work = None

    def _is_polling(self) -> bool:
        return count_running(SceneMultiplayer.poll, self) > 0

    def flush(self) -> None:
        """Send now what was called and put since the last :meth:`poll`, not at the end of the next.

        For a loop that polls, moves things, calls RPCs and then waits for its next turn: without it
        a server's calls leave a turn late. Not needed under ``peers.run``.
        """
        self._peer.flush()

    @property
    def on_error(self) -> OnError | None:
        """What becomes of an exception that an RPC, a listener or a callback of this API raises.

        One of those of :attr:`MultiplayerPeer.on_error`; None, at first, for what that is of
        :attr:`multiplayer_peer`. An exception of a method that was asked (:meth:`call_id`) goes to
        the asker, and is raised here in no case.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: none of them.
        """
        return self.handlers.on_error

    @on_error.setter
    def on_error(self, on_error: OnError | None) -> None:
        if on_error is not None:
            check_on_error(on_error)
        self.handlers.on_error = on_error

    def next_deadline(self) -> float:
        """Return when :meth:`poll` has something to do although nothing arrives.

        In seconds of ``multiplayer_peer.now()``; ``math.inf`` if never. The peer below has
        deadlines of its own.
        """
        return min(self._admission.next_deadline(), self._generations.next_deadline())

    def clear(self) -> None:
        """Forget the session: its peers, and which number stands for which node."""
        with self.handlers.let_through:
            self._admission.clear()
            self._generations.clear()
            self._paths.clear()
            self._rejections.clear()
            self._incoming.clear()
            self._asking.clear()
            self.handlers.clear()

    # ---------------------------------------------------------------- what happens below

    def _on_peer_connected(self, peer: int) -> None:
        self._unsure = True
        self._follow_status()
        self._admit(peer)
        self._unsure = False

    def _admit(self, peer: int) -> None:
        self._generations.joined(peer)
        self._admission.connected(peer)

    def _on_peer_disconnected(self, peer: int) -> None:
        self._unsure = True
        self.handlers.do(
            partial(self._note_visit, peer),
            partial(self._admission.disconnected, peer),
            partial(self._forget, peer),
        )
        self._unsure = False

    def _note_visit(self, peer: int) -> None:
        if peer in self._admission:
            self._generations.left(peer)
        else:  # refused, or sent away by ourselves
            self._generations.silent.pop(peer, None)

    def _is_here(self, peer: int) -> bool:
        return peer in self._admission or self._admission.is_authenticating(peer)

    def _forget(self, peer: int) -> None:
        self._paths.forget_peer(peer)
        self._rejections.forget(peer)
        self._incoming.forget(peer)
        self._asking.left(peer)
        self.handlers.forget(peer)

    def _follow_status(self) -> None:
        """Tell that the session is over, once; another one may have begun since."""
        before, status = self._status, self._peer.get_connection_status()
        session = self._peer.sessions
        is_another = self._session != session
        if before != _DISCONNECTED and (is_another or status == _DISCONNECTED):
            ended = self.connection_failed if before == _CONNECTING else self.server_disconnected
            note = partial(self._note_status, status, session)
            self.handlers.do(note, self.clear, self.handlers.emission(ended, SERVER))
        else:
            self._note_status(status, session)

    def _note_status(self, status: ConnectionStatus, session: int) -> None:
        self._status, self._session = status, session

    def _may_log(self, peer: int, level: int) -> bool:
        return self._peer.may_log(peer, level)

    def _tell_rejected(self, peer: int, reason: Reason, detail: str) -> None:
        self.handlers.emit(self.invalid_packet, peer, peer, reason, detail)

    def _tell_mismatch(self, mismatch: RpcMismatch) -> None:
        self.handlers.emit(self.rpc_mismatch, mismatch.peer, mismatch)

    def _drain(self) -> None:
        """Take what a peer holds that does not emit peer_packet, or that came before we did."""
        while self._peer.get_available_packet_count():
            self._on_packet(0)

    def _on_packet(self, _: int) -> None:
        peer = self._peer
        if not peer.get_available_packet_count():
            return  # another listener has taken it
        source, mode, channel = peer.get_packet_peer(), TransferMode.TRANSFER_MODE_RELIABLE, 0
        if self._transport.relays:  # else nobody asks how it was sent
            mode, channel = peer.get_packet_mode(), peer.get_packet_channel()
        self.handlers.at_work = source
        try:
            self._receive(source, peer.get_packet(), mode, channel)
        except Exception as error:  # a mistake of ours, or the system has no memory
            self._give_up(source)
            self._runner.nothing_runs()
            self.handlers.failed(source, "handling its packet", error)
        self.handlers.at_work = None

    def _receive(self, source: int, data: bytes, mode: TransferMode, channel: int) -> None:
        silent = self._generations.silent
        if silent and source in silent and not self._generations.spoke(source, data):
            return
        packet = self._read(source, data)
        if packet is None:
            return
        if type(packet) is Call and source in self._admission and not self.discard_packets:
            # The common case
            self._incoming.call(source, packet)
            return
        if self._admission.is_authenticating(source) and not isinstance(packet, Authenticate):
            detail = "it sends something else before it is authenticated"
            self._rejections.reject(source, Reason.NOT_AUTHENTICATED, detail)
            return
        match packet:
            case Authenticate():
                self._admission.receive(source, packet)
            case AddPeer():
                self._admission.add(source, packet)
            case DelPeer():
                delete = partial(self._admission.delete, source, packet)
                was_here = packet.peer in self._admission
                self.handlers.do(delete, partial(self._forget_departed, packet.peer, was_here))
            case Relay():
                self._receive_relay(source, packet, mode, channel)
            case _ if self.discard_packets:
                self._statistics.discarded += 1
            case _:
                self._process(source, packet)

    def _forget_departed(self, peer: int, was_here: bool) -> None:
        if was_here and peer not in self._admission:  # who said that it has left was believed
            self._forget(peer)

    def _receive_relay(self, source: int, relay: Relay, mode: TransferMode, channel: int) -> None:
        origin = self._relaying.receive(source, relay, mode, channel)
        if origin is None:
            return
        if self.discard_packets:
            self._statistics.discarded += 1
            return
        inner = self._read(origin, relay.packet)
        if inner is None:
            return
        self._process(origin, inner)

    def _read(self, source: int, data: bytes) -> ApiPacket | None:
        try:
            return self._wire.read(data)
        except DecodeError as error:
            self._rejections.reject(source, Reason.MALFORMED, str(error))
            return None

    def _process(self, source: int, packet: ApiPacket) -> None:
        """Do what a packet says that may have been relayed."""
        if source not in self._admission:
            self._rejections.reject(source, Reason.UNKNOWN_PEER, "it is not in the session")
            if isinstance(packet, Ask):
                self._asking.turn_away(source, packet)
            return
        match packet:
            case Call():
                self._incoming.call(source, packet)
            case Ask():
                self._asking.receive(source, packet)
            case Answer():
                self._asking.receive_answer(source, packet)
            case Refusal():
                self._asking.receive_refusal(source, packet)
            case Raw():
                self.handlers.emit(self.peer_packet, source, source, packet.payload)
            case Announce():
                self._incoming.announce(source, packet)
            case Forget():
                self._incoming.forget_numbers(source, packet)
            case Confirm():
                if self._generations.accepts(source, packet):
                    self._incoming.confirm(source, packet)
            case Assign():
                self._incoming.assign(source, packet)
            case Unsupported():
                self._rejections.reject(source, Reason.UNSUPPORTED, f"a packet {packet.kind}")
            case Authenticate() | AddPeer() | DelPeer() | Relay():
                detail = "a packet that is between neighbours only was relayed"
                self._rejections.reject(source, Reason.RELAY_REFUSED, detail)

    # ---------------------------------------------------------------- the session

    def get_unique_id(self) -> int:
        """Return the own id: 1 on a server; on a client 0 until the server has told it."""
        return self._peer.get_unique_id()

    def is_server(self) -> bool:
        """Return whether this program is the server: its id is 1."""
        return self.get_unique_id() == SERVER

    def get_peers(self) -> list[int]:
        """Return the ids of the others in the session, in the order in which they joined."""
        return self._admission.peers

    def get_remote_sender_id(self) -> int:
        """Return who called the RPC that is running; the own id in a local call, 0 outside."""
        return sender_in(self)

    @property
    def statistics(self) -> ApiStatistics:
        """A copy of what has been counted since this API was made."""
        return self._statistics.copy(handler_errors=self.handlers.failures)

    @property
    def refuse_new_connections(self) -> bool:
        """Whether the peer below turns away whoever wants to join.

        What is set here holds for peers that are set later, too.
        """
        return self._peer.refuse_new_connections

    @refuse_new_connections.setter
    def refuse_new_connections(self, refuse: bool) -> None:
        self._policy.refuse_new_connections = refuse
        self._peer.refuse_new_connections = refuse

    @property
    def server_relay(self) -> bool:
        """Whether the server tells clients of each other and relays between them (True).

        False on a server: clients know the server alone. Where its peer relays by itself (the gd_mp
        envelope), this sets ``MultiplayerPeer.server_relay``; what a client sends to all reaches
        the server only. On Godot 4's envelope a client has to be set to False, too: else it
        asks for relays, which are refused.

        False on a client: it takes only the server into the session, whomever it is told of, and
        what it sends to all reaches the server only.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: the session is up.
        """
        return self._policy.server_relay and self._peer.server_relay

    @server_relay.setter
    def server_relay(self, relay: bool) -> None:
        offline = isinstance(self._peer, OfflineMultiplayerPeer)
        if not offline and self._peer.get_connection_status() == _CONNECTED:
            message = "server_relay cannot change while the session is up; set it before"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._policy.server_relay = relay
        if not self._transport.relays and self._transport.is_server:
            self._peer.server_relay = relay

    def disconnect_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """End the connection to a peer; ``peer_disconnected`` is not emitted for it here.

        One that has left is left alone.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: this program never had a connection to such a
                peer; ``ERR_INVALID_PARAMETER``: no ``int``, or not one of 32 bits.
        """
        check_id(id)
        if self._transport.is_server and self._admission.drops(id):
            return
        with self.handlers.let_through:
            self._peer.disconnect_peer(id)
            self._drop(id)

    def _drop(self, peer: int) -> None:
        """Let a peer be gone whose connection this program ends."""
        with self.handlers.let_through:
            self._generations.silent.pop(peer, None)  # it is not its own doing
            expelled = partial(self._admission.expelled, peer)
            self.handlers.do(expelled, partial(self._forget, peer))

    # ---------------------------------------------------------------- authentication

    @property
    def auth_callback(self) -> Callable[[int, bytes], object] | None:
        """Called with a peer's id and its credentials; None (at first) admits everybody.

        Set it on both sides, before connecting or listening: a side without one admits its peer at
        once and never says so. Peers are admitted when both sides have called
        :meth:`complete_auth`. On the gd_mp envelope clients hear of a newcomer only then.

        Raises (when it is set):
            MultiplayerError: ``ERR_UNAVAILABLE``: the dialect has no packets for it;
                ``ERR_INVALID_PARAMETER``: it cannot be called, or is ``async``.
        """
        return self._policy.auth_callback

    @auth_callback.setter
    def auth_callback(self, callback: Callable[[int, bytes], object] | None) -> None:
        check_callback("auth_callback", callback)
        if callback is not None:
            self._require_authentication("auth_callback")
        self._policy.auth_callback = callback
        self._arrange_relay()

    @property
    def auth_timeout(self) -> float:
        """How long a peer may take to authenticate, in seconds (3.0); 0 for ever.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is no time; ``ERR_UNAVAILABLE``: the
                dialect has no authentication.
        """
        return self._policy.auth_timeout

    @auth_timeout.setter
    def auth_timeout(self, seconds: float) -> None:
        check_number("auth_timeout", seconds, finite=False)
        if seconds != self._policy.auth_timeout:
            self._require_authentication("auth_timeout")
        self._policy.auth_timeout = seconds

    def get_authenticating_peers(self) -> list[int]:
        """Return the ids of those that are connected and not admitted yet."""
        return self._admission.authenticating

    def send_auth(self, id: int, data: bytes) -> None:  # noqa: A002 - Godot's name
        """Send credentials to a peer that is being authenticated.

        When one side has completed, or the peer has left, they are dropped and counted, where Godot
        returns ``ERR_FILE_CANT_WRITE``: the other side alone decides when that is.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session; ``ERR_INVALID_PARAMETER``:
                the peer was never to be authenticated, or ``data`` is empty; else as the peer's
                ``put_packet``.
        """
        self._require_session()
        self._admission.send_auth(id, data)

    def complete_auth(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Say that this side has seen enough of a peer's credentials.

        Saying it again does nothing, where Godot returns ``ERR_FILE_CANT_WRITE``: a peer may send
        the right password twice.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session; ``ERR_INVALID_PARAMETER``:
                the peer was never to be authenticated.
        """
        self._require_session()
        with self.handlers.let_through:
            self._admission.complete_auth(id)

    # ---------------------------------------------------------------- objects

    @property
    def root(self) -> Node | None:
        """The root of the tree whose nodes peers can call; its own path is ``.``.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: it has a parent, or another API has it;
                ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation cannot be checked.
        """
        return self._tree.root

    @root.setter
    def root(self, root: Node | None) -> None:
        before = self._tree.root
        if root is before:
            return
        if root is not None:
            self.check_node(root)
            root.become_root_of(self)
        if before is not None:
            self.forget_node(before)
            before.become_root_of(None)
        self._tree.root = root

    @property
    def root_path(self) -> str:
        """Where in the tree paths begin, such as ``/root/Main``; ``""`` (at first): at the root.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is neither empty nor absolute.
        """
        return self._tree.root_path

    @root_path.setter
    def root_path(self, path: str | NodePath) -> None:
        path = path_text(path)
        if path and (not path.startswith("/") or ":" in path):
            message = f"root_path must be absolute, such as '/root/Main', or empty, not {path!r}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._tree.root_path = path
        self._forget_path(".")

    def add(self, path: str | NodePath, object: object, authority: int = 1) -> None:  # noqa: A002 - Godot's name
        """Let peers call the ``@rpc`` methods of an object of any class.

        Args:
            path: where they find it, the same on all sides: ``"Main/Game"``.
            object: it is kept alive until :meth:`remove`.
            authority: the id of the peer that decides about it.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: no proper path, a ``Node``, or an object
                without such methods; ``ERR_ALREADY_EXISTS``: the path is taken;
                ``ERR_ALREADY_IN_USE``: the object was added already, here or elsewhere;
                ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation cannot be checked.
        """
        if self._validate:
            check_annotations(table_of(type(object)))
        self._objects.add(path_text(path), object, authority, self)
        self._places.forget()

    def remove(self, path: str | NodePath) -> None:
        """Take away the object that was added at ``path``.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: none was.
        """
        path = path_text(path)
        self._objects.remove(path)
        self._forget_path(path)

    def set_multiplayer_authority(self, object: object, id: int) -> None:  # noqa: A002 - Godot's names
        """Say which peer decides about an object that was added; a ``Node`` has a method for it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it was not added; ``ERR_INVALID_PARAMETER``:
                no ``int``, or not one of 32 bits.
        """
        self._objects.set_authority(object, id)

    def check_node(self, node: object) -> None:
        """A node is about to come into the tree, or has another method; called by nodes.

        Raises:
            MultiplayerError: ``ERR_INVALID_DECLARATION``: with :attr:`validate`, an annotation
                cannot be checked.
        """
        if self._validate:
            for table in self._tree.tables_from(node):
                check_annotations(table)

    def forget_node(self, node: object) -> None:
        """A node is about to leave the tree or change its path; called by it."""
        path = self._tree.path_of(node)
        if path is None and self._tree.is_above_start(node):
            path = "."
        if path is not None:
            self._forget_path(path)

    def _forget_path(self, path: str) -> None:
        self._outgoing.forget_path(path)
        self._places.forget()

    # ---------------------------------------------------------------- calls

    @property
    def spawn(self) -> Callable[..., object] | None:
        """What starts ``async`` RPC methods, as ``spawn(function, *args)``, in order of arrival.

        ``peers.run`` sets it while it runs this API; None (at first): such methods are refused.
        """
        return self._runner.spawn

    @spawn.setter
    def spawn(self, spawn: Callable[..., object] | None) -> None:
        self._runner.spawn = spawn

    def rpc(
        self,
        peer: int,
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> None:
        """Call a method of an object at other peers; ``object.method.rpc_id(peer, …)`` is the same.

        Args:
            peer: n that one, 0 all, -n all but that one. What is for one that has left is dropped
                and counted.
            object: a node below the root, or an object that was added.
            method: the name of a method with ``@rpc``.
            arguments: at most 255.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no session, or the object is not in it;
                ``ERR_INVALID_PARAMETER``: no such method, wrong arguments, there never was such a
                peer, or oneself without ``call_local``; else as the peer's ``put_packet``.
            Exception: what the method raised, if it runs here too.
        """
        self._require_session()
        self._outgoing.call(peer, object, method, arguments)

    def call_id(
        self,
        peer: int,
        object: object,  # noqa: A002 - Godot's name
        method: str,
        arguments: Sequence[object] = (),
    ) -> PendingCall[Any]:
        """Ask one peer to call a method, and to send what it returns; in ``NATIVE`` only.

        What the method raises there is logged there and raised here, when the result is fetched:
        its type's name and its text.

        Args:
            peer: who is asked; not oneself. Of one that has left, the answer is ``PeerLeft``.
            object: as for :meth:`rpc`.
            method: as for :meth:`rpc`.
            arguments: as for :meth:`rpc`.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: another dialect; ``ERR_BUSY``: 1024 questions to
                that peer are open; ``ERR_INVALID_DECLARATION``: with :attr:`validate`, what the
                method returns cannot be checked; else as :meth:`rpc`.
        """
        self._require_session()
        return self._asking.ask(peer, object, method, arguments)

    def rset(self, peer: int, object: object, property: str, value: object) -> None:  # noqa: A002 - Godot's names
        """Set a property of an object at other peers (Godot 3).

        Args:
            peer: n that one, 0 all, -n all but that one.
            object: a node below the root, or an object that was added.
            property: the name of one that is declared with ``rset()``.
            value: its new value.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: another dialect than ``GODOT_3``; else as
                :meth:`rpc`.
        """
        self._require_session()
        self._outgoing.assign(peer, object, property, value)

    def send_bytes(
        self,
        bytes: bytes,  # noqa: A002 - Godot's name
        id: int = 0,  # noqa: A002 - Godot's name
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send bytes of the game's own; at the other side ``peer_packet`` is emitted.

        Args:
            bytes: at least one.
            id: n that peer, 0 all, -n all but that one.
            mode: see ``MultiplayerPeer.transfer_mode``.
            channel: 0 to 255.

        Raises:
            MultiplayerError: ``ERR_INVALID_DATA``: no bytes; ``ERR_UNCONFIGURED``: there is no
                session; ``ERR_INVALID_PARAMETER``: there never was such a peer, or oneself; else as
                the peer's ``put_packet``.
        """
        if not bytes:
            raise MultiplayerError(Error.ERR_INVALID_DATA, "send_bytes() takes at least one byte")
        self._require_session()
        if check_id(id) == self.get_unique_id():
            message = "send_bytes() does not send to oneself"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._admission.receivers(id)  # raises for an unknown one
        if self._admission.drops(id):
            return
        self._admission.send(id, self._wire.raw(bytes), mode, channel)

    def _require_session(self) -> None:
        if self._session != self._peer.sessions:
            message = "the peer has begun another session; poll() first"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        if not self._has_peer or self._peer.get_connection_status() != _CONNECTED:
            message = "there is no session; set multiplayer_peer, and wait for connected_to_server"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)


misplace(
    SceneMultiplayer,
    LIMITS,
    "limits are the peer's; set multiplayer_peer.limits = Limits({name}=…)",
)
misplace(
    SceneMultiplayer,
    (
        "limits",
        "codec",
        "encode_buffer_max_size",
        "transfer_mode",
        "transfer_channel",
        "holds_new_peers",
        "handshake_timeout",
        "close_timeout",
        "heartbeat_interval",
        "inbound_buffer_size",
        "outbound_buffer_size",
        "max_queued_packets",
        "max_unreliable_ordered",
        "handshake_headers",
        "supported_protocols",
        "allowed_origins",
        "upgrade_callback",
    ),
    "it is the peer's; set multiplayer_peer.{name}",
)
misplace(
    SceneMultiplayer, ("allow_object_decoding",), "nothing that arrives becomes code; send values"
)
misplace(SceneMultiplayer, ("network_peer",), "Godot 4 calls it multiplayer_peer")
