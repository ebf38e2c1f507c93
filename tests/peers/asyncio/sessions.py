"""Small things that tests under asyncio share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from peers import WebSocketServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from peers import WebSocketMultiplayerPeer


async def until(condition: Callable[[], object]) -> None:
    """Let others go on until ``condition()`` is true; the test is bounded."""
    while not condition():  # noqa: ASYNC110 - of peers, which know no events
        await asyncio.sleep(0.001)


def listening() -> WebSocketServer:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    return server


def url_of(server: WebSocketMultiplayerPeer) -> str:
    return f"ws://127.0.0.1:{server.get_local_port()}"


class Polls:
    """Counts the polls of a peer that is about to be run."""

    def __init__(self, peer: WebSocketMultiplayerPeer) -> None:
        self.count = 0
        poll = peer.poll

        def counted() -> None:
            self.count += 1
            poll()

        peer.poll = counted  # type: ignore[method-assign]
