"""Two honest peers that exchange packets through the target, and how long each took."""

from __future__ import annotations

import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from peers import connect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from peers import WebSocketClient

EVERY = 0.02
_STAMP = struct.Struct("<d")


class RoundTrips:
    """The times from one peer to the other and back, in seconds."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.sent = 0
        self.complete = trio.Event()

    def add(self, seconds: float) -> None:
        self.times.append(seconds)
        if len(self.times) == self.sent:
            self.complete.set()
            self.complete = trio.Event()

    @property
    def worst(self) -> float:
        return max(self.times)

    @property
    def median(self) -> float:
        return sorted(self.times)[len(self.times) // 2]


@asynccontextmanager
async def exchanging(url: str) -> AsyncGenerator[RoundTrips]:
    """A pair that exchanges a packet every 20 ms; at the end all of them have come back."""
    trips = RoundTrips()
    async with (
        connect(url, timeout=20) as asking,
        connect(url, timeout=20) as answering,
        trio.open_nursery() as nursery,
    ):

        @answering.peer_packet.connect
        def answer(source: int) -> None:
            packet = answering.get_packet()
            if source == asking.get_unique_id():
                answering.set_target_peer(source)
                answering.put_packet(packet)

        @asking.peer_packet.connect
        def note(source: int) -> None:
            packet = asking.get_packet()
            if source == answering.get_unique_id():
                (then,) = _STAMP.unpack(packet)
                trips.add(trio.current_time() - then)

        asking.set_target_peer(answering.get_unique_id())
        nursery.start_soon(_ask, asking, trips)
        yield trips
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True), trio.fail_after(20):
            if len(trips.times) < trips.sent:
                await trips.complete.wait()


async def _ask(asking: WebSocketClient, trips: RoundTrips) -> None:
    while True:
        asking.put_packet(_STAMP.pack(trio.current_time()))
        trips.sent += 1
        await trio.sleep(EVERY)
