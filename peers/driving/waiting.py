"""Waiting for signals and answers."""

from __future__ import annotations

import math
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

from multiplayer import BoundSignal, Error, MultiplayerError, PendingCall
from multiplayer.support.number_setting import check_number

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from multiplayer.signals import AnySignal

    from .library import Library

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


class Waiting:
    """Has ``fired``, ``emissions`` and ``reply``, for one library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    async def fired(
        self, *signals: BoundSignal[*tuple[Any, ...]]
    ) -> tuple[AnySignal, tuple[Any, ...]]:
        """Wait until one of the signals is emitted; return it and its arguments.

        What was emitted before the call does not count; to miss nothing, use :func:`emissions`.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: no signal was given, or something else.
        """
        _check_signals("fired", signals)
        happened = self._library.event()
        emitted: list[tuple[AnySignal, tuple[Any, ...]]] = []

        def note(signal: AnySignal, *args: object) -> None:
            emitted.append((signal, args))
            happened.set()

        with ExitStack() as listeners:
            for signal in signals:
                listener = partial(note, signal)
                signal.connect(listener)
                listeners.callback(signal.disconnect, listener)
            await happened.wait()
        return emitted[0]

    @asynccontextmanager
    async def emissions(
        self, signal: BoundSignal[*Ts]
    ) -> AsyncGenerator[AsyncIterator[tuple[*Ts]]]:
        """Give the stream of a signal's emissions, as tuples of its arguments.

        Whatever is emitted from entry to exit is kept until it is taken::

            async with emissions(server.peer_connected) as joins:
                async for (peer,) in joins:
                    ...

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a signal.
        """
        _check_signals("emissions", (signal,))
        stream = self._library.stream()

        def note(*args: *Ts) -> None:
            stream.put(args)

        signal.connect(note)
        try:
            yield stream.items
        finally:
            # Before the stream is closed: what is emitted after that has nowhere to go.
            signal.disconnect(note)
            stream.close()

    async def reply(
        self,
        call: PendingCall[R],
        timeout: float | None = None,  # noqa: ASYNC109 - of the call
    ) -> R:
        """Wait for the answer to a question: ``await peers.reply(node.method.call_id(peer, …))``.

        The peer has to be driven meanwhile, by ``run`` or by polling. If the wait ends without an
        answer, by ``timeout`` or because it is cancelled, the call ends, too: an answer that comes
        later is counted and dropped.

        Args:
            call: what ``call_id`` returned; it may already be done.
            timeout: how long to wait, in seconds; None for as long as the peer is there.

        Returns:
            What the method returned there.

        Raises:
            TimeoutError: there was no answer in time.
            RemoteError: the method raised there, or could not be called.
            PeerLeft: the peer has left without an answer.
            MultiplayerError: ``ERR_SKIP``: somebody else cancelled the call;
                ``ERR_INVALID_PARAMETER``: it is not a call that gets an answer, or ``timeout`` is
                not a time.
        """
        if not isinstance(call, PendingCall):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = (
                f"only call_id() has an answer to wait for (rpc() and rpc_id() have none): {call!r}"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        if timeout is not None:
            check_number("timeout", timeout, finite=False)
        answered = self._library.event()
        call.on_done(lambda _: answered.set())
        try:
            async with self._library.scope(math.inf if timeout is None else timeout):
                await answered.wait()
            if not call.done:
                message = f"no answer from peer {call.peer} to {call.what} within {timeout:g} s"
                raise TimeoutError(message)
        finally:
            call.cancel()  # nothing if it is done
        return call.result()


def _check_signals(function: str, signals: tuple[object, ...]) -> None:
    if not signals:
        message = f"{function}() needs a signal to wait for"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    for signal in signals:
        if not isinstance(signal, BoundSignal):
            message = (
                f"{function}() waits for a signal of a peer or an API, such as "
                f"server.peer_connected, not {signal!r}"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
