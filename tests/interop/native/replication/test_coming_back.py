"""An engine that loses its connection and comes back by its seat key: all is spawned again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Vector2
from tests.interop.native.replication.ours import Ours
from tests.interop.native.replication.scenes import SPAWNING
from tests.interop.native.replication.test_authority import PLAYERS
from tests.interop.native.resuming.cable import Cable
from tests.interop.native.resuming.seats import GRACE, KEY

if TYPE_CHECKING:
    import trio

    from tests.interop.native.replication.member import Member
    from tests.interop.native.replication.scenes import Plan
    from tests.interop.native.replication.session import Session

pytestmark = [pytest.mark.native4, pytest.mark.parametrize("layout", ["PEE"])]


async def begin(worlds: Session, cable: Cable, plan: Plan, layout: str) -> list[Member]:
    """A server that grants seats, an engine that comes by a cable, and others."""
    engine = await worlds.member(layout[1], plan)
    url, worlds.url = worlds.url, f"{cable.url}/?seat_key={KEY}"
    await worlds.add(engine)
    worlds.url = url
    others = [await worlds.add(await worlds.member(letter, plan)) for letter in layout[2:]]
    return [engine, *others]


async def comes_back(server: Ours, engine: Member, cable: Cable) -> None:
    before = engine.id
    await engine.begin_to_join(f"{cable.url}/?seat_key={KEY}")
    await engine.joined()
    assert engine.id == before
    while server.api.get_suspended_peers():
        await server.turns(1)


async def test_what_the_server_has_spawned(
    worlds: Session, nursery: trio.Nursery, layout: str
) -> None:
    (server,) = await worlds.open(layout[0], SPAWNING)
    assert isinstance(server, Ours)
    server.peer.grace = GRACE
    async with Cable(nursery, worlds.url) as cable:
        engine, other = await begin(worlds, cable, SPAWNING, layout)
        for name in ("P1", "P2"):
            await server.spawn(name, hp=1)
        for each in (engine, other):
            await each.seen({"Things/P1": {"hp": 1}, "Things/P2": {"hp": 1}})
        cable.cut()
        await engine.seen({})
        await server.put("Things/P1", hp=2, position=Vector2(3, 4))
        await server.free("Things/P2")
        await server.spawn("P3", hp=3)
        there = {"Things/P1": {"hp": 2, "position": Vector2(3, 4)}, "Things/P3": {"hp": 3}}
        await other.seen(there)
        await comes_back(server, engine, cable)
        await engine.seen(there)
        await server.put("Things/P1", hp=4)
        for each in (engine, other):
            await each.seen({"Things/P1": {"hp": 4}, "Things/P3": {"hp": 3}})
        assert await other.heard("despawned") == [("despawned", "Spawner", "P2")]


async def test_what_the_engine_has_spawned(
    worlds: Session, nursery: trio.Nursery, layout: str
) -> None:
    """It stays at the server, and takes the numbers that the engine gives it now."""
    (server,) = await worlds.open(layout[0], SPAWNING)
    assert isinstance(server, Ours)
    server.peer.grace = GRACE
    async with Cable(nursery, worlds.url) as cable:
        engine, other = await begin(worlds, cable, SPAWNING, layout)
        for each in (server, engine, other):
            await each.act("authority", "Spawner", engine.id)
        path = f"Things/{await engine.spawn(f'all_{engine.id}', title='mine')}"
        for each in (server, other):
            await each.seen({path: {"title": "mine"}})
        node = server.world.get_node(path)
        await server.heard("spawned")
        cable.cut()
        while not server.api.get_suspended_peers():
            await server.turns(1)
        await engine.put(path, title="second")
        await server.turns(3)
        await comes_back(server, engine, cable)
        for each in (server, other):
            await each.seen({path: {"title": "second"}})
        await engine.put(path, title="third", position=Vector2(1, 2))
        for each in (server, other):
            await each.seen({path: {"title": "third", "position": Vector2(1, 2)}})
        assert server.world.get_node(path) is node
        assert await server.heard("spawned", "despawned") == []
        await engine.free(path)
        for each in (server, other):
            await each.seen({})


async def test_what_it_is_in_charge_of(worlds: Session, nursery: trio.Nursery, layout: str) -> None:
    """What the server has spawned for it, and goes on with while it is away."""
    (server,) = await worlds.open(layout[0], PLAYERS)
    assert isinstance(server, Ours)
    server.peer.grace = GRACE
    async with Cable(nursery, worlds.url) as cable:
        engine, other = await begin(worlds, cable, PLAYERS, layout)
        path = f"Things/{await server.spawn(f'of_{engine.id}', hp=1)}"
        await engine.seen({path: {"hp": 1}})
        await engine.put(path, title="mine")
        for each in (server, other):
            await each.seen({path: {"hp": 1, "title": "mine"}})
        cable.cut()
        await engine.seen({})
        await server.put(path, hp=2)
        await other.seen({path: {"hp": 2, "title": "mine"}})
        await comes_back(server, engine, cable)
        await engine.seen({path: {"hp": 2, "title": "first"}})  # as it was made
        await engine.put(path, title="second")
        for each in (server, other):
            await each.seen({path: {"hp": 2, "title": "second"}})
