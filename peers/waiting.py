"""Waiting for signals under trio."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVarTuple

import trio

from multiplayer import BoundSignal, Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from multiplayer.signals import AnySignal

Ts = TypeVarTuple("Ts")


async def fired(*signals: BoundSignal[*tuple[Any, ...]]) -> tuple[AnySignal, tuple[Any, ...]]:
    """Wait until one of the signals is emitted; return it and its arguments.

    What was emitted before the call does not count; to lose nothing, use :func:`emissions`.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: no signal was given.
    """
    if not signals:
        message = "fired() needs a signal to wait for"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    happened = trio.Event()
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
async def emissions(signal: BoundSignal[*Ts]) -> AsyncGenerator[AsyncIterator[tuple[*Ts]]]:
    """Give the stream of a signal's emissions, as tuples of its arguments.

    Whatever is emitted from entry to exit is kept until it is taken::

        async with emissions(server.peer_connected) as joins:
            async for (peer,) in joins:
                ...
    """
    sender, receiver = trio.open_memory_channel[tuple[*Ts]](float("inf"))

    def note(*args: *Ts) -> None:
        sender.send_nowait(args)

    signal.connect(note)
    try:
        yield receiver
    finally:
        # Before the channel is closed: what is emitted after that has nowhere to go.
        signal.disconnect(note)
        sender.close()
        receiver.close()
