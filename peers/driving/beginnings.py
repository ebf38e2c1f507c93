"""How peers of each kind begin to listen and to connect, for ``serve`` and ``connect``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeGuard
from urllib.parse import urlsplit

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.resume_words import shown_url
from peers.websocket_client import WebSocketClient
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer
from peers.websocket_server import WebSocketServer

from .scope_checks import not_for_godot4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multiplayer import BoundSignal, SceneMultiplayer
    from multiplayer.testing import SimulatedClient, SimulatedNetwork, SimulatedServer

LOOPBACK: Final = "127.0.0.1"

_PORT: Final = 80
"""That of a ``ws://`` URL which names none."""


# ---------------------------------------------------------------- over WebSocket


def begin_serving(
    server: WebSocketMultiplayerPeer,
    port: int,
    host: str | None,
    protocols: Sequence[str],
    gd_mp_api: bool,
) -> None:
    """Let a server listen; see ``serve`` for the arguments.

    Raises:
        MultiplayerError: as for ``WebSocketServer.listen``.
    """
    if isinstance(server, WebSocketServer):
        if host is not None or not WebSocketServer.bind_ip.is_set(server):
            server.bind_ip = LOOPBACK if host is None else host
        server.listen(port, protocols, gd_mp_api)
    elif gd_mp_api and not protocols:
        server.create_server(port, LOOPBACK if host is None else host)
    else:
        raise not_for_godot4("gd_mp_api and protocols")


def begin_connecting(
    client: WebSocketMultiplayerPeer | SimulatedClient,
    url: str,
    protocols: Sequence[str],
    gd_mp_api: bool,
    custom_headers: Sequence[str],
) -> None:
    """Let a client connect; see ``connect`` for the arguments.

    Raises:
        MultiplayerError: as for ``WebSocketClient.connect_to_url``.
    """
    if isinstance(client, WebSocketClient):
        client.connect_to_url(url, protocols, gd_mp_api, custom_headers)
    elif isinstance(client, WebSocketMultiplayerPeer):
        client.create_client(url)
    else:
        client.connect_to_server(_port_of(url))


# ---------------------------------------------------------------- simulated


def makes_its_peers(network: object) -> TypeGuard[SimulatedNetwork]:
    """Return whether it is a ``SimulatedNetwork``, whose peers are its own."""
    return callable(getattr(network, "create_client", None))


def check_simulated(**others: object) -> None:
    """Raise if an argument is given that a simulated peer cannot have.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    given = [name for name, value in others.items() if value]
    if given:
        message = (
            f"a SimulatedNetwork makes its peers itself, and they take no {' and '.join(given)}; "
            "leave that out, or use a MemoryNetwork"
        )
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def simulated_server(
    network: SimulatedNetwork,
    port: int,
    api: SceneMultiplayer | None,
    gd_mp_api: bool,
    heartbeat_interval: float | None,
) -> SimulatedServer:
    """Make a server that listens.

    Raises:
        MultiplayerError: as for ``SimulatedNetwork.create_server``.
    """
    settings: dict[str, Any] = {}
    if heartbeat_interval is not None:
        settings["heartbeat_interval"] = heartbeat_interval
    return network.create_server(port, envelope=_envelope(api, gd_mp_api), **settings)


def simulated_client(
    network: SimulatedNetwork, url: str, api: SceneMultiplayer | None, gd_mp_api: bool
) -> SimulatedClient:
    """Make a client that is to connect; it has the envelope of the server there.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: the URL is none.
    """
    server = network.server_at(_port_of(url))
    envelope = _envelope(api, gd_mp_api) if server is None else server.envelope
    return network.create_client(None, envelope=envelope)


def _envelope(api: SceneMultiplayer | None, gd_mp_api: bool) -> str:
    if not gd_mp_api:
        return "plain"
    return "gd_mp" if api is None or False in api.dialect.envelopes else "godot4"


def _port_of(url: str) -> int:
    try:
        parts = urlsplit(url)
        port = parts.port
    except (TypeError, ValueError, AttributeError):
        parts, port = None, None
    if parts is None or parts.scheme not in ("ws", "wss") or not parts.hostname:
        message = f"the URL must be like ws://any.name:9080, not {shown_url(url)}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return _PORT if port is None else port


# ---------------------------------------------------------------- what a client tells


def came_up(
    client: WebSocketMultiplayerPeer | SimulatedClient, api: SceneMultiplayer | None
) -> BoundSignal[()]:
    """Return the signal that a session came up, also to the API above."""
    return client.connection_succeeded if api is None else api.connected_to_server


def endings(client: WebSocketMultiplayerPeer | SimulatedClient) -> tuple[BoundSignal[()], ...]:
    """Return the signals of a session that has ended, or never came up."""
    return client.server_disconnected, client.connection_failed


def has_plain_signals(
    client: WebSocketMultiplayerPeer | SimulatedClient,
) -> TypeGuard[WebSocketClient | SimulatedClient]:
    """Return whether it has those of ``WebSocketClient``, which plain mode has, too."""
    if isinstance(client, WebSocketMultiplayerPeer):
        return isinstance(client, WebSocketClient)
    return client.envelope != "godot4"
