"""Bots that play over real sockets, under trio."""

from __future__ import annotations

import math

import trio

import peers
from multiplayer.game import FixedTicks

from .bots import NAMES, Bot
from .client import Client
from .movement import TICK_HZ
from .summary import Line


class BotPlayer:
    """A bot and its connection.

    Args:
        number: which one it is; its name and its chance follow from it.
        nick: another name.

    Attributes:
        client: what it sees.
        line: what the summary says of it, once it has played.
        server_has_gone: it did not end by itself.
    """

    def __init__(self, number: int, nick: str = "") -> None:
        self.client = Client(nick or NAMES[number % len(NAMES)], trio.current_time)
        self.line: Line | None = None
        self.server_has_gone = False
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
        # `Resume` is all that coming back takes; the id, the score and the prediction go on.
        async with peers.connect(url, api=client.api, resume=peers.Resume()) as peer:
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
