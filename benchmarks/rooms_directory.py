"""The directory: joins and new rooms a second of CPU, and whether two nodes ever own one room."""

from __future__ import annotations

import statistics
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import trio

import peers
from multiplayer.rooms.directory_entries import NodeEntry, RoomState
from peers.cluster.memory_directory import MemoryDirectory
from peers.cluster.redis_directory import RedisDirectory
from tests.driving import until
from tests.peers.cluster import redis_server
from tests.peers.cluster.machines import Machine, Player, counted, joined, machine, opened, program

from .tables import median_and_spread, number, table

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from peers.cluster.directory import Directory

PATIENCE: Final = 30.0


NODES: Final = [NodeEntry(f"{name}/1", "127.0.0.1", 1000) for name in "abc"]
AT_ONCE: Final = 64
"""How many requests are on their way at the same time, as from so many connecting clients."""


async def joins(directory: Directory, count: int) -> float:
    """Return how many players a second of CPU find a room, get a place and use it."""
    for node in NODES:
        await directory.beat(node, 600.0)
    rooms = [f"R{n}" for n in range(500)]
    epochs = {
        code: await directory.claim(code, "duel", NODES[0].incarnation, RoomState(0, 1 << 20))
        for code in rooms
    }

    async def join(numbers: range) -> None:
        for n in numbers:
            code = rooms[n % len(rooms)]
            assert await directory.find(code) is not None
            assert await directory.reserve(code, f"player {n}", 15.0)
            assert await directory.fulfil(code, f"player {n}")
            assert await directory.change(code, epochs[code], RoomState(n, 1 << 20))

    begun = time.process_time()
    async with trio.open_nursery() as nursery:
        for worker in range(AT_ONCE):
            nursery.start_soon(join, range(worker, count, AT_ONCE))
    return count / (time.process_time() - begun)


async def new_rooms(directory: Directory, count: int) -> float:
    """Return how many rooms a second of CPU are claimed."""
    for node in NODES:
        await directory.beat(node, 600.0)

    async def make(numbers: range) -> None:
        for n in numbers:
            owner = NODES[n % len(NODES)].incarnation
            assert await directory.claim(f"N{n}", "duel", owner, RoomState(0, 2))

    begun = time.process_time()
    async with trio.open_nursery() as nursery:
        for worker in range(AT_ONCE):
            nursery.start_soon(make, range(worker, count, AT_ONCE))
    return count / (time.process_time() - begun)


async def doubles(directory: Directory, races: int) -> int:
    """Return in how many races for a room not exactly one node won."""
    for node in NODES:
        await directory.beat(node, 600.0)
    wrong = 0
    for n in range(races):
        won: list[str] = []

        async def claim(node: NodeEntry, code: str, won: list[str]) -> None:
            if await directory.claim(code, "duel", node.incarnation, RoomState(0, 2)):
                won.append(node.incarnation)

        async with trio.open_nursery() as nursery:
            for node in NODES:
                nursery.start_soon(claim, node, f"race {n}", won)
        wrong += len(won) != 1
    return wrong


@asynccontextmanager
async def redis() -> AsyncGenerator[RedisDirectory]:
    """A directory in a Redis of its own."""
    with redis_server.running() as server:
        async with RedisDirectory.opened(server.url) as directory:
            yield directory


