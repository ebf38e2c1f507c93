"""``WebSocketClient``: a client of any WebSocket server, or of a gd_mp session. Mirrors Godot's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, Error, MultiplayerError, Signal
from multiplayer.misplaced import misplace
from multiplayer.wire.envelopes import godot3 as gd_mp

from .certificates import PEM
from .failure import Failure
from .locked_setting import LockedSetting
from .seed_peer import SeedPeer
from .tls_options import TLSOptions
from .websocket.close_codes import PROTOCOL_ERROR, check_close, without_nul
from .websocket.handshake_headers import header_fields
from .websocket_peer import check_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer import Limits, TransferMode

    from .websocket.frames import CloseReceived, Message
    from .websocket.link import Link


class WebSocketClient(SeedPeer):
    """A WebSocket client (Godot 3 and early 4: ``WebSocketClient``).

    In plain mode it talks to any RFC 6455 server through ``get_peer(1)``. In gd_mp mode it is a
    peer of a Godot session, with the methods and signals of ``MultiplayerPeer``.

    Order of signals in gd_mp mode. Up: ``connection_established``, then, when the server has told
    our id, ``peer_connected(1)``, ``connection_succeeded`` and ``peer_connected`` for each client.
    Never up: ``peer_disconnected`` for whoever was announced all the same, ``connection_error``,
    ``connection_failed``. Down: ``server_close_request`` if the
    server began, then ``peer_disconnected`` for each peer, the server last, ``server_disconnected``
    and ``connection_closed``.

    Attributes:
        trusted_tls_certificate: for ``wss://``, the only certificate to trust, an authority's or
            the server's own, as PEM text, PEM bytes or a path; None for what the system trusts. The
            host name is checked all the same. Not while connecting or connected.
        verify_tls: False to connect to anybody who speaks TLS, whatever certificate and name they
            have: for experiments. Not while connecting or connected.
    """

    trusted_tls_certificate = LockedSetting[PEM | None](None)
    verify_tls = LockedSetting[bool](True)

    connection_established = Signal[str]("protocol")
    """The WebSocket connection is open, with this sub-protocol ("" for none)."""
    connection_error = Signal[()]()
    """The connection (in gd_mp mode: the session) never came up; ``failure`` says why."""
    connection_closed = Signal[bool]("was_clean_close")
    """The connection has ended; cleanly if close frames went both ways."""
    data_received = Signal[()]()
    """A packet can be fetched from ``get_peer(1)``; plain mode only."""
    server_close_request = Signal[int, str]("code", "reason")
    """The server closes the connection; keep polling until ``connection_closed``."""

    _envelope = "gd_mp"

    _begins_with = ("WebSocketClient", "connect_to_url(url, gd_mp_api=True)")

    _headers_instead = "connect_to_url(url, custom_headers=…) sends headers"
    _protocols_instead = "connect_to_url(url, protocols=…) asks for sub-protocols"

    def __init__(self, *, limits: Limits | None = None) -> None:
        super().__init__(limits=limits)
        self._mp_mode = False
        self._session = gd_mp.ClientSession()
        self._told: set[int] = set()  # whom the program knows to be there

    # ---------------------------------------------------------------- connecting

    def connect_to_url(
        self,
        url: str,
        protocols: Sequence[str] = (),
        gd_mp_api: bool = False,
        custom_headers: Sequence[str] = (),
    ) -> None:
        """Begin to connect; how it went is told by signals.

        A listener may call this as soon as the status is CONNECTION_DISCONNECTED. Signals of the
        old connection that were still to come are emitted all the same, before those of the new.

        Args:
            url: ``ws://host:port/path``, or ``wss://`` for TLS; port (80, and 443 for ``wss``),
                path ``/`` and the scheme may be left out.
            protocols: the sub-protocols to ask for. The server must choose one of them, or none if
                there are none (as Godot demands).
            gd_mp_api: be a peer of a Godot session.
            custom_headers: further header lines for the request, as ``"Name: value"``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: connecting or connected already;
                ``ERR_INVALID_PARAMETER``: an argument, or :attr:`trusted_tls_certificate`, makes
                no sense; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: it is a path that cannot
                be read.
        """
        trusted = self.trusted_tls_certificate
        tls = None if trusted is None else TLSOptions.client(trusted)
        if not self.verify_tls:
            tls = TLSOptions.client_unsafe(trusted)
        fields = header_fields(custom_headers)
        self._connect(url, tls, protocols, fields, dialect=gd_mp_api, mp_mode=gd_mp_api)
        self._session = gd_mp.ClientSession()
        self._told = set()

    def disconnect_from_host(self, code: int = 1000, reason: str = "") -> None:
        """Begin to close the connection (RFC 6455 section 7.1.2); without one, do nothing.

        What was sent before arrives. The status stays as it is until the server has answered or
        ``close_timeout`` is over. Keep polling until then: in plain mode the close frame leaves
        when the server has read what was sent (see ``close_timeout``); in gd_mp mode at once.

        Args:
            code: 1000 to 1003, 1007 to 1011, 3000 to 4999; 0 sends neither code nor reason. In
                plain mode also 1012 to 1014, which a Godot engine does not understand: use 4012
                and 4013.
            reason: cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        self._server.close(*check_close(code, reason, plain=not self._mp_mode))

    # ---------------------------------------------------------------- what happens

    def _opened(self, link: Link) -> None:
        self._session.agreed = link.dialect > 0
        if not self._mp_mode:
            self._server.status = ConnectionStatus.CONNECTION_CONNECTED
        self._then_emit(self.connection_established, gd_mp.SERVER_ID, link.protocol)

    def _told_to_close(self, link: Link, event: CloseReceived) -> None:
        del link
        reason = without_nul(event.reason)
        self._then_emit(self.server_close_request, gd_mp.SERVER_ID, event.code, reason)

    def _take_message(self, link: Link, message: Message) -> None:
        if not self._mp_mode:
            self._server.peer.store(message)
            self.handlers.emit(self.data_received, gd_mp.SERVER_ID)
            return
        happened = self._session.receive(message.data)
        if isinstance(happened, gd_mp.Received):
            if not happened.announced:
                link.violate("unannounced_sender")
            _, payload, _, mode, channel = happened
            size = len(message.data)
            self._receive(link, happened.source, payload, size, mode, channel)
            return
        link.fetched(len(message.data))
        if isinstance(happened, gd_mp.Violation):
            link.violate(happened)
        elif isinstance(happened, gd_mp.OtherGeneration):
            link.close(PROTOCOL_ERROR, "this is no gd_mp session", self.now())
            self._end_of_server(Failure("id", happened.detail), clean=False)
        elif isinstance(happened, gd_mp.Left):
            self._tell_left(happened.peer)
        elif isinstance(happened, gd_mp.Joined):
            self._tell_joined(link, happened)

    def _tell_left(self, peer: int) -> None:
        self._then(
            partial(self._told.discard, peer),
            self.handlers.emission(self.peer_disconnected, peer, peer),
            partial(self.handlers.forget, peer),
        )

    def _tell_joined(self, link: Link, joined: gd_mp.Joined) -> None:
        peer, emission = joined.peer, self.handlers.emission
        steps: list[Callable[[], object]] = [partial(self._told.add, peer)]
        if joined.completes:
            steps.append(partial(self._came_up, link))
        steps.append(emission(self.peer_connected, peer, peer))
        if joined.completes:
            steps.append(emission(self.connection_succeeded, peer))
        self._then(*steps)

    def _words_of_the_end(self, *, was_up: bool, clean: bool) -> list[Callable[[], object]]:
        server, emission = gd_mp.SERVER_ID, self.handlers.emission
        words: list[Callable[[], object]] = []
        # Whoever was announced has gone, even if the session never came up: the server last.
        for peer in sorted(self._told, key=lambda peer: (peer == server, peer)):
            words.append(emission(self.peer_disconnected, peer, peer))  # noqa: PERF401
        words.append(self._told.clear)
        if not was_up:
            words.append(emission(self.connection_error, server))
            if self._mp_mode:
                words.append(emission(self.connection_failed, server))
            return words
        if self._mp_mode:
            words.append(emission(self.server_disconnected, server))
        words.append(emission(self.connection_closed, server, clean))
        return words

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target (see ``set_target_peer``); gd_mp mode only.

        Never blocks. An empty buffer sends nothing (as in Godot). While the connection is closing,
        packets are dropped and counted, as are those for a client that has left; while the server
        reads too slowly, those that are not reliable (see ``transfer_mode``).

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: in plain mode, use ``get_peer(1).put_packet``;
                ``FAILED``: not connected; ``ERR_OUT_OF_MEMORY``: longer than
                ``outbound_buffer_size``; ``ERR_INVALID_PARAMETER``: not bytes.
        """
        self._put(buffer, self._target_peer, self._transfer_mode, self._transfer_channel)

    def _put(self, packet: bytes, target: int, mode: TransferMode, channel: int) -> None:
        data = check_packet(packet, self._max_packet, envelope=gd_mp.header_size(channel))
        if not data:
            return
        self._require_mp_mode("put_packet")
        link = self._server_link()
        if target in self._session.left:
            link.drop("departed")
            return
        framed = gd_mp.packet(self._session.id, target, data, mode, channel)
        message = framed if link.dialect else gd_mp.plain(framed)
        self._reactor.send(link, message, mode=mode)

    # ---------------------------------------------------------------- state

    @property
    def _is_server(self) -> bool:
        return False

    def _require_relay(self, name: str, instead: str) -> None:
        message = (
            f"{name} is for servers; a client that takes the server alone has an API with "
            f"{instead} set"
        )
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def get_unique_id(self) -> int:
        """Return the own id; 0 until the server has told it, and always in plain mode."""
        return self._session.id

    def _announced_peers(self) -> list[int]:
        return sorted(self._session.peers) if super()._announced_peers() else []

    def get_connected_host(self) -> str:
        """Return the server's IP address.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection.
        """
        return self._server.peer.get_connected_host()

    def get_connected_port(self) -> int:
        """Return the server's TCP port.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection.
        """
        return self._server.peer.get_connected_port()


misplace(WebSocketClient, ("verify_ssl",), "Godot 4 calls it verify_tls")
misplace(WebSocketClient, ("trusted_ssl_certificate",), "Godot 4 calls it trusted_tls_certificate")
misplace(
    WebSocketClient,
    ("bind_ip", "private_key", "tls_certificate", "ca_chain"),
    "it is a setting of servers",
)
