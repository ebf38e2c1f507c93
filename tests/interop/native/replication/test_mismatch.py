"""Worlds that are not the same on both sides: what cannot be spawned or set harms nothing else."""

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
    on_change,
    spawner,
    synchronizer,
    thing,
)
from tests.interop.native.replication.session import each_way

if TYPE_CHECKING:
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4


async def of_two_plans(worlds: Session, layout: str, ours: Plan, theirs: Plan) -> list:
    """A server with one plan, a client with another."""
    (server,) = await worlds.open(layout[0], ours)
    return [server, await worlds.add(await worlds.member(layout[1], theirs))]


@each_way
async def test_a_name_that_the_receiver_has_taken(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await client.act("add_plain", "Things", "P1")
    await server.spawn("P1")
    await client.complained("")
    await server.spawn("P2", hp=2)
    await client.seen({"Things/P2": {"hp": 2}})
    await server.put("Things/P2", hp=3)
    await client.seen({"Things/P2": {"hp": 3}})
    await server.free("Things/P1")
    await client.complained("")
    await client.has("Things/P1")  # the receiver's own


@each_way
async def test_a_scene_that_the_receiver_lacks(worlds: Session, layout: str) -> None:
    parts = [Part("Things"), spawner("Spawner", "../Things", "thing", "other")]
    full = Plan({"thing": THING, "other": thing("Other")}, parts)
    server, client = await of_two_plans(worlds, layout, full, SPAWNING)
    await server.spawn("A", "other")
    await client.complained("")
    await server.spawn("B", "thing")
    await client.seen({"Things/B": {}})


@each_way
async def test_a_spawner_that_the_receiver_lacks(worlds: Session, layout: str) -> None:
    more = [Part("Others"), spawner("Second", "../Others", "thing")]
    full = Plan(SPAWNING.scenes, [*SPAWNING.parts, *more])
    server, client = await of_two_plans(worlds, layout, full, SPAWNING)
    await server.spawn("A", under="Others")
    await client.complained("")
    await server.spawn("B", hp=1)
    await client.seen({"Things/B": {"hp": 1}})


@each_way
async def test_another_place_at_the_receiver(worlds: Session, layout: str) -> None:
    parts = [Part("Elsewhere"), spawner("Spawner", "../Elsewhere", "thing")]
    elsewhere = Plan(SPAWNING.scenes, parts)
    server, client = await of_two_plans(worlds, layout, SPAWNING, elsewhere)
    await server.spawn("P1", hp=1)
    await client.seen({"Elsewhere/P1": {"hp": 1}})
    await server.put("Things/P1", hp=2, position=Vector2(1, 1))
    await client.seen({"Elsewhere/P1": {"hp": 2, "position": Vector2(1, 1)}})
    await server.free("Things/P1")
    await client.seen({})


@each_way
async def test_a_receiver_whose_configuration_is_shorter(worlds: Session, layout: str) -> None:
    """The first values are set."""
    short = thing("Thing", synchronizer("Sync", always(".:position")))
    long = thing("Thing", synchronizer("Sync", always(".:position", ".:hp")))
    server, client = await of_two_plans(
        worlds,
        layout,
        Plan({"thing": long}, SPAWNING.parts),
        Plan({"thing": short}, SPAWNING.parts),
    )
    await server.spawn("P1", hp=1, position=Vector2(1, 1))
    await client.seen_too("Things/P1")
    await server.put("Things/P1", position=Vector2(2, 2))
    await client.seen({"Things/P1": {"position": Vector2(2, 2), "hp": 100}})
    client.forget_complaints()


@each_way
async def test_states_that_the_receiver_cannot_set(worlds: Session, layout: str) -> None:
    """An engine drops all that follows in the packet, for ever; we drop those of that object."""
    property_of_one = thing(
        "Bad", synchronizer("Sync", [*always("Body:position"), *on_change(".:hp")])
    )
    whole = thing(
        "Bad", Part("Body"), synchronizer("Sync", [*always("Body:position"), *on_change(".:hp")])
    )
    parts = [Part("Things"), spawner("Spawner", "../Things", "thing", "bad")]
    server, client = await of_two_plans(
        worlds,
        layout,
        Plan({"thing": THING, "bad": whole}, parts),
        Plan({"thing": THING, "bad": property_of_one}, parts),
    )
    await server.spawn("A", hp=1)
    await server.spawn("B", "bad", hp=2)
    await server.spawn("C", hp=3)
    await client.complained("")
    for name in "ABC":
        await server.put(f"Things/{name}", position=Vector2(1, 1), hp=7)
    await client.seen_too("Things/C")
    reached = Vector2(1, 1) if layout == "EP" else Vector2(0, 0)
    await client.reads("Things/A", "position", Vector2(1, 1))
    await client.reads("Things/C", "hp", 7)
    await client.reads("Things/B", "hp", 7)
    await client.reads("Things/C", "position", reached)
    client.forget_complaints()
    await server.free("Things/B")
    await client.reads("Things/C", "position", Vector2(1, 1))
    client.forget_complaints()


@each_way
async def test_a_synchronizer_that_the_receiver_lacks(worlds: Session, layout: str) -> None:
    two = thing(
        "Thing",
        synchronizer("Sync", [*always(".:position"), *on_change(".:hp")]),
        synchronizer("More", on_change(".:title")),
    )
    server, client = await of_two_plans(
        worlds, layout, Plan({"thing": two}, SPAWNING.parts), SPAWNING_HP
    )
    await server.spawn("P1", hp=1)
    await client.complained("")
    await client.seen_too("Things/P1")
    await server.spawn("P2")
    await client.seen_too("Things/P2")
    client.forget_complaints()


SPAWNING_HP = Plan(
    {"thing": thing("Thing", synchronizer("Sync", [*always(".:position"), *on_change(".:hp")]))},
    SPAWNING.parts,
)
