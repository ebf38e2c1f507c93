"""``WebSocketMultiplayerPeer``: a peer of a Godot 4 session. Mirrors the Godot class."""

from __future__ import annotations

import sys
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from multiplayer import ConnectionStatus, Error, MultiplayerError, TransferMode
from multiplayer.addressing import check_channel, check_id, check_mode
from multiplayer.endpoint.agenda import Agenda
from multiplayer.endpoint.inbox import Inbox, no_session
from multiplayer.endpoint.statistics import Statistics
from multiplayer.misplaced import misplace
from multiplayer.support.internal import internal

from .client_role import ClientRole
from .commons import Commons
from .dialling import link_to
from .gate import Gate
from .godot4 import Godot4Client, Godot4Server
from .listening import check_address, listen
from .polling import Polling
from .server_role import ServerRole
from .settings import PeerSettings
from .sockets.engine import SocketEngine
from .tls_options import TLSOptions
from .websocket.close_codes import POLICY_VIOLATION, check_close
from .websocket.endpoint import endpoint_over
from .websocket.handshake_headers import check_protocols, handshake_fields
from .websocket.link import Link
from .websocket.settings import SESSION_HEARTBEAT
from .websocket_peer import WebSocketPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Self

    from multiplayer import Limits
    from multiplayer.api_hooks import Arrived
    from multiplayer.endpoint.failure import Failure
    from multiplayer.endpoint.inbox import Queued
    from multiplayer.handlers import Handlers
    from multiplayer.members import Members

    from .client_role import ClientEnvelope
    from .server_role import ServerEnvelope
    from .websocket.link import LinkEndpoint
    from .websocket.tls import TLSLayer

_PUTTING = ("put_packet", "set_target_peer", "transfer_mode", "transfer_channel")
_TAKING = (
    "get_packet",
    "_take_packet",
    "get_available_packet_count",
    "get_packet_peer",
    "get_packet_mode",
    "get_packet_channel",
)


