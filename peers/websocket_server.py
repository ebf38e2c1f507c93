"""``WebSocketServer``: a server for any WebSocket client, or for a gd_mp session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, Error, MultiplayerError, Signal
from multiplayer.addressing import check_id
from multiplayer.endpoint.godot3_server import GdMpServer
from multiplayer.endpoint.plain import PlainServer
from multiplayer.endpoint.server_role import ServerRole
from multiplayer.misplaced import misplace
from multiplayer.setting_checks import instead_of_godot4, not_in_plain_mode

from .certificates import PEM
from .gate import Gate
from .locked_setting import LockedSetting
from .only_godot3 import OnlyGodot3
from .tls_options import TLSOptions
from .websocket_multiplayer_peer import WebSocketMultiplayerPeer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .websocket.tls import TLSLayer


class WebSocketServer(OnlyGodot3, WebSocketMultiplayerPeer):
    """A WebSocket server (Godot 3 and early 4: ``WebSocketServer``).

    ::

        server = WebSocketServer()
        server.peer_connected.connect(lambda peer: print(peer, "has joined"))
        server.listen(9080, gd_mp_api=True)
        while server.is_listening():
            server.poll()
            while server.get_available_packet_count():
                sender = server.get_packet_peer()
                print(sender, "says", server.get_var())
            time.sleep(1 / 60)

    In plain mode it serves any RFC 6455 client through ``get_peer(id)``. In gd_mp mode it is peer 1
    of a Godot session: it gives out ids, announces peers and relays their packets.

    Attributes:
        bind_ip: the address to listen on, "*" for every interface. Not while listening.
        private_key: with :attr:`tls_certificate`, the server speaks only ``wss://``. The key of
            that certificate, as PEM text, PEM bytes or a path, not encrypted. Not while listening.
        tls_certificate: the certificate to show, in the same forms. Not while listening.
        ca_chain: the certificates between that one and an authority that clients trust, if there
            are any. Not while listening.
    """

    bind_ip = LockedSetting[str]("*")
    private_key = LockedSetting[PEM | None](None)
    tls_certificate = LockedSetting[PEM | None](None)
    ca_chain = LockedSetting[PEM | None](None)

    client_connected = Signal[int, str, str]("id", "protocol", "resource_name")
    """A client has connected, with that sub-protocol and request path (query included)."""
    client_disconnected = Signal[int, bool]("id", "was_clean_close")
    """A client is gone; cleanly if close frames went both ways."""
    client_close_request = Signal[int, int, str]("id", "code", "reason")
    """A client is closing its connection; ``client_disconnected`` follows."""
    data_received = Signal[int]("id")
    """A packet can be fetched from ``get_peer(id)``; plain mode only."""

    _instead = instead_of_godot4(
        headers="an upgrade_callback answers with Accept(headers)",
        protocols="listen(port, protocols=…) says which clients may choose",
    )

    _begins_by = "WebSocketServer", "listen(port, gd_mp_api=True)"

    def _role_at_rest(self) -> ServerRole:
        gate = Gate(self._itself, self._commons)
        envelope = PlainServer(self._itself, self._commons)
        return ServerRole(self._itself, self._commons, envelope, gate)

    # ---------------------------------------------------------------- listening

    def listen(self, port: int, protocols: Sequence[str] = (), gd_mp_api: bool = False) -> None:
        """Begin to accept clients on :attr:`bind_ip`.

        Args:
            port: the TCP port; 0 for a free one, see :meth:`get_local_port`.
            protocols: the sub-protocols that clients may choose from. If there are any, a client
                must ask for one of them, otherwise for none (as Godot demands).
            gd_mp_api: be the server of a Godot session.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this server is listening, or something else
                has the port; ``ERR_CANT_CREATE``: it cannot listen on the address;
                ``ERR_INVALID_PARAMETER``: an argument, a key or a certificate makes no sense;
                ``ERR_FILE_NOT_FOUND``, ``ERR_FILE_CANT_OPEN``: one of their paths cannot be read.
        """
        make_tls = self._make_tls()
        if self.is_listening():
            message = "this server is already listening; stop() it first"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        envelope: PlainServer | GdMpServer = PlainServer(self._itself, self._commons)
        if gd_mp_api:
            envelope = GdMpServer(self._itself, self._commons, relays=self._server_relay)
        self._listen(port, self.bind_ip, protocols, make_tls, (), envelope)

    def _room_envelope(self) -> GdMpServer:
        return GdMpServer(self._itself, self._commons, relays=self._server_relay)

    def _make_tls(self) -> Callable[[], Callable[[], TLSLayer]] | None:
        key, certificate = self.private_key, self.tls_certificate
        if key is None and certificate is None:
            if self.ca_chain is not None:
                message = (
                    "there is a ca_chain, but neither private_key nor tls_certificate: the "
                    "server would listen unencrypted; set both, or remove the chain"
                )
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
            return None
        if key is None or certificate is None:
            given, lacks = "tls_certificate", "private_key"
            if certificate is None:
                given, lacks = lacks, given
            message = f"there is a {given} but no {lacks}; TLS needs both, ws:// neither"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return partial(TLSOptions.server(key, certificate).server_layer, self.ca_chain)

    def stop(self) -> None:
        """End at once and silently, as :meth:`close` does: the last packets may be lost."""
        self.close()

    def is_listening(self) -> bool:
        """Return whether clients can connect."""
        return self._role.status == ConnectionStatus.CONNECTION_CONNECTED

    # ---------------------------------------------------------------- peers

    @property
    def server_relay(self) -> bool:
        """Whether a gd_mp server announces clients to each other and relays between them (True).

        While it is False, clients know only the server: what they send to all reaches only the
        server; what they send to others is dropped, and counted as ``not_relayed``.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: there are clients, to which others have
                already been announced; ``ERR_UNAVAILABLE``: in plain mode, which announces nobody.
        """
        return self._server_relay

    @server_relay.setter
    def server_relay(self, relay: bool) -> None:
        if not relay:
            self._require_relay("server_relay", "server_relay")
        role = self._server_role
        if role.clients.members and relay != self._server_relay:
            message = "server_relay cannot change while clients are here; set it before listen()"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        self._server_relay = relay
        if isinstance(role.envelope, GdMpServer):
            role.envelope.session.relays = relay

    @property
    def _is_server(self) -> bool:
        return True

    def _require_relay(self, name: str, instead: str) -> None:
        del instead
        if self._is_in_plain_mode:
            raise not_in_plain_mode(name)

    def is_server_relay_supported(self) -> bool:
        """Return False: with the gd_mp envelope the server itself announces and relays."""
        return False

    @property
    def _server_role(self) -> ServerRole:
        assert isinstance(self._role, ServerRole)
        return self._role

    def has_peer(self, id: int) -> bool:  # noqa: A002 - Godot's name
        """Return whether a client with that id is connected."""
        return check_id(id) in self._server_role.clients.members

    def admit_peer(self, id: int) -> None:  # noqa: A002 - Godot's name
        """Announce a client that is held (``holds_new_peers``) to the others, and them to it.

        A client that has left is left alone.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client.
        """
        self._server_role.admit(id)

    def disconnect_peer(  # pyright: ignore[reportIncompatibleMethodOverride] - Godot 3's order
        self, peer: int, code: int = 1000, reason: str = "", *, force: bool = False
    ) -> None:
        """Begin to close the connection to a client (RFC 6455 section 7.1.2).

        What was sent before arrives, what is put from now on is dropped. The client counts as
        connected until it has answered or ``close_timeout`` is over; keep polling. A client that
        has left is left alone.

        Args:
            peer: the client's id.
            code: see ``WebSocketClient.disconnect_from_host``. ``True`` means ``force``, so that
                Godot 4's ``disconnect_peer(id, true)`` also works.
            reason: cut to 123 bytes of UTF-8.
            force: forget the client at once; no signal is emitted for it, and the last packets may
                be lost.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client;
                ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        if isinstance(code, bool):
            force, code = force or code, 1000
        code, reason = self._check_close(code, reason)
        self._role.disconnect(peer, code, reason, force=force)


misplace(WebSocketServer, ("ssl_certificate",), "Godot 4 calls it tls_certificate")
misplace(WebSocketServer, ("trusted_tls_certificate", "verify_tls"), "it is a setting of clients")
