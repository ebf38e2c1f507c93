"""``WebSocketClient``: a client of any WebSocket server, or of a gd_mp session. Mirrors Godot's."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, Error, MultiplayerError, Signal
from multiplayer.wire import gd_mp

from .certificates import PEM, client_context
from .close_codes import check_close, without_nul
from .failure import Failure
from .frames import Broken, CloseReceived, Message
from .link import Link
from .link_events import Ended, Failed, LinkEvent, Opened
from .locked_setting import LockedSetting
from .tls import TLSLayer
from .upgrade import ClientUpgrade, check_protocols, header_fields
from .url import parse_url
from .websocket_multiplayer_peer import WebSocketMultiplayerPeer
from .websocket_peer import WebSocketPeer, check_packet

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)


class WebSocketClient(WebSocketMultiplayerPeer):
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

    def __init__(self) -> None:
        super().__init__(eager=True)
        self._status = ConnectionStatus.CONNECTION_DISCONNECTED
        self._link: Link | None = None
        self._session = gd_mp.ClientSession()
        self._server_peer = WebSocketPeer()

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
        if self._link is not None:
            message = "this client is in use; close() it first, or make another one"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        where = parse_url(url)
        settings = self._settings()
        if where.tls:
            context = client_context(self.trusted_tls_certificate, verify=self.verify_tls)
            settings = replace(settings, tls=partial(TLSLayer, context, where.host))
        upgrade = ClientUpgrade(
            where.host_header,
            where.target,
            check_protocols(protocols),
            header_fields(custom_headers),
            dialect=gd_mp_api,
        )
        link = Link(settings, self._reactor, upgrade, self.now(), awaits_id=gd_mp_api)
        link.peer_id = gd_mp.SERVER_ID
        self._link = link
        self._gd_mp = gd_mp_api
        self._session = gd_mp.ClientSession()
        self._status = ConnectionStatus.CONNECTION_CONNECTING
        self._inbox.clear()
        self.failure = None
        self._max_packet = settings.outbound_buffer_size
        self._server_peer.attach(link, self._reactor, self._max_packet)
        self._reactor.connect(where.host, where.port, link)

    def disconnect_from_host(self, code: int = 1000, reason: str = "") -> None:
        """Begin to close the connection (RFC 6455 section 7.1.2); without one, do nothing.

        The status stays as it is until the server has answered or ``close_timeout`` is over.

        Args:
            code: 1000 to 1003, 1007 to 1013, 3000 to 4999; 0 sends neither code nor reason.
            reason: cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, reason = check_close(code, reason)
        if self._link is not None:
            self._link.close(code, reason, self.now())

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        """Do what :meth:`disconnect_from_host` does, for peer 1; with ``force``, :meth:`close`."""
        self.get_peer(peer)
        if force:
            self.close()
        else:
            self.disconnect_from_host()

    def end_at_once(self, code: int) -> None:
        """Do what :meth:`close` does, with another close code."""
        self._reactor.close(code)
        self._steps.clear()
        self._forget()

    def begin_leaving(self) -> None:
        """Begin the closing handshake that leads to CONNECTION_DISCONNECTED."""
        self.disconnect_from_host()

    def _forget(self) -> None:
        if self._link is not None:
            self._past.add(self._link.statistics)
        self._server_peer.detach()
        self._link = None
        self._status = ConnectionStatus.CONNECTION_DISCONNECTED

    # ---------------------------------------------------------------- what happens

    def _handle(self, link: Link, event: LinkEvent) -> None:
        if link is not self._link:
            return  # an earlier connection that still lingers
        if isinstance(event, Message):
            self._take_message(link, event)
        elif isinstance(event, Opened):
            self._session.agreed = link.dialect > 0
            if not self._gd_mp:
                self._status = ConnectionStatus.CONNECTION_CONNECTED
            self.connection_established.emit(event.protocol)
        elif isinstance(event, CloseReceived):
            reason = without_nul(event.reason)
            self._then(
                partial(self.server_close_request.emit, event.code, reason),
                partial(self._answer_close, link, event),
            )
        elif isinstance(event, Broken):
            link.violate(f"rfc6455_{event.code}")
            link.fail(event, self.now())
            self._go_down(link.failure, clean=False)
        elif isinstance(event, Failed):
            self._go_down(event.failure, clean=False)
        elif isinstance(event, Ended):
            self._go_down(event.failure, clean=event.clean)

    def _answer_close(self, link: Link, event: CloseReceived) -> None:
        if link is self._link:
            link.answer_close(event, self.now())

    def _take_message(self, link: Link, message: Message) -> None:
        if not self._gd_mp:
            self._server_peer.store(message)
            self.data_received.emit()
            return
        happened = self._session.receive(message.data)
        if isinstance(happened, gd_mp.Received):
            if not happened.announced:
                link.violate("unannounced_sender")
            _, payload, _, mode, channel = happened
            self._receive(link, happened.source, payload, mode, channel)
            return
        link.fetched()
        if isinstance(happened, gd_mp.Violation):
            link.violate(happened)
        elif isinstance(happened, gd_mp.Left):
            self.peer_disconnected.emit(happened.peer)
        elif isinstance(happened, gd_mp.Joined):
            if happened.completes:
                self._status = ConnectionStatus.CONNECTION_CONNECTED
                link.settle(self.now())
                self._then(
                    partial(self.peer_connected.emit, happened.peer),
                    self.connection_succeeded.emit,
                )
            else:
                self.peer_connected.emit(happened.peer)

    def _go_down(self, failure: Failure | None, *, clean: bool) -> None:
        was_up = self._status == ConnectionStatus.CONNECTION_CONNECTED
        if failure is None and not was_up:
            code, reason = self._server_peer.get_close_code(), self._server_peer.get_close_reason()
            failure = Failure("id", f"closed with {code} {reason!r} before the session was up")
        self.failure = failure
        self._forget()
        # Whoever was announced has gone, even if the session never came up: the server last.
        for peer in sorted(self._session.peers, key=lambda peer: (peer == gd_mp.SERVER_ID, peer)):
            self._then(partial(self.peer_disconnected.emit, peer))
        if not was_up:
            _log.info("never connected: %s", failure)
            self._then(self.connection_error.emit)
            if self._gd_mp:
                self._then(self.connection_failed.emit)
            return
        if self._gd_mp:
            self._then(self.server_disconnected.emit)
        self._then(partial(self.connection_closed.emit, clean))

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target (see ``set_target_peer``); gd_mp mode only.

        Never blocks. An empty buffer sends nothing (as in Godot). While the connection is closing,
        packets are dropped and counted; while the server reads too slowly, those that are not
        reliable (see ``transfer_mode``).

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: in plain mode, use ``get_peer(1).put_packet``;
                ``FAILED``: not connected; ``ERR_OUT_OF_MEMORY``: longer than
                ``outbound_buffer_size``; ``ERR_INVALID_PARAMETER``: not bytes.
        """
        data = check_packet(buffer, self._max_packet, envelope=self._header_size)
        if not data:
            return
        self._require_gd_mp("put_packet")
        link = self._link
        if link is None or self._status != ConnectionStatus.CONNECTION_CONNECTED:
            message = "the session is not up; wait for connection_succeeded"
            raise MultiplayerError(Error.FAILED, message)
        mode, channel = self._transfer_mode, self._transfer_channel
        packet = gd_mp.packet(self._session.id, self._target_peer, data, mode, channel)
        link.send(packet if link.dialect else gd_mp.plain(packet), text=False, mode=mode)

    # ---------------------------------------------------------------- state

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the connection to the server, for id 1; there is one, even before connecting.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: any other id; a client is connected to the
                server only.
        """
        if peer_id != gd_mp.SERVER_ID:
            message = f"a client is connected to the server (1) only, not to {peer_id}"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return self._server_peer

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether the client (in gd_mp mode: its session) is up."""
        return self._status

    def get_unique_id(self) -> int:
        """Return the own id; 0 until the server has told it, and always in plain mode."""
        return self._session.id

    def get_connected_host(self) -> str:
        """Return the server's IP address.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection.
        """
        return self._server_peer.get_connected_host()

    def get_connected_port(self) -> int:
        """Return the server's TCP port.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection.
        """
        return self._server_peer.get_connected_port()

    def _counted_links(self) -> list[Link]:
        return [] if self._link is None else [self._link]

    def _readable_peers(self) -> list[WebSocketPeer]:
        return [self._server_peer]
