"""``WebSocketMultiplayerPeer``: a peer of a Godot 4 session. Mirrors the Godot class."""

from __future__ import annotations

import sys
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from multiplayer import ConnectionStatus, Error, MultiplayerError, TransferMode
from multiplayer.addressing import check_channel, check_id, check_mode
from multiplayer.endpoint.agenda import Agenda
from multiplayer.endpoint.client_role import ClientRole
from multiplayer.endpoint.commons import Commons
from multiplayer.endpoint.godot4 import Godot4Client, Godot4Server
from multiplayer.endpoint.inbox import Inbox, no_session
from multiplayer.endpoint.peer_channel import PeerChannel
from multiplayer.endpoint.polling import Polling
from multiplayer.endpoint.server_role import ServerRole
from multiplayer.endpoint.statistics import Statistics
from multiplayer.misplaced import misplace
from multiplayer.support.internal import internal

from .dialling import link_to
from .gate import Gate
from .listening import check_address, listen
from .settings import PeerSettings
from .sockets.engine import SocketEngine
from .tls_options import TLSOptions
from .websocket.close_codes import POLICY_VIOLATION, check_close
from .websocket.endpoint import endpoint_over
from .websocket.frames import binary_frame
from .websocket.handshake_headers import check_protocols, handshake_fields
from .websocket.settings import SESSION_HEARTBEAT
from .websocket_peer import WebSocketPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Self

    from multiplayer import Limits
    from multiplayer.api_hooks import Arrived
    from multiplayer.endpoint.client_role import ClientEnvelope
    from multiplayer.endpoint.failure import Failure
    from multiplayer.endpoint.inbox import Queued
    from multiplayer.endpoint.peer_channel import PeerEndpoint
    from multiplayer.endpoint.server_role import ServerEnvelope
    from multiplayer.handlers import Handlers
    from multiplayer.members import Members

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

    By itself it speaks Godot 4's protocol: the server gives each client an id, and then every
    message is one packet between a client and the server. Clients do not see each other; the layer
    above (``SceneMultiplayer``) announces and relays. ``WebSocketClient`` and ``WebSocketServer``
    are the same with Godot 3's protocol, or none.

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
        handshake_headers: additional header lines for a client's request or a server's response, as
            ``"Name: value"``.
        supported_protocols: the sub-protocols that a client asks for, or that a server lets its
            clients choose from. Both sides must have one in common, or none at all (as Godot
            demands).
        close_timeout: how long to wait for the answer to a close frame once it has left, in
            seconds; more than 0. Before it, as long again may pass until the other side has read
            what was sent: not in a gd_mp session, but with Godot 4's protocol and in plain mode,
            because a Godot 4 engine throws away what it reads together with a close frame.
            Altogether a connection ends within twice this time.
        heartbeat_interval: after how many seconds of silence to ping. A peer that stays silent for
            three times as long, although it was pinged twice, is gone. 0 for never; None, the
            default, for 15 on the server of a session, and never on clients and in plain mode.
        inbound_buffer_size: the longest message to accept, in bytes.
        outbound_buffer_size: how many bytes may wait for a peer that reads too slowly, and the
            longest packet to send, in bytes; 0 for any number.
        max_unreliable_ordered: how many unreliable_ordered packets may wait for a peer that reads
            too slowly before the oldest of them is dropped.
        max_queued_packets: once this many packets of a peer wait to be fetched, the peer is not
            read until some have been.
        limits: those that Godot does not have, a :class:`Limits`.
        allowed_origins: the origins of the web pages, like ``https://example.org``, whose browsers
            a server accepts; None for any. Clients that send no ``Origin`` are not browsers, and
            are accepted.
        upgrade_callback: on servers, called with the :class:`UpgradeRequest` of each client that
            would be accepted. It returns None or ``Accept(headers, userdata)`` to accept the
            client, or ``Refuse(status, text)``. If it raises, the client gets HTTP 500, and
            ``on_error`` decides what happens to the exception.
        http_callback: on servers, called with the :class:`HttpRequest` of each request that asks
            for no upgrade (health checks, metrics, a page). It returns an :class:`HttpResponse`, or
            None for HTTP 426. Without a callback such requests get 426 and count as violations. If
            it raises, the client gets HTTP 500, and ``on_error`` decides what happens to the
            exception. ``allowed_origins``, ``refuse_new_connections`` and ``max_peers`` apply to
            peers, not to such requests.
        discard_packets: keep no packets; for a server that only relays. Not in plain mode.
        failure: why the last attempt or connection failed; None if it did not.
    """

    _instead: ClassVar[Mapping[str, str]] = {}
    """Members that a subclass does not have, each with a sentence on what it has instead."""

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
        self._engine = SocketEngine[PeerChannel]()
        self._endpoint = endpoint_over(self._engine, _clock_of(self), eager=True)
        self._inbox = Inbox(self.handlers, self.peer_packet, self._endpoint.fetched)
        agenda = Agenda(self.handlers)
        self._commons = Commons(
            self._endpoint, self.handlers, agenda, self._inbox, Statistics(), binary_frame
        )
        self._face = WebSocketPeer()  # of all our connections to servers, one after another
        self._role = self._role_at_rest()
        self._endpoint.eager = not self._role.serves
        self._polling = Polling(self._commons, self._role)
        # None of these knows us, so that the last reference to us is the user's.
        weakref.finalize(self, self._endpoint.close)
        if limits is not None:
            self.limits = limits

    @property
    def _itself(self) -> Self:
        """This object as roles and envelopes know it, without keeping it alive."""
        return weakref.proxy(self)

    def _role_at_rest(self) -> ClientRole | ServerRole:
        """Return the role that answers before the first session."""
        envelope = Godot4Client(self._itself, self._commons)
        return ClientRole(self._itself, self._commons, envelope, self._face)

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
        """Additional header lines for a client's request or a server's response."""
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
        """Begin to connect to a Godot 4 server; signals report how it went.

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
            message = f"{tls!r} is not a TLSOptions; address and port both belong in the URL"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if tls is not None and tls.is_server():
            message = "tls_client_options are for a server; use TLSOptions.client()"
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
            port: the TCP port; 0 for a free one, see :meth:`get_local_port`.
            bind_address: the address to listen on, "*" for every interface.
            tls_server_options: key and certificate for ``wss://``; None for ``ws://``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this peer is in use, or something else has the
                port; ``ERR_CANT_CREATE``: it cannot listen on the address;
                ``ERR_INVALID_PARAMETER``: an argument or attribute makes no sense, or the options
                are a client's; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: key or certificate
                cannot be read.
        """
        self._require("create_server")
        self._require_idle()
        fields = handshake_fields(self.handshake_headers)
        tls = tls_server_options
        if not isinstance(tls, TLSOptions | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{tls!r} is not a TLSOptions; use TLSOptions.server(key, certificate)"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        layer = None if tls is None else tls.server_layer
        envelope = Godot4Server(self._itself, self._commons)
        self._listen(port, bind_address, self.supported_protocols, layer, fields, envelope)

    def _require_idle(self) -> None:
        if self._role.status != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "this peer is in use; close() it first, or make another"
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
        in_session = envelope.in_session
        self._check_settings(serving=False, in_session=in_session)
        if self._role.status != ConnectionStatus.CONNECTION_DISCONNECTED:
            message = "this client is in use; close() it first, or make another"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        settings = self._link_settings(envelope.name)
        link, where = link_to(
            url, settings, tls, protocols, headers, self._endpoint, in_session=in_session
        )
        role = ClientRole(self._itself, self._commons, envelope, self._face)
        role.begin(link, settings.outbound_buffer_size, self)
        self._endpoint.connect(where.host, where.port, link)
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
            address: the address to listen on, "*" for every interface.
            protocols: the sub-protocols that clients may choose from.
            make_tls: returns what makes each connection's encrypting layer; None for ``ws://``.
            headers: additional header fields of the response to each client.
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
        listen(self._endpoint, address, port, settings)
        gate = Gate(self._itself, self._commons, known, headers)
        role = ServerRole(self._itself, self._commons, envelope, gate)
        role.begin(settings.outbound_buffer_size)
        self._take_on(role)

    def _take_on(self, role: ClientRole | ServerRole) -> None:
        """Take on a new role, and forget what is left of the last session."""
        self.sessions += 1
        self._role = self._polling.role = role
        self._endpoint.eager = not role.serves
        self._endpoint.log_bounds.most = self.limits.max_log_lines
        self._inbox.packets.clear()
        self.handlers.clear()
        self.failure = None

    # ---------------------------------------------------------------- polling

    @internal
    @property
    def endpoint(self) -> PeerEndpoint:
        """The endpoint, for whoever drives this peer."""
        return self._endpoint

    def poll(self) -> None:
        """Do all I/O that is possible now, emit signals for what has happened, then send.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a listener of this peer's own signals.
            Exception: what listeners raised, with ``on_error="raise"``, once everything has been
                handled: one exception as itself, several as an ``ExceptionGroup``.
        """
        self._polling.poll(self.now)
        if self._role.leaving and self._endpoint.idle:
            self.close()

    def wake(self) -> None:
        """Make ``peers.run``, if it runs this peer, poll it at once."""
        self._endpoint.wake()

    def flush(self) -> None:
        """Send what has been put, now instead of at the end of the next :meth:`poll`."""
        self._endpoint.flush()

    # ---------------------------------------------------------------- ending

    def close(self) -> None:
        """End at once and silently: peers get a close frame 1000, no signal is emitted.

        It waits for nothing, so the last packets may be lost: those that the socket does not take,
        and those that a Godot 4 engine reads together with the close frame. If the last packets
        must arrive, use ``disconnect_peer`` or :meth:`begin_leaving` and keep polling, or leave the
        block of ``peers.serve`` or ``peers.connect``.
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
        inherited = self._endpoint.inherited  # then the clients are the parent's, and stay
        self._endpoint.close(code)
        self._commons.agenda.steps.clear()
        self.handlers.at_work = None
        self._role.end(silently=inherited)

    def begin_leaving(self, code: int = 1000) -> None:
        """Begin the closing handshakes that lead to CONNECTION_DISCONNECTED; keep polling.

        What was sent arrives before them; see ``close_timeout``.

        Args:
            code: the close code; see ``WebSocketClient.disconnect_from_host``.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, _ = self._check_close(code, "")
        self._role.begin_leaving(code)

    def _check_close(self, code: int, reason: str) -> tuple[int, str]:
        return check_close(code, reason, plain=not self._role.envelope.in_session)

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        """Close the connection to a peer with code 1000; on a client that is the server, 1.

        What was sent before arrives, what is put from now on is dropped. The peer counts as
        connected until it has answered or ``close_timeout`` is over; keep polling. For another
        code, or a reason, use ``get_peer(peer).close``.

        A peer that has left is left alone.

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
        """Close the connection to a peer that broke the rules, with code 1008.

        A peer that has left is left alone.

        Args:
            id: the peer's id.
            reason: cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a peer.
        """
        code, reason = self._check_close(POLICY_VIOLATION, reason)
        self._role.disconnect(id, code, reason, force=False)

    def note_not_admitted(self, why: str = "") -> None:
        """Make :attr:`failure` say that the API above did not get into the session.

        Args:
            why: in words; "" if the server ended the connection: then the code and reason that
                came, or how it was lost.
        """
        if isinstance(self._role, ClientRole):
            self._role.note_not_admitted(why)

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target (``set_target_peer``), if this is a session.

        Never blocks. An empty buffer, and a server's packet to itself, go nowhere (as in Godot).
        So do packets for a client that has left, and those put while the connection is closing;
        these are counted. With Godot 4's protocol a client's target does not matter: packets for
        another client go to the server, too, and the layer above has to say so in the packet.
        Packets for a peer that reads too slowly may be dropped if they are not reliable (see
        ``transfer_mode``). A server's packets leave at the end of the next :meth:`poll`, or at
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
        """Send one packet, ignoring what ``set_target_peer`` and the like have set.

        Raises:
            MultiplayerError: as for these, and for :meth:`put_packet`.
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
        """Send one packet to all of a session's members except some: one frame, however many.

        Raises:
            MultiplayerError: as for :meth:`send_packet`.
        """
        role = self._role
        own_way = self._puts_in_a_way_of_its_own or "put_packet" in vars(self)
        if own_way or not (isinstance(role, ServerRole) and role.envelope.sends_to_members):
            super().send_to_members(packet, members, excluded, mode, channel)
            return
        check_channel(channel)  # the envelope has no room for it
        role.send_to_members(packet, members, excluded, check_mode(mode))

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return how many bytes one packet may have.

        That is the ``outbound_buffer_size`` with which the session began, less what Godot 3's
        envelope adds; ``sys.maxsize`` if it is 0.

        Args:
            channel: the ``transfer_channel`` to send it on.
        """
        role = self._role
        if not role.max_packet:
            return sys.maxsize
        envelope = role.envelope
        size = envelope.overhead + (envelope.channel_overhead if channel else 0)
        return max(role.max_packet - size, 0)

    def is_server_relay_supported(self) -> bool:
        """Return whether the layer above announces peers to each other and relays.

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
            handlers: the API's; their ``at_work`` becomes the sender before it is removed.
            asks_how: whether mode and channel matter.
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
        """After an interrupted poll, do what the next one would do first."""
        self._polling.make_whole()

    def _next_packet(self) -> Queued[PeerChannel]:
        if not self._inbox.packets:
            raise self._nothing_waits()
        return self._inbox.packets[0]

    def _nothing_waits(self) -> MultiplayerError:
        if not self._role.envelope.in_session:
            return no_session("get_packet")
        message = "no packet waits; check get_available_packet_count() first"
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

        Always 0 if Godot sent or relayed it, and with Godot 4's envelope: engines send no channel
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
        """Return our own id: 1 on a server; on a client 0 until the server has sent it.

        In plain mode a client has none: it is always 0.
        """
        return self._role.id

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether a client's session is up; on a server, whether it listens."""
        return self._role.status

    def is_plain(self) -> bool:
        """Return whether packets go only through ``get_peer(id)`` (``gd_mp_api=False``)."""
        return not self._role.envelope.in_session

    def get_local_port(self) -> int:
        """Return the TCP port that a server listens on; 0 while it does not."""
        return self._endpoint.local_port

    def get_peers(self) -> list[int]:
        """Return the ids of the peers that this one knows of, ascending; none in plain mode."""
        return self._role.peers() if self._role.envelope.in_session else []

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the connection to one peer.

        A client has one to the server (1), even before connecting. A server also returns those of
        clients that have left, for their last packets and their close code, until 256 more have
        left.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none.
        """
        return cast("WebSocketPeer", self._role.get_peer(peer_id))

    def get_backlog(self, peer: int) -> int:
        """Return how many bytes wait to be sent to a peer, frame headers included.

        On a client that is what waits for the server, through which everything goes, whatever peer
        you ask for. 0 for a client that has left, and without a connection.

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
        """Return whether a peer left by itself and without a close frame.

        Args:
            id: the peer's id, from its ``peer_disconnected`` on.

        Returns:
            None if it was a client of a ``WebSocketServer`` and closed with 1000 and no reason, as
            an ordinary client does, and as Godot 4 does at once if it does not understand such a
            server.
        """
        return self._role.left_silently(id)

    def may_log(self, id: int, level: int) -> bool:  # noqa: A002 - as elsewhere
        """Count a log line about what a peer did; return whether it may be written.

        See ``Limits.max_log_lines``. Whatever a client hears of others, it hears from its server.

        Args:
            id: the peer's id; the peer may have left.
            level: the line's level, as in ``logging``.
        """
        face = self._role.find(id)
        address = face.address if face is not None else ""
        return self._endpoint.log_bounds.allow(address, level, self.now())

    @property
    def statistics(self) -> Statistics:
        """A copy of the counts of all connections together, including those that are gone."""
        total = Statistics()
        total.add(self._commons.past)
        for counted in self._role.snapshots():
            total.add(counted)
        if left_out := self._endpoint.log_bounds.left_out:
            total.limits_reached["max_log_lines"] = left_out
        # Not the sum of the links: what those that are gone sent can still be fetched.
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
