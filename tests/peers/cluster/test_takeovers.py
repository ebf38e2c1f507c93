"""Rooms whose node dies, is cut off or is drained: see ``docs/several-machines.md``."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
import trio

import peers
from multiplayer.rooms.lease import LeaseTerms, Policy
from tests.driving import until
from tests.peers.cluster.machines import (
    Duel,
    Machine,
    Player,
    add,
    counted,
    joined,
    machine,
    opened,
    program,
    saved,
)

if TYPE_CHECKING:
    from peers.cluster.redis_directory import RedisDirectory
    from tests.peers.cluster.redis_server import RedisServer

pytestmark = pytest.mark.redis

FULL = os.environ.get("GDPEERS_FULL") == "1"
QUICK = LeaseTerms(duration=1.2, beat=0.2, margin=0.2)


async def test_a_machine_dies(
    redis: RedisServer, directory: RedisDirectory, nursery: trio.Nursery
) -> None:
    """Join at A a room of B, kill B: back in the same room, with the same id, within 4 s."""
    async with machine(directory, "a") as a:
        with program(redis.url, "b") as (b, port):
            creator = await joined(nursery, f"ws://127.0.0.1:{port}/duel/new")
            (room,) = (await directory.page("duel")).rooms
            player = await joined(nursery, a.url(f"/duel/{room.code}"))
            await until(lambda: a.node.spliced == 1)
            await add(player, 3, 3)
            await counted(directory, room.code, 2)
            before = player.id
            b.process.kill()
            died = trio.current_time()
            await until(lambda: player.resumed == [False])
            assert trio.current_time() - died < 4.0
            assert player.id == before
            here = a.server.find(room.code)
            assert isinstance(here, Duel)
            assert here.seats[before].connected
            await add(player, 1, here.world.sum + 1)
            assert creator.id in here.seats  # until its grace is over


async def test_a_process_that_is_supervised_dies(
    directory: RedisDirectory, nursery: trio.Nursery
) -> None:
    """Whoever sees it die says so, and nobody waits for its lease."""
    async with machine(directory, "a") as a:
        scope = trio.CancelScope()
        gone = trio.Event()
        dying: list[Machine] = []

        async def run() -> None:
            with scope:
                async with machine(directory, "b") as b:
                    await opened(b)
                    await saved(b, directory)
                    dying.append(b)
                    await trio.sleep_forever()
            gone.set()

        nursery.start_soon(run)
        await until(lambda: dying)
        player = await joined(nursery, a.url("/duel/RED"))
        await add(player, 3, 3)
        await counted(directory, "RED", 1)
        dying[0].directory.cut = True
        scope.cancel()
        await gone.wait()
        await directory.leave(dying[0].node.entry.incarnation)
        await until(lambda: a.codes == ["RED"], 2)
        await until(lambda: player.resumed == [False])
        assert a.server.rooms[0].seats[player.id].connected


async def test_a_seat_key_works_on_the_next_node(
    directory: RedisDirectory, nursery: trio.Nursery
) -> None:
    """As of an engine, which has no other way to come back."""
    path = "/duel/RED?seat_key=0123456789abcdefghijklmn"
    async with machine(directory, "a") as a, machine(directory, "b") as b:
        room = await opened(b)
        player = Player(a.url(path))
        nursery.start_soon(peers.run, player.api)
        await until(lambda: player.is_in)
        await counted(directory, "RED", 1)
        before = player.id
        b.directory.cut = True
        await directory.leave(b.node.entry.incarnation)
        await until(lambda: a.codes == ["RED"])
        room.close("dead", code=1001)
        await until(lambda: player.is_out)
        again = Player(a.url(path))
        nursery.start_soon(peers.run, again.api)
        await until(lambda: again.is_in)
        assert again.id == before
        assert [*a.server.rooms[0].seats] == [before]


@pytest.mark.parametrize("number", range(25 if FULL else 1))
@pytest.mark.parametrize("policy", Policy)
async def test_a_node_is_cut_off_from_redis(
    directory: RedisDirectory, nursery: trio.Nursery, policy: Policy, number: int
) -> None:
    policies = {"duel": policy}
    async with (
        machine(directory, "a", terms=QUICK) as a,
        machine(directory, "b", terms=QUICK, policies=policies) as b,
    ):
        room = await opened(b)
        player = await joined(nursery, b.url("/duel/RED"))
        await add(player, 3, 3)
        await saved(b, directory)
        before = player.id
        owned_twice: list[bool] = []
        a.server.room_opened.connect(lambda room: owned_twice.append(b.node.owns(room.code)))
        b.directory.cut = True
        await until(lambda: b.node.is_isolated)
        assert not a.codes  # the node knows before others may take its rooms
        if policy is Policy.KEEP:
            await add(player, 4, 7)  # which is lost with the isolated copy
            await until(lambda: a.codes == ["RED"])
        else:
            await until(lambda: not room.is_open)
            await until(lambda: a.codes == ["RED"])
        assert owned_twice == [False]
        b.directory.cut = False
        await until(lambda: b.codes == [])
        taken = a.server.find("RED")
        assert isinstance(taken, Duel)
        await until(lambda: player.resumed == [False])
        assert taken.seats[before].connected
        assert player.id == before
        await add(player, 2, 5)


async def test_the_clock_of_redis_jumps(
    directory: RedisDirectory, redis: RedisServer, nursery: trio.Nursery
) -> None:
    """All leases end before their time: rooms are taken over early, and have one owner still."""
    async with (
        machine(directory, "a", terms=QUICK) as a,
        machine(directory, "b", terms=QUICK) as b,
    ):
        await opened(b)
        player = await joined(nursery, b.url("/duel/RED"))
        await add(player, 3, 3)
        await saved(b, directory)
        while "RED" in b.codes:
            redis.ask("DEL", f"{{gdpeers}}:node:{b.node.entry.incarnation}")
            await trio.sleep(0.02)
        await until(lambda: player.resumed == [False])
        assert a.codes == ["RED"]
        await add(player, 2, 5)


async def test_a_node_is_drained(
    redis: RedisServer, directory: RedisDirectory, nursery: trio.Nursery
) -> None:
    async with machine(directory, "a") as a:
        with program(redis.url, "b") as (b, port):
            creator = await joined(nursery, f"ws://127.0.0.1:{port}/duel/new")
            (room,) = (await directory.page("duel")).rooms
            player = await joined(nursery, a.url(f"/duel/{room.code}"))
            await add(player, 3, 3)
            await add(creator, 4, 7)
            before = player.id
            b.process.send_signal(signal.SIGTERM)
            await until(lambda: a.codes == [room.code])
            here = a.server.find(room.code)
            assert isinstance(here, Duel)
            assert here.world.sum == 7
            await until(lambda: player.resumed == [False])
            assert here.seats[before].connected
            assert player.id == before
            await add(player, 1, 8)
            assert await trio.to_thread.run_sync(b.status) == 0
