"""What connected pairs and sessions have in common: how peers listen and connect on 127.0.0.1."""

from __future__ import annotations

import importlib
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.support.number_setting import check_number
from peers.websocket_client import WebSocketClient
from peers.websocket_server import WebSocketServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from peers.driving.scopes import Scopes
    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

PATIENCE: Final = 5.0
"""How long to wait for anything, in seconds, if nobody says how long."""

_PAUSE: Final = 0.001


def check_modes(gd_mp_api: bool, godot4: bool) -> None:
    """Raise if two modes are asked for.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    if godot4 and not gd_mp_api:
        message = "godot4=True means a session, gd_mp_api=False plain mode: choose one"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


def prepare(peer: WebSocketMultiplayerPeer, *, godot4: bool) -> None:
    """Let a peer raise what its handlers raise, and have no heartbeat of its own accord.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it does not speak Godot 4's protocol, and is
            to.
    """
    if godot4 and isinstance(peer, WebSocketClient | WebSocketServer):
        kind = WebSocketClient if isinstance(peer, WebSocketClient) else WebSocketServer
        message = f"{kind.__name__} does not speak Godot 4's protocol: leave out godot4"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    peer.on_error = "raise"
    if peer.heartbeat_interval is None:  # a debugger may stop a test for any length of time
        peer.heartbeat_interval = 0.0


def poll_until(
    poll: Callable[[], object], condition: Callable[[], object], timeout: float = PATIENCE
) -> None:
    """Call ``poll()`` again and again until ``condition()`` is true.

    Raises:
        TimeoutError: it did not become true within ``timeout`` seconds.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``timeout`` is not a time.
    """
    check_number("timeout", timeout, finite=False)
    deadline = time.monotonic() + timeout
    while True:
        poll()
        if condition():
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout:g} s: {condition}")
        time.sleep(_PAUSE)


# ---------------------------------------------------------------- for tests that poll


def listen(server: WebSocketMultiplayerPeer, *, gd_mp_api: bool) -> None:
    """Let a server listen at a free port of 127.0.0.1."""
    if isinstance(server, WebSocketServer):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=gd_mp_api)
    else:
        server.create_server(0, "127.0.0.1")


def url_of(server: WebSocketMultiplayerPeer) -> str:
    """Return where a server listens."""
    return f"ws://127.0.0.1:{server.get_local_port()}"


def dial(client: WebSocketMultiplayerPeer, url: str, *, gd_mp_api: bool) -> None:
    """Let a client begin to connect."""
    if isinstance(client, WebSocketClient):
        client.connect_to_url(url, gd_mp_api=gd_mp_api)
    else:
        client.create_client(url)


def is_decided(client: WebSocketMultiplayerPeer) -> bool:
    """Return whether a client has connected, or failed to."""
    return client.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTING


def check_connected(client: WebSocketMultiplayerPeer, what: str) -> None:
    """Raise if a client has failed.

    Raises:
        MultiplayerError: ``ERR_CANT_CONNECT``.
    """
    if client.failure is not None:
        message = f"the {what} was not connected: {client.failure}"
        raise MultiplayerError(Error.ERR_CANT_CONNECT, message)


# ---------------------------------------------------------------- for tests that wait


def current_scopes() -> Scopes:
    """Return ``serve`` and ``connect`` of the library that the caller runs under.

    The caller has imported it; a test that polls needs neither.
    """
    trio = sys.modules.get("trio")
    if "asyncio" in sys.modules and not (trio is not None and trio.lowlevel.in_trio_task()):
        asyncio_library = importlib.import_module("peers.asyncio.library")
        if asyncio_library.in_task():
            return importlib.import_module("peers.asyncio").scopes
    return importlib.import_module("peers.trio").scopes


def served(
    scopes: Scopes, server: WebSocketMultiplayerPeer, *, gd_mp_api: bool
) -> AbstractAsyncContextManager[Any]:
    """Return the block in which a server is run."""
    if isinstance(server, WebSocketServer):
        return scopes.serve(0, gd_mp_api=gd_mp_api, peer=server)
    return scopes.serve(0, peer=server)


def joined(
    scopes: Scopes, client: WebSocketMultiplayerPeer, url: str, *, gd_mp_api: bool
) -> AbstractAsyncContextManager[Any]:
    """Return the block in which a client is connected, and run."""
    if isinstance(client, WebSocketClient):
        return scopes.connect(url, gd_mp_api=gd_mp_api, peer=client, timeout=PATIENCE)
    return scopes.connect(url, peer=client, timeout=PATIENCE)
