"""Peers under trio: waiting for the reactor instead of calling ``poll()`` in a loop."""

from __future__ import annotations

import logging
import math
import selectors
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import trio

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.handlers import check_on_error
from multiplayer.support.log_error import describe_error, error_fields
from multiplayer.support.log_line import write_line
from multiplayer.support.number_setting import check_number
from peers.websocket.close_codes import GOING_AWAY
from peers.websocket.closing import PATIENCE
from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

from .bare_errors import bare_errors
from .stop_signals import heed, received
from .task_starter import TaskStarter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Sequence

    from multiplayer.handlers import Handlers, OnError
    from peers.sockets.engine import Reactor


_log = logging.getLogger(__name__)


class Pollable(Protocol):
    """What :func:`run` drives besides peers: something that polls its ``multiplayer_peer``.

    It may have two members more. ``next_deadline()`` returns when ``poll()`` has something to do at
    the latest, in seconds on the peer's clock; ``math.inf`` for never. ``spawn`` is set while
    ``run`` drives it, and None else: ``spawn(async_fn, *args)`` starts a task, see :func:`run`.
    """

    @property
    def multiplayer_peer(self) -> object:
        """The peer below."""
        ...

    def poll(self) -> object:
        """Poll the peer, and more."""
        ...


@runtime_checkable
class _HasDeadlines(Protocol):
    def next_deadline(self) -> float: ...


@runtime_checkable
class _Spawns(Protocol):
    spawn: Callable[..., None] | None


@runtime_checkable
class _HasHandlers(Protocol):
    @property
    def handlers(self) -> Handlers: ...


async def run(
    *pollables: WebSocketMultiplayerPeer | Pollable,
    hz: float | None = None,
    on_error: OnError | None = None,
    stop_on_signals: bool = False,
) -> None:
    """Drive peers under trio until all of them are disconnected.

    Call ``connect_to_url()`` or ``listen()`` first: a peer that is disconnected has nothing to run
    for, and ``run`` returns at once. Or use :func:`connect` and :func:`serve`, which do both.

    A pollable that is given another peer goes on with that one. The one before, or one that was
    taken away (``multiplayer_peer = None``), is closed with code 1001.

    Each is polled whenever something has arrived, was put or is due. When cancelled, peers that are
    connected get a close frame 1001 if the socket takes it, and everything is closed at once: the
    last packets may be lost.

    Tasks that a pollable spawns begin in the order of the calls, each with the context variables of
    its call. They are cancelled when the pollable is not run any more.

    Args:
        *pollables: peers, or what polls one (``SceneMultiplayer``).
        hz: poll so many times a second instead, to handle what arrives in ticks. Everything waits
            for the next tick then, deadlines and ``close()`` too.
        on_error: the ``on_error`` of the pollables and their peers, for as long as they are run;
            None for what it is already. What is no peer and no ``SceneMultiplayer`` has none: what
            the ``poll`` and the tasks of such a pollable raise ends ``run``, unless this argument
            takes or logs it.
        stop_on_signals: at SIGTERM and Ctrl-C (Ctrl-Break too on Windows) close all connections
            with code 1000, wait for the answers, at most twice the ``close_timeout``, and return. A
            second signal ends it at once. Only in the main thread, and once in a program.

    Raises:
        MultiplayerError: ``ERR_ALREADY_IN_USE``: one is being run already;
            ``ERR_INVALID_PARAMETER``: ``hz`` is not positive and finite, ``on_error`` is none,
            or one has no peer to run; ``ERR_UNAVAILABLE``: ``stop_on_signals`` in another thread.
        Exception: what a handler raised, with ``on_error="raise"``.
    """
    if on_error is not None:
        check_on_error(on_error)
    if hz is not None:
        check_number("hz", hz, above_zero=True)
    for pollable in pollables:
        if _peer_of(pollable) is None:
            message = f"{pollable!r} has no WebSocket peer to run; set its multiplayer_peer first"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    check_not_run(*pollables)
    with received(wanted=stop_on_signals) as signals:
        if signals is None:
            await _run_all(pollables, hz, on_error)
            return
        with bare_errors():
            async with trio.open_nursery() as nursery:
                leave = partial(_leave, pollables, nursery.cancel_scope)
                nursery.start_soon(heed, signals, leave, nursery.cancel_scope.cancel)
                await _run_all(pollables, hz, on_error)
                nursery.cancel_scope.cancel()


def check_not_run(*pollables: WebSocketMultiplayerPeer | Pollable) -> None:
    """Raise if one of them is being run already, or stands there twice.

    Raises:
        MultiplayerError: ``ERR_ALREADY_IN_USE``.
    """
    seen: set[int] = set()
    for pollable in pollables:
        peer = _peer_of(pollable)
        runs = isinstance(pollable, _Spawns) and isinstance(pollable.spawn, TaskStarter)
        if peer is not None:
            runs = runs or peer.reactor.awaited or id(peer) in seen
            seen.add(id(peer))
        if runs:
            what = "peer" if pollable is peer else "API"
            message = f"this {what} is being run already; wait for that to end, or cancel it"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)


