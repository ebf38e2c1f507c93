"""Two connected peers for a test."""

from __future__ import annotations

import importlib
import sys
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar, cast, overload

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.support.number_setting import check_number

from .websocket_client import WebSocketClient
from .websocket_multiplayer_peer import WebSocketMultiplayerPeer
from .websocket_server import WebSocketServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .driving.scopes import Scopes

_PATIENCE = 5.0
_PAUSE = 0.001


Server = TypeVar("Server", bound=WebSocketMultiplayerPeer)
Client = TypeVar("Client", bound=WebSocketMultiplayerPeer)


class Pair(NamedTuple, Generic[Server, Client]):
    """A server and its client, connected over 127.0.0.1."""

    server: Server
    client: Client

    def poll(self) -> None:
        """Poll both once."""
        self.client.poll()
        self.server.poll()

    def until(self, condition: Callable[[], object], timeout: float = _PATIENCE) -> None:
        """Poll both until ``condition()`` is true.

        Args:
            condition: checked after each round.
            timeout: how long to try, in seconds.

        Raises:
            TimeoutError: it did not become true.
            MultiplayerError: ``ERR_INVALID_PARAMETER``: ``timeout`` is not a time.
        """
        check_number("timeout", timeout, finite=False)
        deadline = time.monotonic() + timeout
        while True:
            self.poll()
            if condition():
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout:g} s: {condition}")
            time.sleep(_PAUSE)


def _current_scopes() -> Scopes:
    """Return ``serve`` and ``connect`` of the library that the caller runs under.

    It has been imported by whoever started it; who polls needs neither.
    """
    trio = sys.modules.get("trio")
    if "asyncio" in sys.modules and not (trio is not None and trio.lowlevel.in_trio_task()):
        asyncio_library = importlib.import_module("peers.asyncio.library")
        if asyncio_library.in_task():
            return importlib.import_module("peers.asyncio").scopes
    return importlib.import_module("peers.trio").scopes


class connected_pair(Generic[Server, Client]):  # noqa: N801 - used like a function
    """Give a server and a client on 127.0.0.1, connected to each other; close both at the end.

    ``with connected_pair() as pair`` for a test that polls (``pair.until(…)`` does);
    ``async with connected_pair() as pair`` for one under trio or asyncio, where both run by
    themselves. Also
    ``as (server, client)``. Both get ``on_error = "raise"``, so that an assertion that fails in a
    listener or an RPC fails the test. There is no heartbeat, unless a configured object has one.

    Args:
        gd_mp_api: connect them as peers of a session; else as plain WebSocket peers.
        godot4: connect two ``WebSocketMultiplayerPeer``, with Godot 4's protocol.
        server, client: configured objects to use, with listeners connected.

    Raises:
        TimeoutError, MultiplayerError: they could not be connected.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``godot4`` with what is not Godot 4's.
    """

    @overload
    def __init__(
        self: connected_pair[WebSocketServer, WebSocketClient],
        gd_mp_api: bool = True,
        *,
        godot4: Literal[False] = False,
        server: WebSocketServer | None = None,
        client: WebSocketClient | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: connected_pair[WebSocketMultiplayerPeer, WebSocketMultiplayerPeer],
        *,
        godot4: Literal[True],
        server: WebSocketMultiplayerPeer | None = None,
        client: WebSocketMultiplayerPeer | None = None,
    ) -> None: ...
    def __init__(
        self,
        gd_mp_api: bool = True,
        *,
        godot4: bool = False,
        server: WebSocketMultiplayerPeer | None = None,
        client: WebSocketMultiplayerPeer | None = None,
    ) -> None:
        if godot4 and not gd_mp_api:
            message = "godot4=True means a session, gd_mp_api=False plain mode: choose one"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._gd_mp_api = gd_mp_api
        if server is None:
            server = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
        if client is None:
            client = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
        for peer, kind in ((server, WebSocketServer), (client, WebSocketClient)):
            if godot4 and isinstance(peer, WebSocketClient | WebSocketServer):
                message = f"{kind.__name__} does not speak Godot 4's protocol: leave out godot4"
                raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        server.on_error = client.on_error = "raise"
        for peer in (server, client):
            if peer.heartbeat_interval is None:  # a debugger may stop a test for any length of time
                peer.heartbeat_interval = 0.0
        self._pair = cast("Pair[Server, Client]", Pair(server, client))
        self._stack = AsyncExitStack()

    def __enter__(self) -> Pair[Server, Client]:
        server, client = self._pair
        if isinstance(server, WebSocketServer):
            server.bind_ip = "127.0.0.1"
            server.listen(0, gd_mp_api=self._gd_mp_api)
        else:
            server.create_server(0, "127.0.0.1")
        try:
            url = f"ws://127.0.0.1:{server.get_local_port()}"
            if isinstance(client, WebSocketClient):
                client.connect_to_url(url, gd_mp_api=self._gd_mp_api)
            else:
                client.create_client(url)
            self._pair.until(
                lambda: client.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTING
            )
            if client.failure is not None:
                message = f"the pair was not connected: {client.failure}"
                raise MultiplayerError(Error.ERR_CANT_CONNECT, message)
        except BaseException:
            self._close()
            raise
        return self._pair

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._pair.client.close()
        self._pair.server.close()

    async def __aenter__(self) -> Pair[Server, Client]:
        scopes = _current_scopes()
        server, client = self._pair
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(
                scopes.serve(0, gd_mp_api=self._gd_mp_api, peer=server)
                if isinstance(server, WebSocketServer)
                else scopes.serve(0, peer=server)
            )
            url = f"ws://127.0.0.1:{server.get_local_port()}"
            await stack.enter_async_context(
                scopes.connect(url, gd_mp_api=self._gd_mp_api, peer=client, timeout=_PATIENCE)
                if isinstance(client, WebSocketClient)
                else scopes.connect(url, peer=client, timeout=_PATIENCE)
            )
            self._stack = stack.pop_all()
        return self._pair

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, traceback)
