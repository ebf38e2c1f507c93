"""``WebSocketClient``: a client of any WebSocket server, or of a gd_mp session. Mirrors Godot's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer import Error, MultiplayerError, Signal
from multiplayer.addressing import SERVER_ID
from multiplayer.endpoint.client_role import ClientRole
from multiplayer.endpoint.godot3_client import GdMpClient
from multiplayer.endpoint.plain import PlainClient
from multiplayer.misplaced import misplace
from multiplayer.setting_checks import instead_of_godot4
from multiplayer.without_seats import WithoutSeats

from .certificates import PEM
from .locked_setting import LockedSetting
from .only_godot3 import OnlyGodot3
from .tls_options import TLSOptions
from .websocket.handshake_headers import header_fields
from .websocket_multiplayer_peer import WebSocketMultiplayerPeer

if TYPE_CHECKING:
    from collections.abc import Sequence


class WebSocketClient(WithoutSeats, OnlyGodot3, WebSocketMultiplayerPeer):
    """A WebSocket client (Godot 3 and early 4: ``WebSocketClient``).

    ::

        client = WebSocketClient()
        client.connection_succeeded.connect(lambda: client.put_var("hello"))
        client.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)
        while client.get_connection_status() != client.CONNECTION_DISCONNECTED:
            client.poll()
            while client.get_available_packet_count():
                print(client.get_var())
            time.sleep(1 / 60)
        print(client.failure)

    In plain mode it talks to any RFC 6455 server through ``get_peer(1)``. In gd_mp mode it is a
    peer of a Godot session, with the methods and signals of ``MultiplayerPeer``.

    Order of signals in gd_mp mode. Up: ``connection_established``, then, once the server has sent
    our id, ``peer_connected(1)``, ``connection_succeeded`` and ``peer_connected`` for each client.
    Never up: ``peer_disconnected`` for each peer that was announced all the same,
    ``connection_error``, ``connection_failed``. Down: ``server_close_request`` if the server began,
    then ``peer_disconnected`` for each peer, the server last, ``server_disconnected`` and
    ``connection_closed``.

    Attributes:
        trusted_tls_certificate: for ``wss://``, the only certificate to trust, an authority's or
            the server's own, as PEM text, PEM bytes or a path; None for what the system trusts. The
            host name is checked all the same. Not while connecting or connected.
        verify_tls: False to connect to anybody who speaks TLS, with any certificate and name: for
            experiments. Not while connecting or connected.
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
    """The server is closing the connection; keep polling until ``connection_closed``."""

    _instead = instead_of_godot4(
        headers="connect_to_url(url, custom_headers=…) sends headers",
        protocols="connect_to_url(url, protocols=…) asks for sub-protocols",
    )

    _begins_by = "WebSocketClient", "connect_to_url(url, gd_mp_api=True)"

    def _role_at_rest(self) -> ClientRole:
        envelope = PlainClient(self._itself, self._commons)
        return ClientRole(self._itself, self._commons, envelope, self._face)

    # ---------------------------------------------------------------- connecting

    def connect_to_url(
        self,
        url: str,
        protocols: Sequence[str] = (),
        gd_mp_api: bool = False,
        custom_headers: Sequence[str] = (),
    ) -> None:
        """Begin to connect; signals report how it went.

        A listener may call this as soon as the status is CONNECTION_DISCONNECTED. Signals of the
        old connection that are still due are emitted all the same, before those of the new one.

        Args:
            url: ``ws://host:port/path``, or ``wss://`` for TLS; port (80, and 443 for ``wss``),
                path ``/`` and the scheme may be left out.
            protocols: the sub-protocols to ask for. The server must choose one of them, or none if
                there are none (as Godot demands).
            gd_mp_api: be a peer in a Godot session.
            custom_headers: additional header lines for the request, as ``"Name: value"``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: already connecting or connected;
                ``ERR_INVALID_PARAMETER``: an argument, or :attr:`trusted_tls_certificate`, makes
                no sense; ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: the certificate is a path
                that cannot be read.
        """
        trusted = self.trusted_tls_certificate
        tls = None if trusted is None else TLSOptions.client(trusted)
        if not self.verify_tls:
            tls = TLSOptions.client_unsafe(trusted)
        fields = header_fields(custom_headers)
        chosen = GdMpClient if gd_mp_api else PlainClient
        self._connect(url, tls, protocols, fields, chosen(self._itself, self._commons))

    def disconnect_from_host(self, code: int = 1000, reason: str = "") -> None:
        """Begin to close the connection (RFC 6455 section 7.1.2); without one, do nothing.

        What was sent before arrives. The status does not change until the server has answered or
        ``close_timeout`` is over. Keep polling until then: in plain mode the close frame leaves
        once the server has read what was sent (see ``close_timeout``), in gd_mp mode at once.

        Args:
            code: 1000 to 1003, 1007 to 1011, 3000 to 4999; 0 sends neither code nor reason. In
                plain mode also 1012 to 1014, which Godot engines do not understand: use 4012 and
                4013 for those.
            reason: cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, reason = self._check_close(code, reason)
        self._client_role.close(code, reason)

    # ---------------------------------------------------------------- state

    @property
    def _client_role(self) -> ClientRole:
        assert isinstance(self._role, ClientRole)
        return self._role

    @property
    def _is_server(self) -> bool:
        return False

    def _require_relay(self, name: str, instead: str) -> None:
        message = (
            f"{name} is for servers; to take only the server into a client's session, set "
            f"{instead} on its API"
        )
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def is_server_relay_supported(self) -> bool:
        """Return False: with the gd_mp envelope the server itself announces and relays."""
        return False

    def get_connected_host(self) -> str:
        """Return the server's IP address.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection.
        """
        return self.get_peer(SERVER_ID).get_connected_host()

    def get_connected_port(self) -> int:
        """Return the server's TCP port.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection.
        """
        return self.get_peer(SERVER_ID).get_connected_port()


misplace(WebSocketClient, ("verify_ssl",), "Godot 4 calls it verify_tls")
misplace(WebSocketClient, ("trusted_ssl_certificate",), "Godot 4 calls it trusted_tls_certificate")
misplace(
    WebSocketClient,
    ("bind_ip", "private_key", "tls_certificate", "ca_chain"),
    "it is a setting of servers",
)
