"""``connected_session``: a server and any number of clients for a test."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, overload

from multiplayer import Error, MultiplayerError
from peers.websocket_client import WebSocketClient
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer
from peers.websocket_server import WebSocketServer

from . import links
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

MOST_CLIENTS: Final = 1000
"""How many clients a session for a test has at most: each takes two sockets of this process."""


class ConnectedSession(Generic[Server, Client]):
    """A server and its clients, connected over 127.0.0.1.

    Attributes:
        server: the server.
        clients: the clients, in the order in which they joined.
    """

    def __init__(self, server: Server, clients: tuple[Client, ...]) -> None:
        self.server = server
        self.clients = clients

    def poll(self) -> None:
        """Poll all once, the clients first."""
        for client in self.clients:
            client.poll()
        self.server.poll()

    def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Poll all until ``condition()`` is true.

        Args:
            condition: checked after each round.
            timeout: how long to try, in seconds.

        Raises:
            TimeoutError: it did not become true.
            MultiplayerError: ``ERR_INVALID_PARAMETER``: ``timeout`` is not a time.
        """
        poll_until(self.poll, condition, timeout)

    def cut(self, client: Client) -> None:
        """Cut the link of one client, as if its router had lost power: no close frame comes.

        Either side finds the end of the connection when it is polled next, or run.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: it has none; ``ERR_INVALID_PARAMETER``: it is
                not a client of this session.
        """
        links.cut(self._ours(client))

    def stall(self, client: Client) -> None:
        """Let one client read nothing from now on, so that what is for it piles up.

        It is polled, or run, and sends as before.

        Raises:
            MultiplayerError: as for :meth:`cut`.
        """
        links.set_stalled(self._ours(client), stalled=True)

    def go_on(self, client: Client) -> None:
        """Let a client read on that was stalled.

        Raises:
            MultiplayerError: as for :meth:`cut`.
        """
        links.set_stalled(self._ours(client), stalled=False)

    def close(self) -> None:
        """Close all at once, the clients first."""
        for client in self.clients:
            client.close()
        self.server.close()

    def _ours(self, client: Client) -> Client:
        if client not in self.clients:
            message = f"{client!r} is not a client of this session"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        return client


class connected_session(Generic[Server, Client]):  # noqa: N801 - used like a function
    """Give a server and clients on 127.0.0.1, all connected; close them at the end.

    ``with connected_session(clients=3) as session`` for a test that polls (``session.until(…)``
    does); ``async with`` for one under trio or asyncio, where all run by themselves. All get
    ``on_error = "raise"`` and no heartbeat, as those of :class:`connected_pair`.

    Args:
        clients: how many; at most 1000.
        gd_mp_api: connect them as peers of a session; else as plain WebSocket peers.
        godot4: connect ``WebSocketMultiplayerPeer``, with Godot 4's protocol.
        server: a configured object to use, with listeners connected.

    Raises:
        TimeoutError, MultiplayerError: they could not be connected.
        MultiplayerError: ``ERR_INVALID_PARAMETER``: ``godot4`` with what is not Godot 4's, or
            ``clients`` is not a number of them.
    """

    @overload
    def __init__(
        self: connected_session[WebSocketServer, WebSocketClient],
        clients: int = 2,
        gd_mp_api: bool = True,
        *,
        godot4: Literal[False] = False,
        server: WebSocketServer | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: connected_session[WebSocketMultiplayerPeer, WebSocketMultiplayerPeer],
        clients: int = 2,
        *,
        godot4: Literal[True],
        server: WebSocketMultiplayerPeer | None = None,
    ) -> None: ...
    def __init__(
        self,
        clients: int = 2,
        gd_mp_api: bool = True,
        *,
        godot4: bool = False,
        server: WebSocketMultiplayerPeer | None = None,
    ) -> None:
        check_modes(gd_mp_api, godot4)
        check_clients(clients)
        self._gd_mp_api = gd_mp_api
        made = WebSocketMultiplayerPeer if godot4 else WebSocketClient
        if server is None:
            server = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
        peers = tuple(made() for _ in range(clients))
        for peer in (server, *peers):
            prepare(peer, godot4=godot4)
        # The overloads say which classes they are.
        self._session: ConnectedSession[Any, Any] = ConnectedSession(server, peers)
        self._stack = AsyncExitStack()

    def __enter__(self) -> ConnectedSession[Server, Client]:
        session = self._session
        listen(session.server, gd_mp_api=self._gd_mp_api)
        try:
            url = url_of(session.server)
            for client in session.clients:
                dial(client, url, gd_mp_api=self._gd_mp_api)
                session.until(lambda client=client: is_decided(client))
                check_connected(client, "session")
            if self._gd_mp_api:
                count = len(session.clients)
                session.until(lambda: len(session.server.get_peers()) == count)
        except BaseException:
            session.close()
            raise
        return session

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    async def __aenter__(self) -> ConnectedSession[Server, Client]:
        scopes, session = current_scopes(), self._session
        mode = self._gd_mp_api
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(served(scopes, session.server, gd_mp_api=mode))
            url = url_of(session.server)
            for client in session.clients:
                block = joined(scopes, client, url, gd_mp_api=mode)
                await stack.enter_async_context(block)
            self._stack = stack.pop_all()
        return session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, traceback)


def check_clients(clients: object) -> None:
    """Raise unless it is a number of clients that a session can have.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``.
    """
    if type(clients) is not int or not 0 <= clients <= MOST_CLIENTS:
        message = f"clients must be an int from 0 to {MOST_CLIENTS}, not {clients!r}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
