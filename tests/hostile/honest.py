"""Two honest peers that exchange packets through the target, and how long each took."""

from __future__ import annotations

import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from multiplayer import GODOT_4, SceneMultiplayer
from peers import WebSocketClient, WebSocketMultiplayerPeer, connect
from tests.driving import until
from tests.hostile.game import make_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

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
async def exchanging(
    url: str, kind: str = "gd_mp", *, every: float = EVERY
) -> AsyncGenerator[RoundTrips]:
    """A pair that exchanges a packet ``every`` so many seconds; at the end all have come back.

    With an "api" these are RPCs: one to the server, one from it, one between the clients.
    """
    trips = RoundTrips()
    pair = {"api": _calling, "godot4": _sending_by_api}.get(kind, _sending)(url, trips)
    async with pair as ask, trio.open_nursery() as nursery:
        nursery.start_soon(_keep_asking, ask, trips, every)
        yield trips
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True), trio.fail_after(20):
            if len(trips.times) < trips.sent:
                await trips.complete.wait()


@asynccontextmanager
async def _sending(url: str, trips: RoundTrips) -> AsyncGenerator[Callable[[float], object]]:
    pair = WebSocketClient(), WebSocketClient()
    for each in pair:
        each.verify_tls = not url.startswith("wss")  # its authority is another process's
    async with (
        connect(url, timeout=20, peer=pair[0]) as asking,
        connect(url, timeout=20, peer=pair[1]) as answering,
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
        yield lambda now: asking.put_packet(_STAMP.pack(now))


@asynccontextmanager
async def _sending_by_api(url: str, trips: RoundTrips) -> AsyncGenerator[Callable[[float], object]]:
    """As :func:`_sending`, on Godot 4's envelope."""
    asking, answering = (SceneMultiplayer(dialect=GODOT_4) for _ in range(2))
    own: list[int] = []

    @answering.peer_packet.connect
    def answer(source: int, packet: bytes) -> None:
        if source == own[0]:
            answering.send_bytes(packet, source)

    @asking.peer_packet.connect
    def note(source: int, packet: bytes) -> None:
        if source == own[1]:
            (then,) = _STAMP.unpack(packet)
            trips.add(trio.current_time() - then)

    async with (
        connect(url, timeout=20, peer=WebSocketMultiplayerPeer(), api=asking),
        connect(url, timeout=20, peer=WebSocketMultiplayerPeer(), api=answering),
    ):
        own += [asking.get_unique_id(), answering.get_unique_id()]
        await until(lambda: own[1] in asking.get_peers())
        yield lambda now: asking.send_bytes(_STAMP.pack(now), own[1])


@asynccontextmanager
async def _calling(url: str, trips: RoundTrips) -> AsyncGenerator[Callable[[float], object]]:
    (asking, game), (answering, _) = make_client(), make_client()
    game.on_back = lambda then: trips.add(trio.current_time() - then)
    here = set[int]()
    somebody = trio.Event()

    @asking.peer_connected.connect
    def note(peer: int) -> None:
        nonlocal somebody
        here.add(peer)
        somebody.set()
        somebody = trio.Event()

    async with (
        connect(url, timeout=20, api=asking),
        connect(url, timeout=20, api=answering),
    ):
        other = answering.get_unique_id()
        with trio.fail_after(20):
            while other not in here:
                await somebody.wait()
        yield lambda now: game.pass_on.rpc_id(1, other, now)


async def _keep_asking(ask: Callable[[float], object], trips: RoundTrips, every: float) -> None:
    while True:
        ask(trio.current_time())
        trips.sent += 1
        await trio.sleep(every)
