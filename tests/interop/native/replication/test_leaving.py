"""Joining late and leaving: what those who come get, and what becomes of what was spawned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Vector2
from tests.interop.native.replication.scenes import SPAWNING, Plan, always, synchronizer, thing
from tests.interop.native.replication.session import each_way

if TYPE_CHECKING:
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4


@each_way
async def test_one_that_joins_late_gets_the_present(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    for name in ("P1", "P2", "P3"):
        await server.spawn(name, hp=1)
    await server.put("Things/P1", hp=2, position=Vector2(5, 5))
    await server.free("Things/P2")
    await client.seen({"Things/P1": {"hp": 2}, "Things/P3": {"hp": 1}})
    late = await worlds.add(await worlds.member(layout[1], SPAWNING))
    await late.hears(
        ("ready", "Things/P1", 2),
        ("spawned", "Spawner", "P1"),
        ("ready", "Things/P3", 1),
        ("spawned", "Spawner", "P3"),
    )
    await late.seen({"Things/P1": {"hp": 2, "position": Vector2(5, 5)}, "Things/P3": {"hp": 1}})


@each_way
async def test_a_world_that_was_full_before_anybody_came(worlds: Session, layout: str) -> None:
    (server,) = await worlds.open(layout[0], SPAWNING)
    for number in range(50):
        await server.spawn(f"P{number}", hp=number)
    client = await worlds.add(await worlds.member(layout[1], SPAWNING))
    await client.seen({f"Things/P{number}": {"hp": number} for number in range(50)})


@each_way
async def test_one_that_comes_again(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1", hp=1)
    await client.seen({"Things/P1": {"hp": 1}})
    for hp in (2, 3):
        await worlds.leave(client)
        await client.seen({})
        await server.put("Things/P1", hp=hp)
        await worlds.add(client)
        await client.seen({"Things/P1": {"hp": hp}})
        await server.put("Things/P1", position=Vector2(hp, 0))
        await client.seen({"Things/P1": {"position": Vector2(hp, 0)}})


@each_way
async def test_the_server_ends(worlds: Session, layout: str) -> None:
    """What it has spawned goes with it; what was there stays."""
    flag = thing("Flag", synchronizer("Sync", always(".:position")))
    server, client = await worlds.open(layout, Plan(SPAWNING.scenes, [*SPAWNING.parts, flag]))
    await server.spawn("P1")
    await client.seen({"Things/P1": {}, "Flag": {}})
    await server.leave()
    await client.seen({"Flag": {}})
    assert {*await server.things()} == {"Things/P1", "Flag"}
    worlds.members.remove(server)


@each_way
async def test_a_client_leaves_while_there_is_much_to_send(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    other = await worlds.add(await worlds.member(layout[1], SPAWNING))
    for number in range(30):
        await server.spawn(f"P{number}", hp=number)
    await client.leave()
    worlds.members.remove(client)
    for number in range(30):
        await server.put(f"Things/P{number}", hp=-number)
    await other.seen({f"Things/P{number}": {"hp": -number} for number in range(30)})
    await client.seen({})
    server.forget_complaints()  # an engine may have sent to the one that was about to leave


@each_way
async def test_a_world_built_after_the_session(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, Plan(SPAWNING.scenes, []))
    for part in SPAWNING.parts:
        for member in (client, server):
            await member.build(part)
    await server.spawn("P1", hp=4)
    await client.seen({"Things/P1": {"hp": 4}})