class WebSocketMultiplayerPeer(PeerSettings):
    """A client or a server of Godot 4's protocol (Godot 4: ``WebSocketMultiplayerPeer``).

    By itself it speaks as Godot 4 does: the server gives each client an id, and then every message
    is one packet between a client and the server. Clients do not see each other; whatever lies
    above (``SceneMultiplayer``) announces and relays. ``WebSocketClient`` and ``WebSocketServer``
    are the same with the protocol of Godot 3, or none.

    Drive it by calling :meth:`poll` in a loop, or hand it to ``peers.run`` under trio, or to
    ``peers.asyncio.run``.

    After ``os.fork()`` the connections are the parent's. A child that closes, drops or forgets its
    copy of this object sends nothing, and changes nothing for the parent. If it polls, or runs, it
    goes on with them instead, as a daemon does: the parent must not poll any more then. Fork
    outside of ``trio.run`` and ``asyncio.run``: what these have cannot be shared.

    Order of signals. A client, up: ``peer_connected(1)``, ``connection_succeeded``. Never up:
    ``connection_failed``. Down: ``peer_disconnected(1)``, ``server_disconnected``; the close code
    can be asked for at ``get_peer(1)``. A server: ``peer_connected`` and ``peer_disconnected`` for
    each client.

    The attributes below hold for sessions that begin after they are set.

    Attributes:
        handshake_timeout: how long TCP, TLS, the upgrade and, on a client, waiting for the peer id
            may take together, in seconds; more than 0.
        handshake_headers: further header lines of a client's request or a server's answer, as
            ``"Name: value"``.
        supported_protocols: the sub-protocols that a client asks for, or that a server lets its
            clients choose from. Both must have one in common, or none at all (as Godot demands).
        close_timeout: how long to wait for the answer to a close frame, from when it has left, in
            seconds; more than 0. Before it, as long again may go by until the other side has read
            what was sent: not in a gd_mp session, but with Godot 4's protocol and in plain mode,
            because a Godot 4 engine throws away what it reads together with a close frame. All in
            all a connection ends within twice this time.
        heartbeat_interval: after how many seconds of silence to ping. A peer of which nothing has
            been heard for three times as long is gone, though it was pinged twice. 0 for never;
            None, as at first, for 15 on the server of a session, and never on clients and in plain
            mode.
        inbound_buffer_size: the longest message to accept, in bytes.
        outbound_buffer_size: how many bytes may wait for a peer that reads too slowly, and the
            longest packet to send, in bytes; 0 for any number.
        max_unreliable_ordered: how many unreliable_ordered packets may wait for a peer that reads
            too slowly, before the oldest of them is dropped.
        max_queued_packets: when so many packets of a peer wait to be fetched, it is not read until
            some have been.
        limits: those that Godot does not have, a :class:`Limits`.
        allowed_origins: the origins of the web pages, like ``https://example.org``, whose browsers
            a server accepts; None for any. Who sends no ``Origin`` is no browser, and accepted.
        upgrade_callback: a server's, called with the :class:`UpgradeRequest` of each client that
            would be accepted. It returns None or ``Accept(headers, userdata)`` to accept it,
            ``Refuse(status, text)`` not to. If it raises, the client gets HTTP 500, and
            ``on_error`` says what becomes of the exception.
        http_callback: a server's, called with the :class:`HttpRequest` of each request that asks
            for no upgrade (health checks, metrics, a page). It returns an :class:`HttpResponse`, or
            None for HTTP 426. Without one such requests get 426 and count as violations. If it
            raises, the client gets HTTP 500, and ``on_error`` says what becomes of the exception.
            ``allowed_origins``, ``refuse_new_connections`` and ``max_peers`` are about peers, not
            about such requests.
        discard_packets: keep no packet for ourselves; for a server that only relays. Not in plain
            mode.
        failure: why the last attempt or connection failed; None if it did not.
    """

    _instead: ClassVar[Mapping[str, str]] = {}
    """Members that a class below does not have, and in a sentence each what it has instead."""

    _puts_in_a_way_of_its_own: ClassVar[bool] = False
    _takes_in_a_way_of_its_own: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Note whether a class below, or a mixin of it, has a way of its own for each packet."""
        super().__init_subclass__()
        cls._puts_in_a_way_of_its_own = _differ(WebSocketMultiplayerPeer, cls, _PUTTING)
        cls._takes_in_a_way_of_its_own = _differ(WebSocketMultiplayerPeer, cls, _TAKING)

    def __init__(self, *, limits: Limits | None = None) -> None:
        super().__init__()
        self.failure: Failure | None = None
        self._handshake_headers: Sequence[str] = ()
        self._supported_protocols: Sequence[str] = ()
        self._engine = SocketEngine[Link]()
        self._reactor = endpoint_over(self._engine, _clock_of(self), eager=True)
        self._inbox = Inbox(self.handlers, self.peer_packet, self._reactor.fetched)
        agenda = Agenda(self.handlers)
        self._commons = Commons(self._reactor, self.handlers, agenda, self._inbox, Statistics())
        self._role = self._role_at_rest()
        self._reactor.eager = not self._role.serves
        self._polling = Polling(self._commons, self._role)
        # Nothing of all that knows us, so that the last reference to us is the user's.
        weakref.finalize(self, self._reactor.close)
        if limits is not None:
            self.limits = limits

    @property
    def _itself(self) -> Self:
        """What roles and envelopes know of this object, without keeping it alive."""
        return weakref.proxy(self)

    def _role_at_rest(self) -> ClientRole | ServerRole:
        """Return the role that answers before the first session."""
        envelope = Godot4Client(self._itself, self._commons)
        return ClientRole(self._itself, self._commons, envelope, WebSocketPeer())

    # ---------------------------------------------------------------- time and chance

    def now(self) -> float:
        """Return ``time.monotonic()``, or in a ``MemoryNetwork`` its time."""
        return self._engine.now()

    def randbits(self, bits: int) -> int:
        """Return ``secrets.randbits(bits)``, or in a ``MemoryNetwork`` its next bits."""
        return self._engine.system.randbits(bits)

    # ---------------------------------------------------------------- settings

    @property
    def handshake_headers(self) -> Sequence[str]:
        """Further header lines of a client's request or a server's answer."""
        return self._handshake_headers

    @handshake_headers.setter
    def handshake_headers(self, lines: Sequence[str]) -> None:
        if lines:
            self._require("handshake_headers")
        self._handshake_headers = lines

    @property
    def supported_protocols(self) -> Sequence[str]:
        """The sub-protocols that a client asks for, or that a server's clients choose from."""
        return self._supported_protocols

    @supported_protocols.setter
    def supported_protocols(self, protocols: Sequence[str]) -> None:
        if protocols:
            self._require("supported_protocols")
        self._supported_protocols = protocols

    def _require(self, name: str) -> None:
        """Raise if this class has something else instead."""
        if name in self._instead:
            raise MultiplayerError(Error.ERR_UNAVAILABLE, self._instead[name])

    def _tell_session(self) -> None:
        self._inbox.discards = self._discard_packets
        if isinstance(self._role, ServerRole):
            self._role.limits = self._limits

    @property
    def _is_server(self) -> bool | None:
        status = self._role.status
        return None if status == ConnectionStatus.CONNECTION_DISCONNECTED else self._role.serves

    @property
    def _is_in_plain_mode(self) -> bool:
        disconnected = self._role.status == ConnectionStatus.CONNECTION_DISCONNECTED
        return not (self._role.envelope.in_session or disconnected)

    # ---------------------------------------------------------------- beginning

    def create_client(self, url: str, tls_client_options: TLSOptions | None = None) -> None:
        """Begin to connect to a Godot 4 server; how it went is told by signals.

        Args:
            url: ``ws://host:port/path``, or ``wss://`` for TLS; port (80, and 443 for ``wss``),
                path ``/`` and the scheme may be left out.
            tls_client_options: how to check a ``wss`` server; None for ``TLSOptions.client()``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this peer is in use;
                ``ERR_INVALID_PARAMETER``: an argument or attribute makes no sense, or the options
                are a server's; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: a certificate cannot
                be read.
        """
        self._require("create_client")
        self._require_idle()
        tls = tls_client_options
        if not isinstance(tls, TLSOptions | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{tls!r} are no TLSOptions; address and port both belong into the URL"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if tls is not None and tls.is_server():
            message = "tls_client_options are a server's; use TLSOptions.client()"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        fields = handshake_fields(self.handshake_headers)
        envelope = Godot4Client(self._itself, self._commons)
        self._connect(url, tls, self.supported_protocols, fields, envelope)

    def create_server(
        self,
        port: int,
        bind_address: str = "*",
        tls_server_options: TLSOptions | None = None,
    ) -> None:
        """Begin to accept clients; the status is CONNECTION_CONNECTED at once.

        Args:
            port: the TCP port; 0 for a free one, which :meth:`get_local_port` tells.
            bind_address: the address to listen at, "*" for every interface.
            tls_server_options: key and certificate for ``wss://``; None for ``ws://``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this peer is in use, or something else has the
                port; ``ERR_CANT_CREATE``: the address cannot be listened at;
                ``ERR_INVALID_PARAMETER``: an argument or attribute makes no sense, or the options
                are a client's; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: key or certificate
                cannot be read.
        """
        self._require("create_server")
        self._require_idle()
        fields = handshake_fields(self.handshake_headers)
        tls = tls_server_options
        if not isinstance(tls, TLSOptions | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{tls!r} are no TLSOptions; use TLSOptions.server(key, certificate)"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        layer = None if tls is None else tls.server_layer
        envelope = Godot4Server(self._itself, self._commons)
        self._listen(port, bind_address, self.supported_protocols, layer, fields, envelope)

    def _require_idle(self) -> None:
        if self._role.status != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "this peer is in use; close() it first, or make another one"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)

    def _connect(
        self,
        url: str,
        tls: TLSOptions | None,
        protocols: Sequence[str],
        headers: Sequence[tuple[bytes, bytes]],
        envelope: ClientEnvelope,
    ) -> None:
        """Begin to be a client.

        Args:
            url: see ``link_to``, also for the next three.
            tls: see there.
            protocols: see there.
            headers: see there.
            envelope: what messages mean.
        """
        in_session, before = envelope.in_session, self._role
        self._check_settings(serving=False, in_session=in_session)
        if before.status != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "this client is in use; close() it first, or make another one"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        settings = self._link_settings(envelope.name)
        link, where = link_to(
            url, settings, tls, protocols, headers, self._reactor, in_session=in_session
        )
        face = before.face if isinstance(before, ClientRole) else WebSocketPeer()
        role = ClientRole(self._itself, self._commons, envelope, face)
        role.begin(link, settings.outbound_buffer_size, self)
        self._reactor.connect(where.host, where.port, link)
        self._take_on(role)

    def _listen(
        self,
        port: int,
        address: str,
        protocols: Sequence[str],
        make_tls: Callable[[], Callable[[], TLSLayer]] | None,
        headers: Sequence[tuple[bytes, bytes]],
        envelope: ServerEnvelope,
    ) -> None:
        """Begin to be a server.

        Args:
            port: the TCP port; 0 for a free one.
            address: the address to listen at, "*" for every interface.
            protocols: the sub-protocols that clients may choose from.
            make_tls: gives what makes the encrypting layer of each connection; None for ``ws://``.
            headers: further header fields of the answer to each client.
            envelope: what messages mean.
        """
        check_address(address, port)
        self._check_settings(serving=True, in_session=envelope.in_session)
        known = check_protocols(protocols)
        settings = self._link_settings(envelope.name)
        if envelope.in_session and self.heartbeat_interval is None:
            settings = replace(settings, heartbeat_interval=SESSION_HEARTBEAT)
        if make_tls is not None:
            settings = replace(settings, tls=make_tls())
        listen(self._reactor, address, port, settings)
        gate = Gate(self._itself, self._commons, known, headers)
        role = ServerRole(self._itself, self._commons, envelope, gate)
        role.begin(settings.outbound_buffer_size)
        self._take_on(role)

    def _take_on(self, role: ClientRole | ServerRole) -> None:
        """Be what has begun, and forget what is left of the last session."""
        self.sessions += 1
        self._role = self._polling.role = role
        self._reactor.eager = not role.serves
        self._reactor.log_bounds.most = self.limits.max_log_lines
        self._inbox.packets.clear()
        self.handlers.clear()
        self.failure = None

    # ---------------------------------------------------------------- polling

    @internal
    @property
    def reactor(self) -> LinkEndpoint:
        """The I/O engine, for whoever drives this peer."""
        return self._reactor

    def poll(self) -> None:
        """Do all I/O that is possible now, emit the signals of what has happened, then send.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener of this peer's own signals.
            Exception: what listeners raised, with ``on_error="raise"``, when everything has had its
                turn: one exception as itself, several as an ``ExceptionGroup``.
        """
        self._polling.poll(self.now)
        if self._role.leaving and self._reactor.idle:
            self.close()

    def wake(self) -> None:
        """Let ``peers.run``, if it runs this peer, poll it at once."""
        self._reactor.wake()

    def flush(self) -> None:
        """Send now what has been put, instead of at the end of the next :meth:`poll`."""
        self._reactor.flush()

    # ---------------------------------------------------------------- ending

    def close(self) -> None:
        """End at once and silently: peers get a close frame 1000, no signal is emitted.

        Nothing is waited for, so the last packets may be lost: of those that the socket does not
        take, and of those that a Godot 4 engine reads together with the close frame. For the last
        word to arrive, use ``disconnect_peer`` or :meth:`begin_leaving` and keep polling, or leave
        the block of ``peers.serve`` or ``peers.connect``.
        """
        self.end_at_once(1000)

    @internal
    def end_at_once(self, code: int) -> None:
        """Do what :meth:`close` does, with another close code.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, _ = self._check_close(code, "")
        self._polling.make_whole()
        inherited = self._reactor.inherited  # then the clients are the parent's, and stay
        self._reactor.close(code)
        self._commons.agenda.steps.clear()
        self.handlers.at_work = None
        self._role.end(silently=inherited)

    def begin_leaving(self, code: int = 1000) -> None:
        """Begin the closing handshakes that lead to CONNECTION_DISCONNECTED; keep polling.

        What was sent arrives before them; see ``close_timeout``.

        Args:
            code: to close with; see ``WebSocketClient.disconnect_from_host``.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, _ = self._check_close(code, "")
        self._role.begin_leaving(code)

    def _check_close(self, code: int, reason: str) -> tuple[int, str]:
        return check_close(code, reason, plain=not self._role.envelope.in_session)

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        """Close the connection with one peer, code 1000; on a client that is the server, 1.

        What was sent before arrives, what is put from now on is dropped. It counts as connected
        until it has answered or ``close_timeout`` is over; keep polling. For another code, or a
        reason, use ``get_peer(peer).close``.

        One that has left is left alone.

        Args:
            peer: its id.
            force: forget the peer at once; no signal is emitted for it, and the last packets may be
                lost.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        self._role.disconnect(peer, 1000, "", force=force)
        if force and not self._role.serves:
            self.close()

    def expel_peer(self, id: int, reason: str) -> None:  # noqa: A002 - Godot's name
        """Close the connection with a peer that broke the rules, with code 1008.

        One that has left is left alone.

        Args:
            id: the peer's.
            reason: cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        code, reason = self._check_close(POLICY_VIOLATION, reason)
        self._role.disconnect(id, code, reason, force=False)

    def note_not_admitted(self, why: str = "") -> None:
        """Let :attr:`failure` be that the API above did not get into the session.

        Args:
            why: in words; "" if it is the server that has ended the connection: the code and reason
                that came, or how it was lost.
        """
        if isinstance(self._role, ClientRole):
            self._role.note_not_admitted(why)

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target (``set_target_peer``), if this is a session.

        Never blocks. An empty buffer, and a server's packet to itself, go nowhere (as in Godot); so
        does one for a client that has left, and is counted, as are those that are put while the
        connection closes. With Godot 4's protocol a client's target does not matter: what is for
        another client goes to the server too, and whatever lies above has to say so in the packet.
        Packets for who reads too slowly may be dropped if they are not reliable (see
        ``transfer_mode``). A server's leave at the end of the next :meth:`poll`, or at
        :meth:`flush`.

        Raises:
            MultiplayerError: ``FAILED``: not connected, not listening, or there never was such a
                target; ``ERR_UNCONFIGURED``: in plain mode, use ``get_peer(id).put_packet``;
                ``ERR_OUT_OF_MEMORY``: longer than ``outbound_buffer_size``;
                ``ERR_INVALID_PARAMETER``: not bytes.
        """
        self._role.put(buffer, self._target_peer, self._transfer_mode, self._transfer_channel)

    def send_packet(
        self,
        packet: bytes,
        target: int,
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet without regard to what ``set_target_peer`` and its like have set.

        Raises:
            MultiplayerError: as these, and as :meth:`put_packet`.
        """
        if self._puts_in_a_way_of_its_own or "put_packet" in vars(self):
            super().send_packet(packet, target, mode, channel)
        else:
            self._role.put(packet, check_id(target), check_mode(mode), check_channel(channel))

    def send_to_members(
        self,
        packet: bytes,
        members: Members,
        excluded: Collection[int] = (),
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet to all of a session's members but some: one frame, however many.

        Raises:
            MultiplayerError: as :meth:`send_packet`.
        """
        role = self._role
        own_way = self._puts_in_a_way_of_its_own or "put_packet" in vars(self)
        if own_way or not (isinstance(role, ServerRole) and role.envelope.sends_to_members):
            super().send_to_members(packet, members, excluded, mode, channel)
            return
        check_channel(channel)  # the envelope has no place for it
        role.send_to_members(packet, members, excluded, check_mode(mode))

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return how many bytes one packet may have.

        That is the ``outbound_buffer_size`` that the session began with, less what the envelope of
        Godot 3 adds; ``sys.maxsize`` if it is 0.

        Args:
            channel: the ``transfer_channel`` that it is to be sent on.
        """
        role = self._role
        if not role.max_packet:
            return sys.maxsize
        envelope = role.envelope
        size = envelope.overhead + (envelope.channel_overhead if channel else 0)
        return max(role.max_packet - size, 0)

    def is_server_relay_supported(self) -> bool:
        """Return whether whatever lies above announces peers to each other and relays.

        False with Godot 3's protocol, where the peer itself announces and relays.
        """
        return True

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched; always 0 in plain mode."""
        return len(self._inbox.packets)

    def _take_packet(self) -> bytes:
        if not self._inbox.packets:
            raise self._nothing_waits()
        return self._inbox.take()

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it, in one call; None if there is none.

        Args:
            handlers: the API's; their ``at_work`` is who sent it, before it is removed.
            asks_how: mode and channel matter.
        """
        if self._takes_in_a_way_of_its_own or "get_packet" in vars(self):
            return super().take_arrived(handlers, asks_how=asks_how)  # somebody looks on
        packets = self._inbox.packets
        if not packets:
            return None
        queued = packets[0]
        handlers.at_work = queued.source
        self._inbox.take()
        self._packet_error = Error.OK
        return queued

    def make_whole(self) -> None:
        """Do after an interrupted poll what the next one would do first."""
        self._polling.make_whole()

    def _next_packet(self) -> Queued[Link]:
        if not self._inbox.packets:
            raise self._nothing_waits()
        return self._inbox.packets[0]

    def _nothing_waits(self) -> MultiplayerError:
        if not self._role.envelope.in_session:
            return no_session("get_packet")
        message = "no packet waits; look at get_available_packet_count() first"
        return MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def get_packet_peer(self) -> int:
        """Return who sent the packet that :meth:`get_packet` returns next.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits; ``ERR_UNCONFIGURED``: in plain
                mode.
        """
        return self._next_packet().source

    def get_packet_channel(self) -> int:
        """Return the ``transfer_channel`` of the packet that :meth:`get_packet` returns next.

        Always 0 if Godot sent or relayed it, and with Godot 4's envelope: engines tell no channel
        over WebSocket.

        Raises:
            MultiplayerError: as :meth:`get_packet_peer`.
        """
        return self._next_packet().channel

    def get_packet_mode(self) -> TransferMode:
        """Return the ``transfer_mode`` of the packet that :meth:`get_packet` returns next.

        Always ``TRANSFER_MODE_RELIABLE`` if Godot sent or relayed it, and with Godot 4's envelope.

        Raises:
            MultiplayerError: as :meth:`get_packet_peer`.
        """
        return self._next_packet().mode

    # ---------------------------------------------------------------- peers and state

    def get_unique_id(self) -> int:
        """Return the own id: 1 on a server; on a client 0 until the server has told it.

        In plain mode a client has none: always 0.
        """
        return self._role.id

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether a client's session is up; on a server, whether it listens."""
        return self._role.status

    def is_plain(self) -> bool:
        """Return whether packets go through ``get_peer(id)`` only (``gd_mp_api=False``)."""
        return not self._role.envelope.in_session

    def get_local_port(self) -> int:
        """Return the TCP port that a server listens at; 0 while it does not."""
        return self._reactor.local_port

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one knows of, ascending; none in plain mode."""
        return self._role.peers() if self._role.envelope.in_session else []

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the connection to one peer.

        A client has one to the server (1), even before connecting. A server's clients that have
        left can be asked for too, for their last packets and their close code, until 256 more have
        left.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none.
        """
        return self._role.get_peer(peer_id)

    def get_backlog(self, peer: int) -> int:
        """Return how many bytes wait to be sent to a peer, frame headers included.

        On a client that is what waits for the server, through which everything goes, whichever
        peer is asked for. 0 for a client that has left, and without a connection.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: a server never had such a client.
        """
        return self._role.backlog(check_id(peer))

    def get_peer_address(self, id: int) -> str:  # noqa: A002 - Godot's name
        """Return the IP address of a peer that we are connected to.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such peer.
        """
        return self._role.link_of(id).address

    def get_peer_port(self, id: int) -> int:  # noqa: A002 - Godot's name
        """Return the TCP port of a peer that we are connected to.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such peer.
        """
        return self._role.link_of(id).port

    def left_silently(self, id: int) -> bool | None:  # noqa: A002 - as elsewhere
        """Return whether a peer has left by itself and without a close frame.

        Args:
            id: the peer's, from its ``peer_disconnected`` on.

        Returns:
            None if it was the client of a ``WebSocketServer`` and closed with 1000 and no reason,
            as an ordinary client does, and as Godot 4 does at once when it cannot make anything of
            what such a server says.
        """
        return self._role.left_silently(id)

    def may_log(self, id: int, level: int) -> bool:  # noqa: A002 - as elsewhere
        """Count a line of the log about what a peer did; return whether it may be written.

        See ``Limits.max_log_lines``. Whoever a client hears of, it is its server that tells.

        Args:
            id: the peer's; it may have left.
            level: of the line, as in ``logging``.
        """
        face = self._role.find(id)
        address = face.address if face is not None else ""
        return self._reactor.log_bounds.allow(address, level, self.now())

    @property
    def statistics(self) -> Statistics:
        """A copy of what all connections together have counted, those that are gone included."""
        total = Statistics()
        total.add(self._commons.past)
        for counted in self._role.snapshots():
            total.add(counted)
        if left_out := self._reactor.log_bounds.left_out:
            total.limits_reached["max_log_lines"] = left_out
        # Not the sum of the links: what those that are gone have sent can still be fetched.
        in_plain_mode = sum(face.get_available_packet_count() for face in self._role.faces())
        total.packets_queued = len(self._inbox.packets) + in_plain_mode
        total.handler_errors = self.handlers.failures
        return total


def _differ(class_: type, below: type, names: Iterable[str]) -> bool:
    """Return whether a class has other members of these names than one above it."""
    return any(getattr(below, name) is not getattr(class_, name) for name in names)


def _clock_of(peer: WebSocketMultiplayerPeer) -> Callable[[], float]:
    """Return ``peer.now`` without keeping the peer alive."""
    reference = weakref.ref(peer)

    def clock() -> float:
        alive = reference()
        return alive.now() if alive is not None else 0.0

    return clock


misplace(
    WebSocketMultiplayerPeer,
    (
        "bind_ip",
        "private_key",
        "tls_certificate",
        "ca_chain",
        "trusted_tls_certificate",
        "verify_tls",
    ),
    "create_client() and create_server() take an address and TLSOptions",
)
