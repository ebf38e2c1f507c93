"""``WebSocketMultiplayerPeer``: a peer of a Godot 4 session. Mirrors the Godot class."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.endpoint.channel_settings import SESSION_HEARTBEAT
from multiplayer.endpoint.client_role import ClientRole
from multiplayer.endpoint.godot4 import Godot4Client, Godot4Server
from multiplayer.endpoint.peer_channel import PeerChannel
from multiplayer.endpoint.returning_role import FIRST_QUERY, ReturningRole
from multiplayer.endpoint.server_role import ServerRole
from multiplayer.misplaced import misplace
from multiplayer.support.internal import internal

from .dialling import Dialling, link_to
from .gate import Gate
from .listening import check_address, listen
from .settings import PeerSettings
from .sockets.endpoint_sockets import EndpointSockets
from .sockets.engine import SocketEngine
from .tls_options import TLSOptions
from .websocket.endpoint import endpoint_over
from .websocket.frames import binary_frame
from .websocket.handshake_headers import check_protocols, handshake_fields
from .websocket_peer import WebSocketPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from multiplayer import Limits
    from multiplayer.endpoint.client_envelope import ClientEnvelope
    from multiplayer.endpoint.peer_channel import PeerEndpoint
    from multiplayer.endpoint.server_envelope import ServerEnvelope
    from multiplayer.endpoint.server_role import Gate as ServerGate

    from .sockets.system import System
    from .websocket.settings import LinkSettings
    from .websocket.tls import TLSLayer


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
            default, for 15 on the server of a session and on clients that ``resume``, and never
            on other clients and in plain mode.
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
    """Settings that a subclass does not have, each with a sentence on what it has instead."""

    def __init__(self, *, limits: Limits | None = None) -> None:
        self._handshake_headers: Sequence[str] = ()
        self._supported_protocols: Sequence[str] = ()
        self._engine = EndpointSockets[PeerChannel]()
        make_endpoint = partial(endpoint_over, self._engine, eager=True)
        super().__init__(make_endpoint, binary_frame, WebSocketPeer(), limits=limits)

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

    @internal
    def token_time(self) -> float:
        """Return ``time.time()``, or in a ``MemoryNetwork`` its time."""
        return self._engine.system.wall_time()

    def use_engine(self, engine: SocketEngine) -> None:
        """Let this peer's sockets wait in one place with those of others.

        Args:
            engine: that place; see ``docs/drivers.md``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: the peer has connected or listened, or has an
                engine or a network already; ``ERR_INVALID_PARAMETER``: it is not an engine.
        """
        if not isinstance(engine, SocketEngine):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{engine!r} is not a SocketEngine; make one with peers.SocketEngine()"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self.live_in(engine.system())

    @internal
    def live_in(self, system: System) -> None:
        """Have another system, before anything begins.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: see :meth:`use_engine`.
        """
        self._engine.live_in(system)

    @internal
    def endpoints(self) -> list[PeerEndpoint]:
        """Return what has the connections."""
        return [self._endpoint]

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
        self._require_idle()
        fields = handshake_fields(self.handshake_headers)
        tls = tls_server_options
        if not isinstance(tls, TLSOptions | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{tls!r} is not a TLSOptions; use TLSOptions.server(key, certificate)"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        layer = None if tls is None else tls.server_layer
        envelope = Godot4Server(self._itself, self._commons)
        self._listen(port, bind_address, self.supported_protocols, layer, fields, envelope)

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
        dialled = url, settings, tls, protocols, headers, self._endpoint
        resume = self._resume
        query = "" if resume is None else FIRST_QUERY
        link, where = link_to(*dialled, in_session=in_session, query=query)
        parts = self._itself, self._commons, envelope, self._face
        role = ClientRole(*parts)
        if resume is not None:
            role = ReturningRole(*parts, resume, Dialling(*dialled))
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
        settings = self._server_settings(envelope)
        if make_tls is not None:
            settings = replace(settings, tls=make_tls())
        listen(self._endpoint, address, port, settings)
        self._serve(settings, known, headers, envelope)

    def _server_settings(self, envelope: ServerEnvelope) -> LinkSettings:
        settings = self._link_settings(envelope.name)
        if envelope.in_session and self.heartbeat_interval is None:
            return replace(settings, heartbeat_interval=SESSION_HEARTBEAT)
        return settings

    def _serve(
        self,
        settings: LinkSettings,
        protocols: tuple[str, ...],
        headers: Sequence[tuple[bytes, bytes]],
        envelope: ServerEnvelope,
    ) -> None:
        """Take on the role of a server; see :meth:`_listen` for the arguments."""
        gate = self._make_gate(protocols, headers)
        role = ServerRole(self._itself, self._commons, envelope, gate)
        role.begin(settings.outbound_buffer_size)
        self._take_on(role)

    def _make_gate(
        self, protocols: tuple[str, ...], headers: Sequence[tuple[bytes, bytes]]
    ) -> ServerGate:
        return Gate(self._itself, self._commons, protocols, headers)

    # ---------------------------------------------------------------- without a port

    def _room_envelope(self) -> ServerEnvelope:
        return Godot4Server(self._itself, self._commons)

    @internal
    def begin_room(self, headers: Sequence[tuple[bytes, bytes]]) -> LinkSettings:
        """Be a server without a port, whose connections are another endpoint's at first.

        Args:
            headers: additional header fields of the response to each client.

        Returns:
            What the connections are to be made with that come.

        Raises:
            MultiplayerError: as for :meth:`create_server`.
        """
        self._require_idle()
        envelope = self._room_envelope()
        self._check_settings(serving=True, in_session=True)
        known = check_protocols(self.supported_protocols)
        settings = self._server_settings(envelope)
        self._endpoint.serve_many(settings.outbound_buffer_size, settings.limits)
        self._serve(settings, known, headers, envelope)
        return settings

    @internal
    def count_clients(self) -> int:
        """Return how many clients a server has, those without a connection too."""
        return len(self._role.clients) if isinstance(self._role, ServerRole) else 0

    @internal
    def clients_at(self, address: str) -> int:
        """Return how many clients a server has from that address."""
        role = self._role
        return role.clients.at_address(address) if isinstance(role, ServerRole) else 0

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the connection to one peer.

        A client has one to the server (1), even before connecting. A server also returns those of
        clients that have left, for their last packets and their close code, until 256 more have
        left.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none.
        """
        return cast("WebSocketPeer", super().get_peer(peer_id))


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
