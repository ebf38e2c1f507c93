"""``python -m benchmarks.rooms_work JOB …``: loads for servers of rooms; prints JSON.

``trips SECONDS PORT…``: round trips of calls, 60 a second to each port in turn, in seconds.
``joins SECONDS RATE PORT``: players come at this rate, each to a room of its own, ask and leave.
``calls SECONDS CLIENTS PORT``: so many players call 60 times a second each; how many calls.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import trio

import peers
from multiplayer import Node, SceneMultiplayer

from .rooms_game import Answering

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

RATE = 60.0


@asynccontextmanager
async def playing(port: int) -> AsyncGenerator[Answering]:
    root = Node()
    answering = Answering("Echo")
    root.add_child(answering)
    api = SceneMultiplayer(root)
    async with peers.connect(f"ws://127.0.0.1:{port}/echo/new", api=api):
        yield answering


async def ask(player: Answering, number: int) -> float:
    begun = time.perf_counter()
    assert await peers.reply(player.echo.call_id(1, number), 10.0) == number
    return time.perf_counter() - begun


async def trips(seconds: float, ports: list[int]) -> list[list[float]]:
    """Return the round trips to each port; the ports take turns, so that all have the same load."""
    taken: list[list[float]] = [[] for _ in ports]
    async with AsyncExitStack() as stack:
        players = [await stack.enter_async_context(playing(port)) for port in ports]
        number, begun = 0, trio.current_time()
        while trio.current_time() < begun + seconds:
            for player, times in zip(players, taken, strict=True):
                times.append(await ask(player, number))
                number += 1
                await trio.sleep_until(begun + number / RATE / len(ports))
    return taken


async def joins(seconds: float, rate: float, port: int) -> int:
    """Have players come at a rate, whatever it takes; return how many came."""

    async def come(number: int) -> None:
        async with playing(port) as player:
            await ask(player, number)

    count = int(seconds * rate)
    async with trio.open_nursery() as nursery:
        begun = trio.current_time()
        for number in range(count):
            await trio.sleep_until(begun + number / rate)
            nursery.start_soon(come, number)
    return count


async def calls(seconds: float, clients: int, port: int) -> int:
    done = 0

    async def play(first: int) -> None:
        nonlocal done
        async with playing(port) as player:
            begun = trio.current_time() + first / clients / RATE
            for number in range(int(seconds * RATE)):
                await trio.sleep_until(begun + number / RATE)
                await ask(player, number)
                done += 1

    async with trio.open_nursery() as nursery:
        for first in range(clients):
            nursery.start_soon(play, first)
    return done


def main() -> None:
    job, *numbers = sys.argv[1:]
    if job == "trips":
        found = trio.run(trips, float(numbers[0]), [*map(int, numbers[1:])])
    elif job == "joins":
        found = trio.run(joins, float(numbers[0]), float(numbers[1]), int(numbers[2]))
    else:
        found = trio.run(calls, float(numbers[0]), int(numbers[1]), int(numbers[2]))
    print(json.dumps({"found": found}))


if __name__ == "__main__":
    main()
