"""Spawning: nodes that a spawner's authority adds, and that others get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Vector2
from tests.interop.native.replication.scenes import (
    SPAWNING,
    THING,
    Part,
    Plan,
    always,
    never,
    on_change,
    spawner,
    synchronizer,
    thing,
)
from tests.interop.native.replication.session import each_way

if TYPE_CHECKING:
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4


@each_way
async def test_what_was_set_before_comes_with_the_spawn(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    assert await server.spawn("P1", position=Vector2(1, 2), hp=7, title="t") == "P1"
    await client.hears(
        ("enter_tree", "Things/P1", 100),
        ("ready", "Things/P1", 7),
        ("spawned", "Spawner", "P1"),
    )
    await client.seen({"Things/P1": {"position": Vector2(1, 2), "hp": 7, "title": "t"}})


@each_way
async def test_many_come_in_order(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    names = [f"P{number}" for number in range(12)]
    for number, name in enumerate(names):
        await server.spawn(name, hp=number)
    await client.hears(*(("spawned", "Spawner", name) for name in names))
    await client.seen({f"Things/{name}": {"hp": number} for number, name in enumerate(names)})


@each_way
async def test_a_name_with_letters_of_all_kinds(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    for name in ("Bär 1-2", "名前", "a" * 200):
        assert await server.spawn(name) == name
        await client.seen_too(f"Things/{name}")


@each_way
async def test_what_is_set_after_it_comes_with_the_first_state(
    worlds: Session, layout: str
) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.act("spawn_then_put", "thing", "Things", "P1", {"hp": 3})
    await client.hears(("ready", "Things/P1", 100), ("spawned", "Spawner", "P1"))
    await client.seen({"Things/P1": {"hp": 3}})


@each_way
async def test_a_property_for_the_spawn_only(worlds: Session, layout: str) -> None:
    scene = thing("Thing", synchronizer("Sync", [*never(".:title"), *on_change(".:hp")]))
    plan = Plan({"thing": scene}, SPAWNING.parts)
    server, client = await worlds.open(layout, plan)
    await server.spawn("P1", title="once")
    await client.seen({"Things/P1": {"title": "once", "hp": 100}})
    await server.put("Things/P1", title="twice", hp=1)
    await client.seen({"Things/P1": {"title": "once", "hp": 1}})


@each_way
async def test_a_property_that_is_not_in_the_spawn(worlds: Session, layout: str) -> None:
    scene = thing("Thing", synchronizer("Sync", on_change(".:hp", spawn=False)))
    server, client = await worlds.open(layout, Plan({"thing": scene}, SPAWNING.parts))
    await server.spawn("P1", hp=5)
    await client.hears(("ready", "Things/P1", 100), ("spawned", "Spawner", "P1"))
    await client.seen({"Things/P1": {"hp": 5}})


@each_way
async def test_a_scene_without_a_synchronizer(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, Plan({"thing": thing("Thing")}, SPAWNING.parts))
    await server.spawn("P1", hp=5)
    await client.seen({"Things/P1": {"hp": 100}})
    await server.free("Things/P1")
    await client.seen({})


@each_way
async def test_the_second_scene_of_a_list(worlds: Session, layout: str) -> None:
    other = thing("Other", synchronizer("State", on_change(".:title")))
    parts = [Part("Things"), spawner("Spawner", "../Things", "thing", "other")]
    plan = Plan({"thing": THING, "other": other}, parts)
    server, client = await worlds.open(layout, plan)
    await server.spawn("A", "other", title="o")
    await server.spawn("B", "thing", hp=1)
    await client.seen({"Things/A": {"title": "o"}, "Things/B": {"hp": 1}})
    await client.has("Things/A/State")
    await client.has("Things/B/Sync")


@each_way
async def test_nodes_by_data(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    data = {"scene": "thing", "name": "C1", "any": [1, "two", Vector2(3, 4)]}
    assert await server.spawn_of(data) == "C1"
    await client.hears(("ready", "Things/C1", 100), ("spawned", "Spawner", "C1"))
    await client.seen({"Things/C1": {"any": [1, "two", Vector2(3, 4)]}})
    await server.put("Things/C1", hp=8)
    await client.seen({"Things/C1": {"hp": 8}})


@each_way
async def test_a_limit_holds_for_nodes_by_data_only(worlds: Session, layout: str) -> None:
    limited = spawner("Spawner", "../Things", "thing", spawn_limit=2)
    server, client = await worlds.open(layout, Plan({"thing": THING}, [Part("Things"), limited]))
    for name in ("C1", "C2"):
        assert await server.spawn_of({"scene": "thing", "name": name}) == name
    assert await server.spawn_of({"scene": "thing", "name": "C3"}) == ""
    await server.complained("")
    await server.spawn("P1")
    await client.seen({"Things/C1": {}, "Things/C2": {}, "Things/P1": {}})


@each_way
async def test_what_is_in_no_list_is_not_spawned(worlds: Session, layout: str) -> None:
    other = thing("Other")
    plan = Plan({"thing": THING, "other": other}, SPAWNING.parts)
    server, client = await worlds.open(layout, plan)
    await server.spawn("A", "other")
    await server.act("add_plain", "Things", "Plain")
    await server.spawn("B", "thing")
    await client.seen({"Things/B": {}})
    assert not await client.act("has", "Things/Plain")


@each_way
async def test_what_was_there_before_the_spawner_is_not_spawned(
    worlds: Session, layout: str
) -> None:
    server, client = await worlds.open(layout, Plan({"thing": THING}, [Part("Things")]))
    await server.spawn("Early")
    for member in (client, server):
        await member.build(spawner("Spawner", "../Things", "thing"))
    await server.spawn("Late")
    await client.seen({"Things/Late": {}})
    await client.complained("Things/Early/Sync")  # asked for a path that it lacks


@each_way
async def test_a_second_of_that_name_gets_another(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    first, second = await server.spawn("Q", hp=1), await server.spawn("Q", hp=2)
    assert (first, second) == ("Q", "Q2")
    await client.seen({"Things/Q": {"hp": 1}, "Things/Q2": {"hp": 2}})


@each_way
async def test_nested_spawners(worlds: Session, layout: str) -> None:
    inner = thing(
        "Chest",
        Part("Bag"),
        spawner("Filler", "../Bag", "thing"),
        synchronizer("Sync", on_change(".:hp")),
    )
    parts = [Part("Things"), spawner("Spawner", "../Things", "chest")]
    plan = Plan({"thing": THING, "chest": inner}, parts)
    server, client = await worlds.open(layout, plan)
    await server.spawn("Box", "chest", hp=1)
    for name in ("A", "B"):
        await server.spawn(name, under="Things/Box/Bag", title=name)
    await client.hears(
        ("spawned", "Spawner", "Box"),
        ("spawned", "Things/Box/Filler", "A"),
        ("spawned", "Things/Box/Filler", "B"),
    )
    await client.seen(
        {
            "Things/Box": {"hp": 1},
            "Things/Box/Bag/A": {"title": "A"},
            "Things/Box/Bag/B": {"title": "B"},
        }
    )
    late = await worlds.add(await worlds.member(layout[1], plan))
    await late.seen(await client.things())
    await server.free("Things/Box")
    await client.seen({})
    await late.seen({})


@each_way
async def test_several_synchronizers_of_one_node(worlds: Session, layout: str) -> None:
    scene = thing(
        "Thing",
        synchronizer("One", always(".:position")),
        synchronizer("Two", on_change(".:hp")),
        synchronizer("Three", [*never(".:title"), *always("Body:position")]),
        Part("Body", parts=[synchronizer("Own", always(".:rotation"))]),
    )
    server, client = await worlds.open(layout, Plan({"thing": scene}, SPAWNING.parts))
    await server.spawn("P1", position=Vector2(1, 1), hp=1, title="t")
    await client.seen({"Things/P1": {"position": Vector2(1, 1), "hp": 1, "title": "t"}})
    await server.put("Things/P1", position=Vector2(2, 2), hp=2)
    await server.put("Things/P1/Body", position=Vector2(3, 3), rotation=0.5)
    await client.seen({"Things/P1": {"position": Vector2(2, 2), "hp": 2}})
    await client.reads("Things/P1/Body", "position", Vector2(3, 3))
    await client.reads("Things/P1/Body", "rotation", 0.5)
