"""``connect`` and ``serve``: a peer that lasts as long as a block of code."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar, overload

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.resume_words import without_secrets
from multiplayer.handlers import check_on_error
from multiplayer.support.number_setting import check_number
from peers.rooms.lobby_client import LobbyClient
from peers.rooms.room_server import RoomServer
from peers.websocket_client import WebSocketClient
from peers.websocket_server import WebSocketServer

from .beginnings import (
    LOOPBACK,
    begin_connecting,
    begin_serving,
    came_up,
    check_simulated,
    endings,
    has_plain_signals,
    makes_its_peers,
    simulated_client,
    simulated_server,
)
from .drivable import leaving_patience
from .holders import check_not_run
from .in_network import check_network, settle_in, time_going_on
from .lobby import Lobby
from .news import News, told_by
from .scope_checks import check_before_it_begins, not_for_godot4
from .stop_signals import heed, received

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from multiplayer import SceneMultiplayer
    from multiplayer.handlers import OnError
    from multiplayer.resume import Resume
    from multiplayer.session_peer import SessionPeer
    from multiplayer.testing import SimulatedClient, SimulatedNetwork, SimulatedServer
    from peers.rooms.room import Room
    from peers.tls_options import TLSOptions
    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

    from .in_network import HasTime, Network
    from .library import Group, Library
    from .running import Running
    from .waiting import Waiting

Peer = TypeVar("Peer", bound="WebSocketMultiplayerPeer")


class Scopes:
    """Has ``connect`` and ``serve``, for one library.

    Args:
        library: the library.
        running: has its ``run``.
        answers: has its ``reply``.
    """

    def __init__(self, library: Library, running: Running, answers: Waiting) -> None:
        self._library = library
        self._answers = answers
        self._running = running

    @overload
    def connect(
        self,
        url: str,
        *,
        protocols: Sequence[str] = (),
        gd_mp_api: bool = True,
        custom_headers: Sequence[str] = (),
        peer: WebSocketClient | None = None,
        api: SceneMultiplayer | None = None,
        timeout: float | None = None,
        resume: Resume | None = None,
        on_error: OnError | None = None,
        heartbeat_interval: float | None = None,
        network: Network | None = None,
    ) -> AbstractAsyncContextManager[WebSocketClient]: ...
    @overload
    def connect(
        self,
        url: str,
        *,
        peer: Peer,
        api: SceneMultiplayer | None = None,
        timeout: float | None = None,
        resume: Resume | None = None,
        on_error: OnError | None = None,
        heartbeat_interval: float | None = None,
        network: Network | None = None,
    ) -> AbstractAsyncContextManager[Peer]: ...
    @overload
    def connect(
        self,
        url: str,
        *,
        gd_mp_api: bool = True,
        api: SceneMultiplayer | None = None,
        timeout: float | None = None,
        resume: Resume | None = None,
        on_error: OnError | None = None,
        heartbeat_interval: float | None = None,
        network: SimulatedNetwork,
    ) -> AbstractAsyncContextManager[SimulatedClient]: ...
    @asynccontextmanager
    async def connect(
        self,
        url: str,
        *,
        protocols: Sequence[str] = (),
        gd_mp_api: bool = True,
        custom_headers: Sequence[str] = (),
        peer: WebSocketMultiplayerPeer | None = None,
        api: SceneMultiplayer | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - part of the connection, not of the caller
        resume: Resume | None = None,
        on_error: OnError | None = None,
        heartbeat_interval: float | None = None,
        network: Network | SimulatedNetwork | None = None,
    ) -> AsyncGenerator[WebSocketMultiplayerPeer | SimulatedClient]:
        """Connect a client and run it: ``async with peers.connect(url) as client``.

        The block is entered once the client has connected (in gd_mp mode: its session came up; with
        an ``api``: that has emitted ``connected_to_server``). Left normally, it closes with code
        1000, after what was put, and waits for the answer, at most twice ``close_timeout``.
        Cancelled, or left by an exception, it closes at once: then the last packets may be lost.

        Args:
            url: see ``WebSocketClient.connect_to_url``, also for the next three.
            protocols: the sub-protocols to ask for.
            gd_mp_api: be a peer in a Godot session.
            custom_headers: additional header lines.
            peer: a configured client to use, with listeners connected. A
                ``WebSocketMultiplayerPeer`` connects with ``create_client``; it has attributes of
                its own instead of the three above.
            api: run this on top of the client; it becomes its ``multiplayer_peer``.
            timeout: how long connecting may take, in seconds, instead of ``handshake_timeout``.
            resume: set as the client's attribute of that name, unless it is None: then a client
                that loses its connection comes back by itself, and the block goes on.
            on_error: the ``on_error`` of client and ``api`` for as long as the block lasts.
            heartbeat_interval: set as the client's attribute of that name, unless it is None.
            network: connect in this ``MemoryNetwork`` or ``SimulatedNetwork``, whatever host the
                URL names. Its time is the library's meanwhile, and its ``advance`` and the like
                raise. The latter makes the client, a ``SimulatedClient``.

        Raises:
            MultiplayerError: ``ERR_CANT_CONNECT``: it did not come up; the sentence and the
                client's ``failure`` say why; ``ERR_ALREADY_IN_USE``: the ``api`` is being run;
                ``ERR_INVALID_PARAMETER``: ``peer`` or ``api`` is not valid. Otherwise as for
                ``connect_to_url``, and for a peer that does not fit the ``api``.
            Exception: what a handler raised, with ``on_error="raise"``.
        """
        client: WebSocketMultiplayerPeer | SimulatedClient
        client = WebSocketClient() if peer is None else peer
        check_before_it_begins(client, "create_client", api, on_error)
        check_network(network)
        if not isinstance(client, WebSocketClient) and not (
            gd_mp_api and not protocols and not custom_headers
        ):
            raise not_for_godot4("gd_mp_api, protocols and custom_headers")
        if timeout is not None:
            check_number("timeout", timeout, above_zero=True, finite=False)
        async with self._group_in(network) as group:
            if makes_its_peers(network):
                check_simulated(peer=peer, protocols=protocols, custom_headers=custom_headers)
                client = simulated_client(network, url, api, gd_mp_api)
            else:
                settle_in(network, client)
            patience = client.handshake_timeout
            client.handshake_timeout = patience if timeout is None else timeout
            _set_heartbeat(client, heartbeat_interval)
            if resume is not None:
                client.resume = resume
            try:
                begin_connecting(client, url, protocols, gd_mp_api, custom_headers)
            finally:
                client.handshake_timeout = patience
            _give(client, api)
            news = News(self._library)
            group.start_soon(self._run_and_tell, api or client, on_error, news)
            with ExitStack() as listening:
                listening.enter_context(told_by(came_up(client, api), news, came_up=True))
                if has_plain_signals(client):
                    plain_up = client.connection_established
                    listening.enter_context(told_by(plain_up, news, came_up=not gd_mp_api))
                # It may come up and be gone again before we look.
                while not news.came_up:
                    if news.run_is_over:
                        why = client.failure or "it was closed while connecting"
                        message = f"no connection to {without_secrets(url)}: {why}"
                        raise MultiplayerError(Error.ERR_CANT_CONNECT, message)
                    await news.wait()
            yield client
            # A listener may connect again when the connection has closed: that one has to go too.
            with ExitStack() as listening:
                if has_plain_signals(client):
                    listening.enter_context(told_by(client.connection_closed, news))
                    listening.enter_context(told_by(client.connection_error, news))
                else:
                    for ending in endings(client):
                        listening.enter_context(told_by(ending, news))
                client.begin_leaving()
                async with self._library.scope(leaving_patience(client)):
                    if not (news.run_is_over or _is_given_up(client, api)):
                        await news.wait()
            group.cancel()

    @overload
    def serve(
        self,
        port: int,
        *,
        host: str | None = None,
        protocols: Sequence[str] = (),
        gd_mp_api: bool = True,
        peer: WebSocketServer | None = None,
        api: SceneMultiplayer | None = None,
        on_error: OnError | None = None,
        heartbeat_interval: float | None = None,
        stop_on_signals: bool = False,
        network: Network | None = None,
    ) -> AbstractAsyncContextManager[WebSocketServer]: ...
    @overload
    def serve(
        self,
        port: int,
        *,
        host: str | None = None,
        peer: Peer,
        api: SceneMultiplayer | None = None,
        on_error: OnError | None = None,
        heartbeat_interval: float | None = None,
        stop_on_signals: bool = False,
        network: Network | None = None,
    ) -> AbstractAsyncContextManager[Peer]: ...
    @overload
    def serve(
        self,
        port: int,
        *,
        gd_mp_api: bool = True,
        api: SceneMultiplayer | None = None,
        on_error: OnError | None = None,
        heartbeat_interval: float | None = None,
        stop_on_signals: bool = False,
        network: SimulatedNetwork,
    ) -> AbstractAsyncContextManager[SimulatedServer]: ...
    @asynccontextmanager
    async def serve(
        self,
        port: int,
        *,
        host: str | None = None,
        protocols: Sequence[str] = (),
        gd_mp_api: bool = True,
        peer: WebSocketMultiplayerPeer | None = None,
        api: SceneMultiplayer | None = None,
        on_error: OnError | None = None,
        heartbeat_interval: float | None = None,
        stop_on_signals: bool = False,
        network: Network | SimulatedNetwork | None = None,
    ) -> AsyncGenerator[WebSocketMultiplayerPeer | SimulatedServer]:
        """Listen and run a server: ``async with peers.serve(9080) as server``.

        When the block is left normally, the server stops accepting, closes all connections with
        code 1000 and waits for the answers, at most twice ``close_timeout``. Cancelled, or left by
        an exception, it closes at once: then the last packets may be lost.

        Args:
            port: the TCP port; 0 for a free one, see ``server.get_local_port()``.
            host: the address to listen on; "*" for every interface. None for the ``bind_ip`` that
                was set on the ``peer``, or else 127.0.0.1.
            protocols: see ``WebSocketServer.listen``.
            gd_mp_api: be the server of a Godot session.
            peer: a configured server to use, with listeners connected. A
                ``WebSocketMultiplayerPeer`` listens with ``create_server``; it has attributes of
                its own instead of the two above.
            api: run this on top of the server; it becomes its ``multiplayer_peer``.
            on_error: the ``on_error`` of server and ``api`` for as long as the block lasts.
            heartbeat_interval: set as the server's attribute of that name, unless it is None.
            stop_on_signals: SIGTERM and Ctrl-C (on Windows also Ctrl-Break) cancel what is in the
                block, which is then left normally: the program goes on after it. A second signal
                ends it at once, with code 1001. Only in the main thread, and once in a program.
            network: listen in this network; see ``connect``.

        Raises:
            MultiplayerError: as for ``WebSocketServer.listen``; also if the peer does not fit the
                ``api``, or the ``api`` is being run (``ERR_ALREADY_IN_USE``);
                ``ERR_INVALID_PARAMETER``: ``peer`` or ``api`` is not valid;
                ``ERR_UNAVAILABLE``: ``stop_on_signals`` in another thread.
            Exception: what a handler raised, with ``on_error="raise"``.
        """
        server: WebSocketMultiplayerPeer | SimulatedServer
        server = WebSocketServer() if peer is None else peer
        check_before_it_begins(server, "create_server", api, on_error)
        check_network(network)
        with (
            time_going_on(network, self._library),
            received(self._library, wanted=stop_on_signals) as signals,
        ):
            if makes_its_peers(network):
                check_simulated(peer=peer, protocols=protocols, host=host)
                server = simulated_server(network, port, api, gd_mp_api, heartbeat_interval)
            else:
                settle_in(network, server)
                _set_heartbeat(server, heartbeat_interval)
                begin_serving(server, port, host, protocols, gd_mp_api)
            async with self._library.group() as group:
                _give(server, api)
                news = News(self._library)
                group.start_soon(self._run_and_tell, api or server, on_error, news)
                async with self._library.scope() as block:
                    if signals is not None:
                        group.start_soon(heed, signals, block.cancel, group.cancel)
                    yield server
                server.begin_leaving()
                # A listener may listen again when its clients have gone: that has to end too.
                async with self._library.scope(leaving_patience(server)):
                    while not (news.run_is_over or _is_given_up(server, api)):
                        await news.wait()
                group.cancel()

    @asynccontextmanager
    async def lobby(
        self,
        url: str,
        *,
        peer: WebSocketClient | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - part of the connection, not of the caller
        network: Network | None = None,
    ) -> AsyncGenerator[Lobby]:
        """Connect to the lobby of a server of rooms: ``async with peers.lobby(url) as lobby``.

        Args:
            url: the server's, such as ``wss://example.com:9080``; its path does not matter.
            peer: a configured client to use.
            timeout: how long connecting may take; see :meth:`connect`.
            network: connect in this ``MemoryNetwork``; see :meth:`connect`.

        Raises:
            MultiplayerError: as for :meth:`connect`; ``ERR_INVALID_PARAMETER``: that is no URL.
        """
        client = LobbyClient(url, peer)
        async with self.connect(
            client.url, peer=client.peer, api=client.api, timeout=timeout, network=network
        ):
            yield Lobby(client, self._answers)

    @asynccontextmanager
    async def serve_rooms(
        self,
        port: int,
        kinds: Mapping[str, type[Room]] | None = None,
        *,
        host: str | None = None,
        tls: TLSOptions | None = None,
        peer: RoomServer | None = None,
        on_error: OnError | None = None,
        stop_on_signals: bool = False,
        network: Network | None = None,
    ) -> AsyncGenerator[RoomServer]:
        """Listen and run a server of rooms: ``async with peers.serve_rooms(9080, {…}) as lobby``.

        When the block is left normally, the server stops accepting, closes all rooms with code 1000
        and waits for the answers, at most twice ``close_timeout``. Cancelled, or left by an
        exception, it closes at once: then the last packets may be lost.

        Args:
            port: the TCP port; 0 for a free one, see ``server.get_local_port()``.
            kinds: the kinds of rooms, by the names that stand in paths.
            host: the address to listen on; "*" for every interface, None for 127.0.0.1.
            tls: key and certificate for ``wss://``; None for ``ws://``.
            peer: a configured ``RoomServer`` to use instead of ``kinds``.
            on_error: the ``on_error`` of the server for as long as the block lasts.
            stop_on_signals: see :meth:`serve`.
            network: listen in this ``MemoryNetwork``; see :meth:`connect`.

        Raises:
            MultiplayerError: as for ``RoomServer`` and its ``listen``; ``ERR_INVALID_PARAMETER``:
                neither ``kinds`` nor a ``peer`` is given, or both are; ``ERR_UNAVAILABLE``:
                ``stop_on_signals`` in another thread.
            Exception: what a room's method raised, with ``on_error="raise"``.
        """
        if (kinds is None) is (peer is None):
            message = "give the kinds of rooms, or a RoomServer as peer that has them"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        server = RoomServer(kinds or {}) if peer is None else peer
        if not isinstance(server, RoomServer):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{server!r} is not a RoomServer; serve() is for other peers"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if on_error is not None:
            check_on_error(on_error)
        check_not_run(server)
        check_network(network)
        if makes_its_peers(network):
            message = (
                "rooms are chosen by URLs, which a SimulatedNetwork does not have; "
                "use a peers.memory.MemoryNetwork"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        with (
            time_going_on(network, self._library),
            received(self._library, wanted=stop_on_signals) as signals,
        ):
            settle_in(network, server)
            server.listen(port, LOOPBACK if host is None else host, tls)
            async with self._library.group() as group:
                news = News(self._library)
                group.start_soon(self._run_and_tell, server, on_error, news)
                async with self._library.scope() as block:
                    if signals is not None:
                        group.start_soon(heed, signals, block.cancel, group.cancel)
                    yield server
                server.begin_leaving()
                async with self._library.scope(leaving_patience(server)):
                    while not news.run_is_over:
                        await news.wait()
                group.cancel()

    @asynccontextmanager
    async def _group_in(self, network: HasTime | None) -> AsyncGenerator[Group]:
        with time_going_on(network, self._library):
            async with self._library.group() as group:
                yield group

    async def _run_and_tell(
        self,
        peer: SessionPeer | SceneMultiplayer | RoomServer,
        on_error: OnError | None,
        news: News,
    ) -> None:
        try:
            await self._running.run(peer, on_error=on_error)
        finally:
            news.run_is_over = True
            news.tell()


def _set_heartbeat(peer: SessionPeer, interval: float | None) -> None:
    if interval is not None:
        peer.heartbeat_interval = interval


def _give(peer: SessionPeer, api: SceneMultiplayer | None) -> None:
    if api is not None:
        try:
            api.multiplayer_peer = peer
        except MultiplayerError:
            peer.close()
            raise


def _is_given_up(peer: SessionPeer, api: SceneMultiplayer | None) -> bool:
    """Return whether the program has given the API another peer, or none, meanwhile."""
    return api is not None and api.multiplayer_peer is not peer
