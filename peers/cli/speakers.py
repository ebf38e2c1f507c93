"""What a terminal peer speaks through: a session of Godot 3 or 4, or plain WebSocket."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Protocol

from multiplayer import Dialect, SceneMultiplayer
from peers.conditioned import ConditionedPeer
from peers.tls_options import TLSOptions
from peers.trio import connect
from peers.websocket_client import WebSocketClient
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

from .conditioned_connection import connected

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from multiplayer.testing.simulation.conditions import Conditions
    from peers.websocket_peer import WebSocketPeer


class Hearer(Protocol):
    """Who hears what happens."""

    def came_up(self, own_id: int) -> None:
        """We are connected, with this id; 0 without a session."""

    def joined(self, peer: int) -> None:
        """A peer is here."""

    def left(self, peer: int) -> None:
        """A peer has left."""

    def said(self, peer: int, what: str | bytes) -> None:
        """A peer has sent a packet, or the server a message; text only where the wire says so."""

    def server_closes(self, code: int, reason: str) -> None:
        """The server has begun to close the connection."""

    def ended(self, *, clean: bool) -> None:
        """The connection has ended, with close frames both ways if ``clean``."""


class Speaker(ABC):
    """A client, and how it takes part.

    Args:
        client: the peer.
        conditions: what the network does to packets; None for nothing.

    Attributes:
        peer: what packets go through: the client, or what delays them.
    """

    def __init__(self, client: WebSocketMultiplayerPeer, conditions: Conditions | None) -> None:
        self.peer = client if conditions is None else ConditionedPeer(client, conditions)

    @property
    @abstractmethod
    def client(self) -> WebSocketMultiplayerPeer:
        """The peer."""

    @abstractmethod
    def connect(self, url: str) -> AbstractAsyncContextManager[WebSocketMultiplayerPeer]:
        """Connect as long as a block of code lasts; see ``peers.connect``."""

    @abstractmethod
    def send(self, text: str, target: int) -> None:
        """Send ``text``: 0 to all, n to one peer, -n to all but one.

        Raises:
            MultiplayerError: as the client's ``put_packet``.
        """

    @abstractmethod
    def trust(self, certificate: Path | None) -> None:
        """Trust only servers with this certificate, or of it; None for any server."""

    def own_id(self) -> int:
        """Return our id."""
        return self.peer.get_unique_id()

    def connection(self) -> WebSocketPeer:
        """Return the connection to the server."""
        return self.client.get_peer(1)


class _SeedSpeaker(Speaker):
    """What plain WebSocket and sessions of Godot 3 have in common."""

    _gd_mp_api = True

    def __init__(self, hearer: Hearer, conditions: Conditions | None = None) -> None:
        self._client = WebSocketClient()
        super().__init__(self._client, conditions)
        self._client.server_close_request.connect(hearer.server_closes)
        if isinstance(self.peer, ConditionedPeer):  # what is on its way comes before the end
            self.peer.server_disconnected.connect(self._end)
            self._hearer = hearer
        else:
            self._client.connection_closed.connect(lambda clean: hearer.ended(clean=clean))

    def _end(self) -> None:
        self._hearer.ended(clean=self.client.failure is None)

    @property
    def client(self) -> WebSocketClient:
        """The peer."""
        return self._client

    def connect(self, url: str) -> AbstractAsyncContextManager[WebSocketMultiplayerPeer]:
        """Connect as long as a block of code lasts."""
        if isinstance(self.peer, ConditionedPeer):
            begin = partial(self.client.connect_to_url, url, gd_mp_api=True)
            return connected(self.peer, begin, self.peer, self.peer.connection_succeeded)
        return connect(url, gd_mp_api=self._gd_mp_api, peer=self.client)

    def trust(self, certificate: Path | None) -> None:
        """Trust only servers with this certificate, or of it; None for any server."""
        if certificate is None:
            self.client.verify_tls = False
        else:
            self.client.trusted_tls_certificate = certificate


class Plain(_SeedSpeaker):
    """A client of any WebSocket server, in text messages."""

    _gd_mp_api = False

    def __init__(self, hearer: Hearer, conditions: Conditions | None = None) -> None:
        super().__init__(hearer, conditions)
        self._hearer = hearer
        self.client.connection_established.connect(lambda _protocol: hearer.came_up(0))
        self.client.data_received.connect(self._take)

    def send(self, text: str, target: int) -> None:
        """Send it to the server."""
        del target
        self.connection().send_text(text)

    def _take(self) -> None:
        connection = self.connection()
        packet = connection.get_packet()
        self._hearer.said(1, packet.decode() if connection.was_string_packet() else packet)


class Godot3(_SeedSpeaker):
    """A peer of a gd_mp session."""

    def __init__(self, hearer: Hearer, conditions: Conditions | None = None) -> None:
        super().__init__(hearer, conditions)
        peer = self.peer
        peer.connection_succeeded.connect(lambda: hearer.came_up(self.own_id()))
        peer.peer_connected.connect(hearer.joined)
        peer.peer_disconnected.connect(hearer.left)
        peer.peer_packet.connect(lambda source: hearer.said(source, peer.get_packet()))

    def send(self, text: str, target: int) -> None:
        """Send a packet."""
        mode, channel = self.client.transfer_mode, self.client.transfer_channel
        self.peer.send_packet(text.encode(errors="replace"), target, mode, channel)


class _Godot4Client(WebSocketMultiplayerPeer):
    """A client whose TLS options are set before somebody else connects it."""

    tls_options: TLSOptions | None = None

    def create_client(self, url: str, tls_client_options: TLSOptions | None = None) -> None:
        super().create_client(url, tls_client_options or self.tls_options)


class Godot4(Speaker):
    """A peer of a Godot 4 session: what is typed goes out as ``send_bytes`` of a game does."""

    def __init__(self, hearer: Hearer, conditions: Conditions | None = None) -> None:
        self._client = _Godot4Client()
        super().__init__(self._client, conditions)
        self._hearer = hearer
        self._api = api = SceneMultiplayer(dialect=Dialect.GODOT_4)
        api.connected_to_server.connect(lambda: hearer.came_up(self.own_id()))
        api.peer_connected.connect(hearer.joined)
        api.peer_disconnected.connect(hearer.left)
        api.peer_packet.connect(hearer.said)
        api.server_disconnected.connect(self._end)

    @property
    def client(self) -> WebSocketMultiplayerPeer:
        """The peer."""
        return self._client

    def connect(self, url: str) -> AbstractAsyncContextManager[WebSocketMultiplayerPeer]:
        """Connect as long as a block of code lasts."""
        if isinstance(self.peer, ConditionedPeer):
            begin = partial(self._begin, url)
            return connected(self.peer, begin, self._api, self._api.connected_to_server)
        return connect(url, peer=self._client, api=self._api)

    def _begin(self, url: str) -> None:
        self._client.create_client(url)
        self._api.multiplayer_peer = self.peer

    def trust(self, certificate: Path | None) -> None:
        """Trust only servers with this certificate, or of it; None for any server."""
        unsafe = certificate is None
        self._client.tls_options = (
            TLSOptions.client_unsafe() if unsafe else TLSOptions.client(certificate)
        )

    def send(self, text: str, target: int) -> None:
        """Send a packet, as ``send_bytes`` does."""
        mode, channel = self.client.transfer_mode, self.client.transfer_channel
        self._api.send_bytes(text.encode(errors="replace"), target, mode, channel)

    def _end(self) -> None:
        connection = self.connection()
        code = connection.get_close_code()
        if code >= 0 and not connection.closed_by_us:
            self._hearer.server_closes(code, connection.get_close_reason())
        self._hearer.ended(clean=self.client.failure is None)
