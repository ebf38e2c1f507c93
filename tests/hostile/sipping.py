"""One reader of a byte a second among 200 peers: ``python -m tests.hostile.sipping``.

199 clients send to all, each at the same pace, and read all that comes. For half of the time there
is one more, which reads a byte a second, and comes again when it is thrown out. Nobody's rate may
suffer from it: neither what a client can send nor what reaches it.
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

import trio

from multiplayer.wire.envelopes import godot3 as gd_mp
from tests.hostile.api_attacks import own_id
from tests.hostile.observed import State, observed
from tests.hostile.thrown_out import thrown_out
from tests.raw import BINARY, Raw, frame, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_PAYLOAD = 200
_EVERY = 0.066
"""Seconds between two packets of a client: 199 of them send 3000 a second together."""
_BETWEEN = 0.01
"""Seconds between two that join: each is told to all."""
_TO_SETTLE = 0.5


class Client:
    """One that sends and reads, and counts both."""

    def __init__(self, raw: Raw, own: int) -> None:
        self.raw = raw
        self.sent = 0
        self.received = 0
        """Bytes."""
        self._packet = frame(gd_mp.packet(own, 0, bytes(_PAYLOAD)), BINARY, mask=bytes(4))

    async def send(self) -> None:
        due = trio.current_time()
        while True:
            await self.raw.send(self._packet)
            self.sent += 1
            due = max(due + _EVERY, trio.current_time() - 1)  # it catches up with a second at most
            await trio.sleep_until(due)

    async def read(self) -> None:
        while data := await self.raw.stream.receive_some(1 << 18):
            self.received += len(data)


class Rates(NamedTuple):
    """What each client did a second while the reader was away, and while it was there."""

    away: list[float]
    there: list[float]

    @property
    def lowest(self) -> float:
        """The ratio of who has lost most."""
        return min(there / away for away, there in zip(self.away, self.there, strict=True))

    @property
    def together(self) -> float:
        """The ratio of all together."""
        return sum(self.there) / sum(self.away)


class Outcome(NamedTuple):
    """How the clients fared."""

    sent: Rates
    """Packets."""
    received: Rates
    """Bytes."""
    state: State


async def measure(clients: int, seconds: float, rounds: int) -> Outcome:
    """Let ``clients`` send, ``rounds`` times ``seconds`` without the reader and as long with it."""
    async with observed() as target, AsyncExitStack() as ends, trio.open_nursery() as nursery:
        all_: list[Client] = []
        for _ in range(clients):
            raw = await Raw.connect(target.port)
            ends.push_async_callback(trio.aclose_forcefully, raw.stream)
            all_.append(Client(raw, await own_id(raw)))
            nursery.start_soon(all_[-1].read)
            await trio.sleep(_BETWEEN)
        for number, client in enumerate(all_):
            nursery.start_soon(_after, number * _EVERY / clients, client.send)
        totals: dict[bool, list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for there in (False, True):
                async with trio.open_nursery() as reading:
                    if there:
                        reading.start_soon(_sip, target.port)
                    await trio.sleep(_TO_SETTLE)
                    done = await _counted(all_, seconds)
                    before = totals.get(there, [(0.0, 0.0)] * clients)
                    totals[there] = [
                        (a + c, b + d) for (a, b), (c, d) in zip(before, done, strict=True)
                    ]
                    reading.cancel_scope.cancel()
        state = await target.next_state()
        nursery.cancel_scope.cancel()
    sent, received = (
        Rates(*([each[kind] / rounds for each in totals[there]] for there in (False, True)))
        for kind in (0, 1)
    )
    return Outcome(sent, received, state)


async def _after(seconds: float, do: Callable[[], Awaitable[None]]) -> None:
    await trio.sleep(seconds)
    await do()


async def _counted(clients: list[Client], seconds: float) -> list[tuple[float, float]]:
    """How much each sends and receives a second."""
    before = [(client.sent, client.received) for client in clients]
    begun = trio.current_time()
    await trio.sleep(seconds)
    taken = trio.current_time() - begun
    return [
        ((client.sent - sent) / taken, (client.received - received) / taken)
        for client, (sent, received) in zip(clients, before, strict=True)
    ]


async def _sip(port: int) -> None:
    while True:
        with thrown_out():
            raw = await Raw.dial(port, receive_buffer=4096)
            async with raw.stream:
                await raw.send(request(port))
                while await raw.stream.receive_some(1):  # noqa: ASYNC110 - that is its pace
                    await trio.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.sipping")
    parser.add_argument("--clients", type=int, default=199)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    done = trio.run(measure, chosen.clients, chosen.seconds, chosen.rounds)
    print("| a client, median | without | with | with : without, all together | lowest of one |")
    print("|---|--:|--:|--:|--:|")
    for words, rates in (
        ("sends, packets/s", done.sent),
        ("is sent, kB/s", Rates(*([each / 1000 for each in part] for part in done.received))),
    ):
        away, there = (statistics.median(part) for part in rates)
        print(f"| {words} | {away:.1f} | {there:.1f} | {rates.together:.3f} | {rates.lowest:.3f} |")
    print(f"\nThe server counted {done.state.limits_reached or 'nothing'}.")


if __name__ == "__main__":
    main()
