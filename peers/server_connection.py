"""``ServerConnection``: what a client has of its server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from multiplayer import ConnectionStatus, Error, MultiplayerError

from .tls_options import TLSOptions
from .websocket.handshake_headers import check_protocols
from .websocket.link import Link
from .websocket.upgrade import ClientUpgrade
from .websocket.url import parse_url
from .websocket_peer import WebSocketPeer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer import PacketPeer

    from .sockets.engine import Reactor
    from .statistics import Statistics
    from .websocket.settings import LinkSettings

SERVER_ID = 1


class ServerConnection:
    """A client's connection to its server, and what is left of it when it has ended.

    Args:
        reactor: what moves its bytes.
        past: takes the counters of connections that have ended.

    Attributes:
        status: that of the client.
        link: the connection; None while disconnected.
        peer: its face; there is one, even before connecting.
    """

    def __init__(self, reactor: Reactor, past: Statistics) -> None:
        self._reactor = reactor
        self._past = past
        self.status = ConnectionStatus.CONNECTION_DISCONNECTED
        self.link: Link | None = None
        self.peer = WebSocketPeer()

    def open(
        self,
        url: str,
        settings: LinkSettings,
        tls: TLSOptions | None,
        protocols: Sequence[str],
        headers: Sequence[tuple[bytes, bytes]],
        *,
        owner: PacketPeer,
        dialect: bool = False,
        awaits_id: bool,
    ) -> None:
        """Begin to connect.

        Args:
            url: see ``WebSocketClient.connect_to_url``.
            settings: limits and timeouts.
            tls: what to trust; None for what the system trusts. For ``wss`` only.
            protocols: the sub-protocols to ask for.
            headers: further header fields of the request.
            owner: the client.
            dialect: ask for ``docs/protocol/gdpeers.md``.
            awaits_id: see ``Link``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: connecting or connected already;
                ``ERR_INVALID_PARAMETER``: an argument makes no sense; ``ERR_FILE_NOT_FOUND``,
                ``ERR_FILE_CANT_OPEN``: a certificate cannot be read.
        """
        if self.link is not None:
            message = "this client is in use; close() it first, or make another one"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        where = parse_url(url)
        if where.tls:
            layer = (TLSOptions.client() if tls is None else tls).client_layer(where.host)
            settings = replace(settings, tls=layer)
        elif tls is not None:
            message = (
                f"a connection to {url} is not encrypted, and nobody's certificate is checked: "
                "begin the URL with wss://, or do without the settings for TLS"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        upgrade = ClientUpgrade(
            where.host_header, where.target, check_protocols(protocols), headers, dialect=dialect
        )
        notices, now = self._reactor.notices, self._reactor.clock()
        link = Link(settings, notices, upgrade, now, awaits_id=awaits_id)
        link.peer_id = SERVER_ID
        self.link = link
        self.status = ConnectionStatus.CONNECTION_CONNECTING
        self.peer.attach(link, self._reactor, settings.outbound_buffer_size, owner)
        self._reactor.connect(where.host, where.port, link)

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, if there is a connection."""
        if self.link is not None:
            self._reactor.begin_closing(self.link, code, reason)

    def forget(self) -> None:
        """Be disconnected; keep what can still be asked for."""
        if self.link is not None:
            self._past.add(self.link.statistics)
        self.peer.detach()
        self.link = None
        self.status = ConnectionStatus.CONNECTION_DISCONNECTED

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the connection to the server, for id 1.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: any other id.
        """
        if peer_id != SERVER_ID:
            message = f"a client is connected to the server (1) only, not to {peer_id}"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return self.peer

    def link_of(self, peer_id: int) -> Link:
        """Return the connection to the server while there is one.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is none, or another id than 1.
        """
        self.get_peer(peer_id)
        if self.link is None:
            message = "this client has no connection to the server; connect first"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return self.link