async def _run_all(
    pollables: Sequence[WebSocketMultiplayerPeer | Pollable],
    hz: float | None,
    on_error: OnError | None,
) -> None:
    if len(pollables) == 1:
        await _run_one(pollables[0], hz, on_error)
    else:
        with bare_errors():
            async with trio.open_nursery() as nursery:
                for pollable in pollables:
                    nursery.start_soon(_run_one, pollable, hz, on_error)
    # Who has nothing to run for has not waited; a loop around `run` must let others have a turn.
    await trio.lowlevel.checkpoint()


def _leave(
    pollables: Sequence[WebSocketMultiplayerPeer | Pollable], scope: trio.CancelScope
) -> None:
    """Begin to disconnect all peers; cancel what then still runs."""
    peers = [peer for peer in map(_peer_of, pollables) if peer is not None]
    for peer in peers:
        peer.begin_leaving()
    patience = max((peer.close_timeout for peer in peers), default=0.0)
    scope.deadline = trio.current_time() + PATIENCE * patience


async def _run_one(
    pollable: WebSocketMultiplayerPeer | Pollable,
    hz: float | None,
    on_error: OnError | None,
) -> None:
    check_not_run(pollable)  # since the task began, which has waited
    peer = _peer_of(pollable)
    if peer is None:  # for the same reason
        return
    take = None if isinstance(pollable, _HasHandlers) else _taker(on_error)
    with _setting_on_error(pollable, on_error):
        if not isinstance(pollable, _Spawns):
            await _run_peers(pollable, peer, hz, on_error, take)
            return
        with bare_errors():
            async with trio.open_nursery() as nursery:
                pollable.spawn = TaskStarter(nursery, take)
                try:
                    await _run_peers(pollable, peer, hz, on_error, take)
                finally:
                    pollable.spawn = None
                nursery.cancel_scope.cancel()


@contextmanager
def _setting_on_error(target: object, on_error: OnError | None) -> Generator[None]:
    """Let ``on_error`` hold for a peer or an API for a while; None, or another object: nothing."""
    if on_error is None or not isinstance(target, _HasHandlers):
        yield
        return
    handlers = target.handlers
    before, handlers.on_error = handlers.on_error, on_error
    try:
        yield
    finally:
        if handlers.on_error is on_error:  # else the program has set another one meanwhile
            handlers.on_error = before


def _taker(on_error: OnError | None) -> Callable[[Exception], object] | None:
    """Return what takes the exceptions of a pollable that does not know ``on_error``."""
    if on_error == "log":
        return _log_error
    return on_error if callable(on_error) else None


def _log_error(error: Exception) -> None:
    words, fields = "what is run has raised: %s", error_fields(error)
    write_line(_log, logging.ERROR, words, describe_error(error), fields=fields)


def _peer_of(pollable: WebSocketMultiplayerPeer | Pollable) -> WebSocketMultiplayerPeer | None:
    peer = pollable
    if not isinstance(peer, WebSocketMultiplayerPeer):
        peer = getattr(peer, "multiplayer_peer", None)
    return peer if isinstance(peer, WebSocketMultiplayerPeer) else None


async def _run_peers(
    pollable: WebSocketMultiplayerPeer | Pollable,
    peer: WebSocketMultiplayerPeer,
    hz: float | None,
    on_error: OnError | None,
    take: Callable[[Exception], object] | None,
) -> None:
    """Run a peer, and then the one that a pollable has been given instead of it."""
    following: WebSocketMultiplayerPeer | None = peer
    while following is not None:
        peer, reactor = following, following.reactor
        if reactor.awaited:
            message = "this peer is being run already; wait for that to end, or cancel it"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        reactor.awaited = True
        try:
            with _setting_on_error(peer, on_error):
                await _keep_polling(pollable, peer, hz, take)
        finally:
            _let_go(peer, reactor)
        following = _peer_of(pollable)
        if following is peer:
            return


async def _keep_polling(
    pollable: WebSocketMultiplayerPeer | Pollable,
    peer: WebSocketMultiplayerPeer,
    hz: float | None,
    take: Callable[[Exception], object] | None,
) -> None:
    """Poll until the peer is disconnected, or is not the pollable's any more."""
    tick = trio.current_time()
    while True:
        try:
            _poll(pollable)
        except Exception as error:
            if take is None:
                raise
            take(error)
        if peer.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED:
            return
        if _peer_of(pollable) is not peer:
            return
        if hz is None:
            await _wait(pollable, peer)
        else:
            # Ticks that were missed are left out, not made up for.
            tick = max(tick + 1 / hz, trio.current_time())
            await trio.sleep_until(tick)


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


async def _wait(
    pollable: WebSocketMultiplayerPeer | Pollable, peer: WebSocketMultiplayerPeer
) -> None:
    """Wait until a socket stirs, a deadline comes or somebody wakes the reactor."""
    reactor = peer.reactor
    with trio.CancelScope() as scope:
        reactor.on_wake = scope.cancel
        due = reactor.next_deadline()
        if isinstance(pollable, _HasDeadlines):
            due = min(due, pollable.next_deadline())
        pause = due - peer.now()
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
