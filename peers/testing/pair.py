"""``connected_pair``: two connected peers for a test."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar, cast, overload

from peers.websocket_client import WebSocketClient
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer
from peers.websocket_server import WebSocketServer

from .connecting import (
    PATIENCE,
    check_connected,
    check_modes,
    current_scopes,
    dial,
    is_decided,
    joined,
    listen,
    poll_until,
    prepare,
    served,
    url_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


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

    def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Poll both until ``condition()`` is true.

        Args:
            condition: checked after each round.
            timeout: how long to try, in seconds.

        Raises:
            TimeoutError: it did not become true.
            MultiplayerError: ``ERR_INVALID_PARAMETER``: ``timeout`` is not a time.
        """
        poll_until(self.poll, condition, timeout)


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
        check_modes(gd_mp_api, godot4)
        self._gd_mp_api = gd_mp_api
        if server is None:
            server = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
        if client is None:
            client = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
        for peer in (server, client):
            prepare(peer, godot4=godot4)
        self._pair = cast("Pair[Server, Client]", Pair(server, client))
        self._stack = AsyncExitStack()

    def __enter__(self) -> Pair[Server, Client]:
        server, client = self._pair
        listen(server, gd_mp_api=self._gd_mp_api)
        try:
            dial(client, url_of(server), gd_mp_api=self._gd_mp_api)
            self._pair.until(lambda: is_decided(client))
            check_connected(client, "pair")
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
        scopes = current_scopes()
        server, client = self._pair
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(served(scopes, server, gd_mp_api=self._gd_mp_api))
            url = url_of(server)
            await stack.enter_async_context(joined(scopes, client, url, gd_mp_api=self._gd_mp_api))
            self._stack = stack.pop_all()
        return self._pair

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, traceback)
