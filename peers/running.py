"""Peers under trio: waiting for the reactor instead of calling ``poll()`` in a loop."""

from __future__ import annotations

import math
import selectors
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TypeVarTuple

import trio

from multiplayer import BoundSignal, ConnectionStatus, Error, MultiplayerError

from .close_codes import GOING_AWAY
from .websocket_client import WebSocketClient
from .websocket_multiplayer_peer import WebSocketMultiplayerPeer
from .websocket_server import WebSocketServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence

    from .reactor import Reactor

Ts = TypeVarTuple("Ts")


class Pollable(Protocol):
    """What :func:`run` drives besides peers: something that polls its ``multiplayer_peer``."""

    @property
    def multiplayer_peer(self) -> object:
        """The peer below."""
        ...

    def poll(self) -> object:
        """Poll the peer, and more."""
        ...


async def run(
    *pollables: WebSocketMultiplayerPeer | Pollable,
    hz: float | None = None,
    on_error: Callable[[Exception], object] | None = None,
) -> None:
    """Drive peers under trio until all of them are disconnected.

    Call ``connect_to_url()`` or ``listen()`` first: a peer that is disconnected has nothing to run
    for, and ``run`` returns at once. Or use :func:`connect` and :func:`serve`, which do both.

    Each is polled whenever something has arrived, was put or is due. When cancelled, peers that are
    connected get a close frame 1001 if the socket takes it, and everything is closed at once.

    Args:
        *pollables: peers, or what polls one (``SceneMultiplayer``).
        hz: poll so many times a second instead, to handle what arrives in ticks. Everything waits
            for the next tick then, deadlines and ``close()`` too.
        on_error: takes what listeners raise; without it, that ends ``run``.

    Raises:
        MultiplayerError: ``ERR_ALREADY_IN_USE``: one is being run already;
            ``ERR_INVALID_PARAMETER``: ``hz`` is not positive, or one has no peer to run.
        Exception: what a listener raised.
    """
    if hz is not None and not hz > 0:
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, f"hz must be positive, not {hz}")
    if len(pollables) == 1:
        await _run_one(pollables[0], hz, on_error)
        return
    with _bare_errors():
        async with trio.open_nursery() as nursery:
            for pollable in pollables:
                nursery.start_soon(_run_one, pollable, hz, on_error)


async def _run_one(
    pollable: WebSocketMultiplayerPeer | Pollable,
    hz: float | None,
    on_error: Callable[[Exception], object] | None,
) -> None:
    peer = pollable
    if not isinstance(peer, WebSocketMultiplayerPeer):
        peer = getattr(peer, "multiplayer_peer", None)
        if not isinstance(peer, WebSocketMultiplayerPeer):
            message = f"{pollable!r} has no WebSocket peer to run; set its multiplayer_peer first"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    reactor = peer.reactor
    if reactor.held:
        message = "this peer is being run already; wait for that to end, or cancel it"
        raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
    reactor.held = True
    tick = trio.current_time()
    try:
        while True:
            try:
                _poll(pollable)
            except Exception as error:
                if on_error is None:
                    raise
                on_error(error)
                await trio.lowlevel.checkpoint()
                continue
            if peer.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED:
                return
            if hz is None:
                await _wait(peer, reactor)
            else:
                # Ticks that were missed are left out, not made up for.
                tick = max(tick + 1 / hz, trio.current_time())
                await trio.sleep_until(tick)
    finally:
        _let_go(peer, reactor)


@trio.lowlevel.enable_ki_protection
def _let_go(peer: WebSocketMultiplayerPeer, reactor: Reactor) -> None:
    """Close everything, also if Ctrl-C comes a second time."""
    try:
        peer.end_at_once(GOING_AWAY)
    finally:
        reactor.release()


@trio.lowlevel.enable_ki_protection
def _poll(pollable: WebSocketMultiplayerPeer | Pollable) -> None:
    """Poll with Ctrl-C held back until the next checkpoint, so that no state is half changed."""
    pollable.poll()


async def _wait(peer: WebSocketMultiplayerPeer, reactor: Reactor) -> None:
    """Wait until a socket stirs, a deadline comes or somebody wakes the reactor."""
    with trio.CancelScope() as scope:
        reactor.on_wake = scope.cancel
        pause = reactor.next_deadline() - peer.now()
        if pause <= 0:
            scope.cancel()
        elif pause < math.inf:
            scope.deadline = trio.current_time() + pause
        descriptor = reactor.fileno()
        if descriptor is not None:
            await trio.lowlevel.wait_readable(descriptor)
        else:
            await _wait_for_any(reactor, scope)
    reactor.on_wake = reactor.on_close = None


async def _wait_for_any(reactor: Reactor, scope: trio.CancelScope) -> None:
    """Do without a descriptor of the selector's own, as on Windows: a small task per socket."""

    async def wait(until_ready: Callable[[int], Awaitable[None]], descriptor: int) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()  # the descriptor may be closed by now
        with suppress(trio.ClosedResourceError):
            await until_ready(descriptor)
        scope.cancel()

    def closing(descriptor: int) -> None:
        trio.lowlevel.notify_closing(descriptor)
        scope.cancel()

    reactor.on_close = closing

    async with trio.open_nursery() as nursery:
        for descriptor, events in reactor.watched():
            if events & selectors.EVENT_READ:
                nursery.start_soon(wait, trio.lowlevel.wait_readable, descriptor)
            if events & selectors.EVENT_WRITE:
                nursery.start_soon(wait, trio.lowlevel.wait_writable, descriptor)
        await trio.sleep_forever()


