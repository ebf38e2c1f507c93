"""Visibility: what a synchronizer's authority shows to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Vector2
from tests.interop.native.replication.scenes import (
    SPAWNING,
    Plan,
    always,
    on_change,
    synchronizer,
    thing,
)
from tests.interop.native.replication.session import each_way, layouts

if TYPE_CHECKING:
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4

three = layouts("EPE", "PEE")

SYNC = "Things/P1/Sync"
PRIVATE = Plan(
    {
        "thing": thing(
            "Thing",
            synchronizer(
                "Sync", [*always(".:position"), *on_change(".:hp")], public_visibility=False
            ),
        )
    },
    SPAWNING.parts,
)


@each_way
async def test_what_is_hidden_is_despawned_and_comes_again(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1", hp=1)
    await client.seen({"Things/P1": {"hp": 1}})
    await server.put(SYNC, public_visibility=False)
    await client.seen({})
    await server.put("Things/P1", hp=2)
    await server.put(SYNC, public_visibility=True)
    await client.hears(
        ("spawned", "Spawner", "P1"), ("despawned", "Spawner", "P1"), ("spawned", "Spawner", "P1")
    )
    await client.seen({"Things/P1": {"hp": 2}})
    await server.put("Things/P1", hp=3, position=Vector2(1, 1))
    await client.seen({"Things/P1": {"hp": 3, "position": Vector2(1, 1)}})


@three
async def test_what_is_private_is_shown_to_some(worlds: Session, layout: str) -> None:
    server, one, other = await worlds.open(layout, PRIVATE)
    await server.spawn("P1", hp=1)
    await worlds.turns()
    assert await one.things() == await other.things() == {}
    await server.show(SYNC, one.id)
    await one.seen({"Things/P1": {"hp": 1}})
    await server.put("Things/P1", hp=2)
    await one.seen({"Things/P1": {"hp": 2}})
    assert await other.things() == {}
    await server.show(SYNC, other.id)
    await server.show(SYNC, one.id, visible=False)
    await other.seen({"Things/P1": {"hp": 2}})
    await one.seen({})


@each_way
async def test_a_joiner_gets_what_it_may_see(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    await server.spawn("P2")
    await server.put("Things/P1/Sync", public_visibility=False)
    await server.show("Things/P1/Sync", client.id)
    late = await worlds.add(await worlds.member(layout[1], SPAWNING))
    await late.seen({"Things/P2": {}})
    await client.seen({"Things/P1": {}, "Things/P2": {}})
    await server.show("Things/P1/Sync", late.id)
    await late.seen({"Things/P1": {}, "Things/P2": {}})


@three
async def test_a_filter(worlds: Session, layout: str) -> None:
    server, one, other = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    for client in (one, other):
        await client.seen({"Things/P1": {}})
    await server.admit(SYNC, [one.id], new=True)
    await one.seen({"Things/P1": {}})
    await other.seen({})
    await server.admit(SYNC, [other.id])
    await one.seen({})
    await other.seen({"Things/P1": {}})
    await server.put("Things/P1", hp=5)
    await other.seen({"Things/P1": {"hp": 5}})


@three
async def test_a_filter_that_is_asked_on_demand(worlds: Session, layout: str) -> None:
    server, one, other = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    for client in (one, other):
        await client.seen({"Things/P1": {}})
    await server.put(SYNC, visibility_update_mode=2)
    await server.admit(SYNC, [one.id], new=True)
    await worlds.turns()
    await other.seen({"Things/P1": {}})
    await server.act("update_visibility", SYNC, 0)
    await other.seen({})
    await server.admit(SYNC, [other.id])
    await server.act("update_visibility", SYNC, other.id)
    await other.seen({"Things/P1": {}})
    await one.seen({"Things/P1": {}})
    await server.act("update_visibility", SYNC, one.id)
    await one.seen({})


@each_way
async def test_a_filter_before_somebody_joins(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    await server.spawn("P2")
    await server.admit(SYNC, [client.id], new=True)
    late = await worlds.add(await worlds.member(layout[1], SPAWNING))
    await late.seen({"Things/P2": {}})
    await client.seen({"Things/P1": {}, "Things/P2": {}})


@each_way
async def test_a_hidden_node_that_was_there_from_the_beginning(
    worlds: Session, layout: str
) -> None:
    plan = Plan(
        {}, [thing("Flag", synchronizer("Sync", [*always(".:position"), *on_change(".:hp")]))]
    )
    server, client = await worlds.open(layout, plan)
    await server.put("Flag", hp=1)
    await client.seen({"Flag": {"hp": 1}})
    await server.put("Flag/Sync", public_visibility=False)
    await client.heard()
    await server.put("Flag", hp=2, position=Vector2(1, 1))
    await worlds.turns()
    await client.seen({"Flag": {"hp": 1, "position": Vector2(0, 0)}})
    await server.show("Flag/Sync", client.id)
    await client.seen({"Flag": {"hp": 2, "position": Vector2(1, 1)}})
    assert await client.heard("delta_synchronized") == [("delta_synchronized", "Flag/Sync")]


@each_way
async def test_one_visible_synchronizer_of_several_is_enough(worlds: Session, layout: str) -> None:
    scene = thing(
        "Thing",
        synchronizer("One", on_change(".:hp")),
        synchronizer("Two", on_change(".:title")),
    )
    server, client = await worlds.open(layout, Plan({"thing": scene}, SPAWNING.parts))
    await server.spawn("P1", hp=1, title="t")
    await client.seen({"Things/P1": {"hp": 1, "title": "t"}})
    await server.put("Things/P1/One", public_visibility=False)
    await server.put("Things/P1", hp=2, title="u")
    await client.seen({"Things/P1": {"hp": 1, "title": "u"}})
    await server.put("Things/P1/Two", public_visibility=False)
    await client.seen({})
    await server.show("Things/P1/Two", client.id)
    await client.seen({"Things/P1": {"hp": 2, "title": "u"}})  # all of it is in the spawn


@each_way
async def test_what_is_told_of_visibility(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, PRIVATE)
    await server.spawn("P1")
    await server.heard()
    await server.show(SYNC, client.id)
    await server.show(SYNC, client.id)
    await server.show(SYNC, client.id, visible=False)
    await server.act("update_visibility", SYNC, client.id)
    await server.put(SYNC, public_visibility=True)
    await server.hears(
        *[("visibility_changed", SYNC, client.id)] * 3, ("visibility_changed", SYNC, 0)
    )


@three
async def test_calls_go_to_those_who_have_the_node(worlds: Session, layout: str) -> None:
    server, one, other = await worlds.open(layout, PRIVATE)
    await server.spawn("P1")
    await server.show(SYNC, one.id)
    await one.seen({"Things/P1": {}})
    await server.act("poke", "Things/P1", 0, "to all")
    await one.hears(("poke", "Things/P1", "to all", 1))
    await server.show(SYNC, other.id)
    await other.seen({"Things/P1": {}})
    await server.act("poke", "Things/P1", 0, "again")
    await one.hears(("poke", "Things/P1", "again", 1))
    await other.hears(("poke", "Things/P1", "again", 1))
