"""What becomes of rooms when Redis fails: rows of the table in ``docs/several-machines.md``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer.rooms.directory_entries import NodeEntry, RoomState
from multiplayer.rooms.lease import LeaseTerms
from tests.driving import until
from tests.peers.cluster.machines import add, eventually, joined, machine, opened, refused, saved

if TYPE_CHECKING:
    from peers.cluster.redis_directory import RedisDirectory
    from tests.peers.cluster.redis_server import RedisServer

pytestmark = pytest.mark.redis

FULL = os.environ.get("GDPEERS_FULL") == "1"
QUICK = LeaseTerms(duration=1.2, beat=0.2, margin=0.2)


async def test_redis_restarts_with_its_data(
    mortal: RedisDirectory, mortal_redis: RedisServer, nursery: trio.Nursery
) -> None:
    async with machine(mortal, "a") as a, machine(mortal, "b") as b:
        room = await opened(b)
        player = await joined(nursery, a.url("/duel/RED"))
        await saved(b, mortal)
        mortal_redis.kill()
        await add(player, 3, 3)
        mortal_redis.start()
        await until(lambda: not room.joins_held)
        await joined(nursery, a.url("/duel/RED"))
        await joined(nursery, a.url("/duel/new"))
        assert len(room.seats) == 2
        assert (a.codes == ["RED"], b.codes) == (False, ["RED"])


async def test_redis_loses_its_data(
    directory: RedisDirectory, redis: RedisServer, nursery: trio.Nursery
) -> None:
    async with (
        machine(directory, "a", terms=QUICK) as a,
        machine(directory, "b", terms=QUICK) as b,
    ):
        room = await opened(b)
        player = await joined(nursery, a.url("/duel/RED"))
        redis.ask("FLUSHALL")
        await add(player, 3, 3)

        async def is_there() -> bool:
            found = await directory.find("RED")
            return found is not None and found.owner == b.node.entry

        await eventually(is_there)
        await until(lambda: not room.joins_held)
        await joined(nursery, a.url("/duel/RED"))
        assert next(iter(room.seats)) == player.id
        await saved(b, directory)  # again, though nothing has changed since
        # Who joins later has the same secret: else nobody would believe what it passes on.
        async with machine(directory, "c", terms=QUICK) as c:
            assert await refused(nursery, c.url("/duel/RED")) == 4013  # it is full, says the room


async def test_redis_is_paused(
    mortal: RedisDirectory, mortal_redis: RedisServer, nursery: trio.Nursery
) -> None:
    async with machine(mortal, "a") as a, machine(mortal, "b") as b:
        room = await opened(b)
        player = await joined(nursery, a.url("/duel/RED"))
        suspended: list[bool] = []
        player.peer.session_suspended.connect(lambda: suspended.append(True))
        mortal_redis.pause()
        assert await refused(nursery, a.url("/duel/new")) == 4013
        await until(lambda: b.node.is_isolated and room.joins_held)
        await add(player, 3, 3)
        assert await refused(nursery, b.url("/duel/RED")) == 4013
        mortal_redis.go_on()
        await until(lambda: not room.joins_held)
        await joined(nursery, b.url("/duel/RED"))
        await add(player, 4, 7)
        assert not suspended


async def test_two_claim_one_room(directory: RedisDirectory) -> None:
    nodes = [NodeEntry(f"{n}/1", "127.0.0.1", 1000 + n) for n in range(3)]
    for node in nodes:
        await directory.beat(node, 600.0)
    for number in range(300 if FULL else 30):
        epochs: list[int] = []

        async def claim(node: NodeEntry, code: str, epochs: list[int]) -> None:
            epochs.append(await directory.claim(code, "duel", node.incarnation, RoomState()))

        async with trio.open_nursery() as nursery:
            for node in nodes:
                nursery.start_soon(claim, node, f"R{number}", epochs)
        assert sum(epoch > 0 for epoch in epochs) == 1
