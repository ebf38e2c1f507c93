"""What running under asyncio leaves: nothing."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

from peers.asyncio import connect, serve
from peers.testing import connected_pair
from tests.peers.asyncio.sessions import url_of
from tests.peers.test_resources import DESCRIPTORS, descriptors

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    InLoop = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@pytest.mark.skipif(
    not DESCRIPTORS.exists(), reason="this system does not tell which descriptors are open"
)
def test_running_peers_give_everything_back_also_when_cancelled(in_loop: InLoop) -> None:
    async def cancelled() -> None:
        async with (
            serve(0) as server,
            connect(url_of(server)),
            connect(url_of(server)),
            asyncio.timeout(0.0),
        ):
            await asyncio.get_running_loop().create_future()

    async def left() -> tuple[int, int]:
        gc.collect()
        return descriptors(), threading.active_count()

    async def main() -> None:
        before = await left()
        async with connected_pair() as (server, client):
            assert server.get_peers() == [client.get_unique_id()]
        with pytest.raises(TimeoutError):
            await cancelled()
        assert await left() == before

    in_loop(main)