async def measure(*, quick: bool) -> list[tuple[str, str, str]]:
    """Return the rows of the table."""
    count, races = (2_000, 30) if quick else (20_000, 300)
    memory = MemoryDirectory()
    rows = [
        ("joins a second of CPU", number(await joins(memory, count))),
        ("new rooms a second of CPU", number(await new_rooms(memory, count))),
        (f"rooms won by none or by two in {races} races", str(await doubles(memory, races))),
    ]
    if redis_server.executable() is None:
        return [(*row, "-") for row in rows]
    async with redis() as directory:
        others = [
            number(await joins(directory, count // 10)),
            number(await new_rooms(directory, count // 4)),
            str(await doubles(directory, races)),
        ]
    return [(*row, other) for row, other in zip(rows, others, strict=True)]


@asynccontextmanager
async def two_nodes() -> AsyncGenerator[tuple[redis_server.RedisServer, Machine, Machine]]:
    """A Redis and two nodes, of which the second has the room ECHO."""
    with redis_server.running() as server:
        async with (
            RedisDirectory.opened(server.url) as directory,
            machine(directory, "a") as a,
            machine(directory, "b") as b,
        ):
            await opened(b, "ECHO")
            yield server, a, b


async def echoes(player: Player, count: int) -> list[float]:
    """Return how long echoes take, 60 of them a second, in milliseconds."""
    times: list[float] = []
    for n in range(count):
        begun = trio.current_time()
        assert await peers.reply(player.world.echo.call_id(1, n), PATIENCE) == n
        times.append((trio.current_time() - begun) * 1000)
        await trio.sleep_until(begun + 1 / 60)
    return times


async def spliced(count: int) -> tuple[float, float]:
    """Return the medians of an echo at the node of its room, and through another node, in ms."""
    async with two_nodes() as (_, a, b), trio.open_nursery() as nursery:
        direct = await joined(nursery, b.url("/duel/ECHO"))
        passed = await joined(nursery, a.url("/duel/ECHO"))
        medians = [statistics.median(await echoes(each, count)) for each in (direct, passed)]
        nursery.cancel_scope.cancel()
    return medians[0], medians[1]


async def paused(seconds: float) -> tuple[float, float, int]:
    """Return the 99th percentiles of an echo before and while Redis is paused, and who dropped.

    Args:
        seconds: how long each of the two lasts. The echo goes through a splice from one node to
            another; the percentiles are in milliseconds.
    """
    dropped = 0

    def drop(*_: object) -> None:
        nonlocal dropped
        dropped += 1

    async with two_nodes() as (server, a, _), trio.open_nursery() as nursery:
        player = await joined(nursery, a.url("/duel/ECHO"))
        player.peer.session_suspended.connect(drop)
        count = round(60 * seconds)
        before = await echoes(player, count)
        server.pause()
        during = await echoes(player, count)
        server.go_on()
        nursery.cancel_scope.cancel()
    p99 = [statistics.quantiles(times, n=100)[98] for times in (before, during)]
    return p99[0], p99[1], dropped


async def failover() -> float:
    """Return after how many seconds a player is back whose node was killed, on another one."""
    with redis_server.running() as server:
        async with (
            RedisDirectory.opened(server.url) as directory,
            machine(directory, "a") as a,
            trio.open_nursery() as nursery,
        ):
            with program(server.url, "b") as (b, port):
                await joined(nursery, f"ws://127.0.0.1:{port}/duel/new")
                (room,) = (await directory.page("duel")).rooms
                player = await joined(nursery, a.url(f"/duel/{room.code}"))
                await counted(directory, room.code, 2)
                begun = trio.current_time()
                b.process.kill()
                await until(lambda: player.resumed)
                taken = trio.current_time() - begun
            nursery.cancel_scope.cancel()
    return taken


def main(*, quick: bool) -> None:
    """Print the table."""

    async def run() -> list[tuple[str, str, str]]:
        return await measure(quick=quick)

    print(table(("the directory", "in memory", "in Redis"), trio.run(run)), flush=True)
    print()
    if redis_server.executable() is None:
        return
    seconds = 5.0 if quick else 20.0
    before, during, dropped = trio.run(paused, seconds)
    head = (f"{seconds:.0f} s of an echo through two nodes", "p99, ms", "ratio", "dropped")
    rows = [
        ("Redis answers", number(before), "1", "0"),
        ("Redis is paused", number(during), f"{during / before:.2f}", str(dropped)),
    ]
    print(table(head, rows), flush=True)
    print()
    direct, passed = trio.run(spliced, 60 if quick else 300)
    times = [trio.run(failover) for _ in range(1 if quick else 5)]
    rows = [
        ("an echo at 60 a second, median, ms", number(direct)),
        ("the same through another node", number(passed)),
        ("added by the splice", number(passed - direct)),
        ("from kill -9 of a node until its player is back on another, s", median_and_spread(times)),
    ]
    print(table(("two nodes", ""), rows), flush=True)
    print()
