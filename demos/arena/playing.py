"""Bots that play over real sockets, under trio."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

import peers
from multiplayer import Error, MultiplayerError
from multiplayer.game import FixedTicks

from .bots import NAMES, Bot
from .client import Client
from .movement import TICK_HZ
from .summary import Line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from multiplayer.testing import SimulatedClient


@asynccontextmanager
async def joined(
    url: str, client: Client, conditions: str = ""
) -> AsyncGenerator[peers.WebSocketMultiplayerPeer | SimulatedClient]:
    """Connect a client and run it; ``Resume`` is all that coming back takes.

    Args:
        url: the room's.
        client: whose ``api`` to run.
        conditions: a network as bad as this preset: see docs/bad-network.md; "" for the real one.

    Raises:
        MultiplayerError: ``ERR_CANT_CONNECT``: there is no such server.
    """
    if not conditions:
        async with peers.connect(url, api=client.api, resume=peers.Resume()) as peer:
            yield peer
        return
    inner = peers.WebSocketClient()
    inner.resume = peers.Resume()
    bad = peers.ConditionedPeer(inner, conditions)
    inner.connect_to_url(url, gd_mp_api=True)
    client.api.multiplayer_peer = bad
    decided = trio.Event()
    client.api.connected_to_server.connect(decided.set)
    client.api.connection_failed.connect(decided.set)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peers.run, client.api)
        await decided.wait()
        if inner.failure is not None:
            raise MultiplayerError(Error.ERR_CANT_CONNECT, str(inner.failure))
        yield inner
        inner.begin_leaving()
        with trio.move_on_after(1.0):
            await peers.fired(inner.connection_closed)
        nursery.cancel_scope.cancel()


class BotPlayer:
    """A bot and its connection.

    Args:
        number: which one it is; its name and its chance follow from it.
        nick: another name.
        conditions: see :func:`joined`.

    Attributes:
        client: what it sees.
        line: what the summary says of it, once it has played.
        server_has_gone: it did not end by itself.
    """

    def __init__(self, number: int, nick: str = "", conditions: str = "") -> None:
        self.client = Client(nick or NAMES[number % len(NAMES)], trio.current_time)
        self.line: Line | None = None
        self.server_has_gone = False
        self._conditions = conditions
        self._bot = Bot(self.client, number)
        self._playing = trio.CancelScope()

    async def play(self, url: str, seconds: float = math.inf) -> None:
        """Join and play, until :meth:`stop` or the end of the server.

        Args:
            url: the room's.
            seconds: for how long at most.

        Raises:
            MultiplayerError: ``ERR_CANT_CONNECT``, ``ERR_TIMEOUT``: there is no such server.
        """
        client = self.client
        client.api.server_disconnected.connect(self._end)
        async with joined(url, client, self._conditions) as peer:
            begun = trio.current_time()
            self._playing.deadline = begun + seconds
            with self._playing:
                await self._go_on()
            self.line = Line.of(client, peer.statistics, trio.current_time() - begun)
            client.api.server_disconnected.disconnect(self._end)  # now it is we who go

    def stop(self) -> None:
        """Leave the arena."""
        self._playing.cancel()

    def _end(self) -> None:
        self.server_has_gone = True
        self.stop()

    async def _go_on(self) -> None:
        ticks = FixedTicks(TICK_HZ)
        while True:
            for _ in ticks.due(trio.current_time()):
                self._bot.play()
            await trio.sleep_until(ticks.next_deadline())