@asynccontextmanager
async def connect(
    url: str,
    *,
    protocols: Sequence[str] = (),
    gd_mp_api: bool = True,
    custom_headers: Sequence[str] = (),
    peer: WebSocketClient | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - part of the connection, not of the caller
) -> AsyncGenerator[WebSocketClient]:
    """Connect a client and run it: ``async with peers.connect(url) as client``.

    Entered when the client has connected (in gd_mp mode: its session came up). Left normally, it
    closes with code 1000 and waits for the answer, at most ``close_timeout``.

    Args:
        url: see ``WebSocketClient.connect_to_url``, also for the next three.
        protocols: the sub-protocols to ask for.
        gd_mp_api: be a peer of a Godot session.
        custom_headers: further header lines.
        peer: a configured client to use, with listeners connected.
        timeout: how long connecting may take, in seconds, instead of ``handshake_timeout``.

    Raises:
        MultiplayerError: ``ERR_CANT_CONNECT``: it did not come up; the sentence and the client's
            ``failure`` say why. Else as ``connect_to_url``.
        Exception: what a listener raised.
    """
    client = WebSocketClient() if peer is None else peer
    with _bare_errors():
        async with trio.open_nursery() as nursery:
            patience = client.handshake_timeout
            client.handshake_timeout = patience if timeout is None else timeout
            try:
                client.connect_to_url(url, protocols, gd_mp_api, custom_headers)
            finally:
                client.handshake_timeout = patience
            news = _News()
            nursery.start_soon(_run_and_tell, client, news)
            with (
                _told_by(client.connection_succeeded, news, came_up=True),
                _told_by(client.connection_established, news, came_up=not gd_mp_api),
            ):
                # It may come up and be gone again before we look.
                while not news.came_up:
                    if news.run_is_over:
                        why = client.failure or "it was closed while connecting"
                        message = f"no connection to {url}: {why}"
                        raise MultiplayerError(Error.ERR_CANT_CONNECT, message)
                    await news.wait()
            yield client
            # A listener may connect again when the connection has closed: that one has to go too.
            with _told_by(client.connection_closed, news), _told_by(client.connection_error, news):
                client.begin_leaving()
                if not news.run_is_over:
                    await news.wait()
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def serve(
    port: int,
    *,
    host: str = "127.0.0.1",
    protocols: Sequence[str] = (),
    gd_mp_api: bool = True,
    peer: WebSocketServer | None = None,
) -> AsyncGenerator[WebSocketServer]:
    """Listen and run a server: ``async with peers.serve(9080) as server``.

    Left normally, it accepts nobody any more, closes all connections with code 1000 and waits for
    the answers, at most ``close_timeout``.

    Args:
        port: the TCP port; 0 for a free one, which ``server.get_local_port()`` tells.
        host: the address to listen at; "*" for every interface.
        protocols: see ``WebSocketServer.listen``.
        gd_mp_api: be the server of a Godot session.
        peer: a configured server to use, with listeners connected.

    Raises:
        MultiplayerError: as ``WebSocketServer.listen``.
        Exception: what a listener raised.
    """
    server = WebSocketServer() if peer is None else peer
    server.bind_ip = host
    server.listen(port, protocols, gd_mp_api)
    with _bare_errors():
        async with trio.open_nursery() as nursery:
            news = _News()
            nursery.start_soon(_run_and_tell, server, news)
            yield server
            server.begin_leaving()
            # A listener may listen again when its clients have gone: that has to end too.
            with trio.move_on_after(2 * server.close_timeout):
                while not news.run_is_over:
                    await news.wait()
            nursery.cancel_scope.cancel()


class _News:
    """Wakes a task when a signal is emitted or a peer's ``run`` is over."""

    def __init__(self) -> None:
        self._event = trio.Event()
        self.came_up = False
        self.run_is_over = False

    async def wait(self) -> None:
        """Wait for the next news."""
        await self._event.wait()
        self._event = trio.Event()

    def tell(self) -> None:
        """There is news."""
        self._event.set()


@contextmanager
def _told_by(signal: BoundSignal[*Ts], news: _News, *, came_up: bool = False) -> Generator[None]:
    """Let emissions of ``signal`` be news, and mean that the connection ``came_up``."""

    def listen(*args: *Ts) -> None:
        del args
        news.came_up = news.came_up or came_up
        news.tell()

    signal.connect(listen)
    try:
        yield
    finally:
        signal.disconnect(listen)


async def _run_and_tell(peer: WebSocketMultiplayerPeer, news: _News) -> None:
    try:
        await run(peer)
    finally:
        news.run_is_over = True
        news.tell()


@contextmanager
def _bare_errors() -> Generator[None]:
    """Take the wrapping off an exception group that holds one exception only.

    A nursery wraps whatever leaves it; who uses it inside needs not know.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        inner, *others = group.exceptions
        if others:
            raise
        raise inner from inner.__cause__
