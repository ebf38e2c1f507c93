"""Despawning: spawned nodes that leave the tree, at their authority or elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.native.replication.scenes import SPAWNING, THING, Part, Plan, spawner
from tests.interop.native.replication.session import each_way

if TYPE_CHECKING:
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4


@each_way
async def test_what_leaves_the_tree_is_despawned(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    await server.spawn("P2")
    await client.seen({"Things/P1": {}, "Things/P2": {}})
    await client.heard()
    await server.free("Things/P1")
    await client.hears(("exit_tree", "Things/P1"), ("despawned", "Spawner", "P1"))
    await client.seen({"Things/P2": {}})


@each_way
async def test_a_name_that_has_become_free_is_used_again(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    for hp in range(5):
        assert await server.spawn("P1", hp=hp) == "P1"
        await client.seen({"Things/P1": {"hp": hp}})
        await server.free("Things/P1")
    await client.seen({})


@each_way
async def test_one_that_was_only_taken_out_comes_again_if_it_is_ready_again(
    worlds: Session, layout: str
) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1", hp=1)
    await client.seen({"Things/P1": {"hp": 1}})
    await server.act("take_out", "Things/P1")
    await client.seen({})
    await server.act("put_back", "P1", "Things", True)
    await client.seen({"Things/P1": {"hp": 1}})
    await server.put("Things/P1", hp=2)
    await client.seen({"Things/P1": {"hp": 2}})


@each_way
async def test_a_spawner_that_leaves_takes_all_along(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    for name in ("P1", "P2"):
        await server.spawn(name)
    await client.seen({"Things/P1": {}, "Things/P2": {}})
    await server.free("Spawner")
    await client.seen({})
    assert {*await server.things()} == {"Things/P1", "Things/P2"}


@each_way
async def test_a_parent_that_leaves_takes_all_along(worlds: Session, layout: str) -> None:
    plan = Plan({"thing": THING}, [Part("Things"), spawner("Spawner", "../Things", "thing")])
    server, client = await worlds.open(layout, plan)
    for name in ("P1", "P2"):
        await server.spawn(name)
    await client.seen({"Things/P1": {}, "Things/P2": {}})
    await server.free("Things")
    await client.seen({})
    await client.has("Things")


@each_way
async def test_what_the_receiver_has_freed_is_despawned_all_the_same(
    worlds: Session, layout: str
) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    for name in ("P1", "P2"):
        await server.spawn(name)
    await client.seen({"Things/P1": {}, "Things/P2": {}})
    await client.free("Things/P1")
    await server.put("Things/P1", hp=1)
    await server.put("Things/P2", hp=2)
    await client.seen({"Things/P2": {"hp": 2}})
    await server.free("Things/P1")
    await server.free("Things/P2")
    await client.seen({})
    await worlds.turns()
    client.forget_complaints()  # an engine's: of numbers that it does not know any more


@each_way
async def test_a_receiver_whose_spawner_has_left_still_hears_of_an_end(
    worlds: Session, layout: str
) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    await client.seen({"Things/P1": {}})
    await client.act("take_out", "Spawner")
    await server.free("Things/P1")
    await client.seen({})
