"""A client on a bad network that lasts as long as a block of code, as that of ``peers.connect``."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import trio

from multiplayer import Error, MultiplayerError
from peers.driving.drivable import leaving_patience
from peers.trio import run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from multiplayer import BoundSignal
    from peers.conditioned import ConditionedPeer
    from peers.driving.drivable import Drivable, Pollable
    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer


@asynccontextmanager
async def connected(
    peer: ConditionedPeer,
    begin: Callable[[], object],
    driven: Drivable | Pollable,
    up: BoundSignal[()],
) -> AsyncGenerator[WebSocketMultiplayerPeer]:
    """Connect, and close properly at the end.

    Args:
        peer: the client.
        begin: begins to connect its inner peer.
        driven: what is polled: the client, or the API above it.
        up: is emitted when the connection is up.

    Raises:
        MultiplayerError: ``ERR_CANT_CONNECT``: it did not come up.
    """
    inner = cast("WebSocketMultiplayerPeer", peer.inner)
    came_up, over = trio.Event(), trio.Event()
    up.connect(came_up.set)

    async def drive() -> None:
        await run(driven)
        over.set()
        came_up.set()

    begin()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive)
        await came_up.wait()
        failed = over.is_set() and inner.failure is not None
        if not failed:
            yield inner
            peer.begin_leaving()
            with trio.move_on_after(leaving_patience(peer)):
                await over.wait()
        nursery.cancel_scope.cancel()
    if failed:  # out here, lest it be one of a group
        raise MultiplayerError(Error.ERR_CANT_CONNECT, f"no connection: {inner.failure}")
