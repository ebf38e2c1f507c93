"""States: properties that synchronizers keep the same at all members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Color, NodePath, StringName, Vector2, Vector3i
from tests.interop.native.replication.scenes import (
    SPAWNING,
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
    from tests.interop.native.replication.scenes import Property
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4


def spawning(*properties: Property, **settings: object) -> Plan:
    """A spawner of things with one synchronizer of these properties."""
    scene = thing("Thing", synchronizer("Sync", properties, **settings))
    return Plan({"thing": scene}, SPAWNING.parts)


@each_way
async def test_what_is_sent_always_follows(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    for x in range(5):
        await server.put("Things/P1", position=Vector2(x, -x))
        await client.seen({"Things/P1": {"position": Vector2(x, -x)}})
    told = await client.act("times", "Things/P1/Sync")
    await client.times("Things/P1/Sync", told + 5)  # without any change


@each_way
async def test_what_is_sent_on_change_is_sent_once(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, spawning(*on_change(".:hp", ".:title")))
    await server.spawn("P1")
    await client.hears(("delta_synchronized", "Things/P1/Sync"))  # the first has everything
    await server.put("Things/P1", hp=1)
    await client.seen({"Things/P1": {"hp": 1, "title": "first"}})
    await server.put("Things/P1", title="second")
    await client.seen({"Things/P1": {"hp": 1, "title": "second"}})
    await worlds.turns()
    assert (
        await client.heard("delta_synchronized") == [("delta_synchronized", "Things/P1/Sync")] * 2
    )
    assert await client.act("times", "Things/P1/Sync") == 0


@each_way
async def test_only_what_has_changed_is_set(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, spawning(*on_change(".:hp", ".:title")))
    await server.spawn("P1")
    await client.hears(("delta_synchronized", "Things/P1/Sync"))
    await client.put("Things/P1", title="mine")
    await server.put("Things/P1", hp=1)
    await client.seen({"Things/P1": {"hp": 1, "title": "mine"}})


@each_way
async def test_every_type_of_value(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, spawning(*on_change(".:any")))
    values = [
        True,
        0,
        -1,
        1 << 40,
        1.5,
        "text",
        StringName("name"),
        NodePath("a/b:c"),
        Color(1, 0.5, 0.25, 1),
        Vector3i(1, 2, 3),
        b"bytes",
        [1, [2.0, "three"], {"k": None}],
        {"a": [1], 2: Vector2(1, 2)},
    ]
    for number, value in enumerate(values):
        await server.spawn(f"S{number}", any=value)
        await client.reads(f"Things/S{number}", "any", value)
    await server.spawn("P1")
    for value in values:
        await server.put("Things/P1", any=value)
        await client.reads("Things/P1", "any", value)


@each_way
async def test_a_value_of_another_type_is_a_change(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, spawning(*on_change(".:any")))
    await server.spawn("P1", any=5)
    for value in (5.0, 5, True, 1, "n", StringName("n"), "n", None):
        await server.put("Things/P1", any=value)
        await client.reads("Things/P1", "any", value)


@each_way
async def test_a_container_that_has_grown_is_a_change(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, spawning(*on_change(".:any", ".:typed")))
    await server.spawn("P1", any={"list": [1]})
    await client.reads("Things/P1", "any", {"list": [1]})
    await server.act("grow", "Things/P1", "any", "key", [2])
    await client.reads("Things/P1", "any", {"list": [1], "key": [2]})
    await server.act("grow", "Things/P1", "typed", None, 3)
    await client.seen({"Things/P1": {"typed": [1, 2, 3]}})


@each_way
async def test_parts_of_properties(worlds: Session, layout: str) -> None:
    scene = thing(
        "Thing",
        Part("Body"),
        synchronizer(
            "Sync", [*always("Body:position:x", ".:position:y"), *on_change(".:modulate:a")]
        ),
    )
    server, client = await worlds.open(layout, Plan({"thing": scene}, SPAWNING.parts))
    await server.spawn("P1", position=Vector2(1, 2))
    await client.seen({"Things/P1": {"position": Vector2(0, 2)}})
    await server.put("Things/P1/Body", position=Vector2(3, 4))
    await client.reads("Things/P1/Body", "position", Vector2(3, 0))
    await server.put("Things/P1", **{"modulate:a": 0.5})
    await client.reads("Things/P1", "modulate:a", 0.5)


@each_way
async def test_the_last_of_64_properties(worlds: Session, layout: str) -> None:
    names = [f"x{number}" for number in range(64)]
    plan = spawning(*on_change(*(f".:{name}" for name in names)))
    server, client = await worlds.open(layout, plan)
    await server.spawn("P1")
    for number in (63, 0, 31, 32):
        await server.put("Things/P1", **{f"x{number}": 1000 + number})
        await client.reads("Things/P1", f"x{number}", 1000 + number)
    assert [await client.act("read", "Things/P1", name) for name in names] == [
        1000 + number if number in (63, 0, 31, 32) else 0 for number in range(64)
    ]


@each_way
async def test_an_interval_of_what_is_sent_always(worlds: Session, layout: str) -> None:
    """What is sent on change goes on meanwhile."""
    plan = spawning(*always(".:position"), *on_change(".:hp"))
    server, client = await worlds.open(layout, plan)
    await server.spawn("P1", position=Vector2(1, 1))
    await client.times("Things/P1/Sync", 1)
    await server.put("Things/P1/Sync", replication_interval=1000.0)
    await server.put("Things/P1", position=Vector2(2, 2), hp=5)
    await client.seen({"Things/P1": {"hp": 5, "position": Vector2(1, 1)}})
    await server.put("Things/P1/Sync", replication_interval=0.0)
    await client.seen({"Things/P1": {"hp": 5, "position": Vector2(2, 2)}})


@each_way
async def test_an_interval_of_what_is_sent_on_change(worlds: Session, layout: str) -> None:
    plan = spawning(*always(".:position"), *on_change(".:hp"))
    server, client = await worlds.open(layout, plan)
    await server.spawn("P1", hp=1)
    await client.hears(("delta_synchronized", "Things/P1/Sync"))
    await server.put("Things/P1/Sync", delta_interval=1000.0)
    await server.put("Things/P1", position=Vector2(2, 2), hp=2)
    await client.seen({"Things/P1": {"hp": 1, "position": Vector2(2, 2)}})
    await server.put("Things/P1", hp=3)
    await server.put("Things/P1/Sync", delta_interval=0.0)
    await client.seen({"Things/P1": {"hp": 3}})
    assert await client.heard("delta_synchronized") == [("delta_synchronized", "Things/P1/Sync")]


STATIC = Plan(
    {}, [thing("Flag", synchronizer("Sync", [*always(".:position"), *on_change(".:hp")]))]
)


@each_way
async def test_a_node_that_is_there_from_the_beginning(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, STATIC)
    await server.put("Flag", position=Vector2(1, 2), hp=3)
    await client.seen({"Flag": {"position": Vector2(1, 2), "hp": 3}})
    await server.put("Flag", hp=4)
    await client.seen({"Flag": {"position": Vector2(1, 2), "hp": 4}})


@each_way
async def test_a_node_that_others_lack(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, STATIC)
    await server.build(thing("Lone", synchronizer("Sync", on_change(".:hp"))))
    await client.complained("Lone/Sync")
    await server.put("Lone", hp=2)
    await server.put("Flag", hp=3)
    await client.seen({"Flag": {"hp": 3}})


@each_way
async def test_a_synchronizer_that_is_added_again(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, STATIC)
    await server.put("Flag", hp=3)
    await client.seen({"Flag": {"hp": 3}})
    await server.act("take_out", "Flag/Sync")
    await server.put("Flag", hp=4)
    await server.act("put_back", "Sync", "Flag", False)
    await client.seen({"Flag": {"hp": 4}})


@each_way
async def test_more_states_than_fit_into_a_packet(worlds: Session, layout: str) -> None:
    plan = spawning(*always(".:any"))
    server, client = await worlds.open(layout, plan)
    for number in range(40):
        await server.spawn(f"P{number}", any=[number, "x" * 100])
    for last in ("y", "z"):
        for number in range(40):
            await server.put(f"Things/P{number}", any=[number, last * 100])
        await client.seen(
            {f"Things/P{number}": {"any": [number, last * 100]} for number in range(40)}
        )


@pytest.mark.handlers_fail
@each_way
async def test_a_state_that_is_too_large(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, spawning(*always(".:any")))
    await server.spawn("P1", any="small")
    await server.spawn("P2", any=1)
    await client.seen({"Things/P1": {"any": "small"}, "Things/P2": {"any": 1}})
    await server.put("Things/P1", any="x" * 1400)
    await server.complained("")
    await server.put("Things/P2", any=2)
    await client.seen({"Things/P1": {"any": "small"}, "Things/P2": {"any": 2}})
    await server.put("Things/P1", any="y" * 1000)
    await client.seen({"Things/P1": {"any": "y" * 1000}, "Things/P2": {"any": 2}})
    await worlds.turns()
    for member in (server, client):
        member.forget_complaints()


@each_way
async def test_a_state_near_the_limit(worlds: Session, layout: str) -> None:
    """Engines send an empty packet before such a state, which they complain of themselves."""
    server, client = await worlds.open(layout, spawning(*always(".:any")))
    await server.spawn("P1", any="x" * 1339)
    await server.spawn("P2", any=1)
    await client.times("Things/P1/Sync", 3)
    await server.put("Things/P1", any="y" * 1339)
    await client.seen({"Things/P1": {"any": "y" * 1339}, "Things/P2": {"any": 1}})
    await server.free("Things/P1")
    await client.seen({"Things/P2": {"any": 1}})
    if layout == "EE":
        await client.complained("Invalid sync packet received")
    client.forget_complaints()


@each_way
async def test_a_large_change(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, spawning(*on_change(".:any")))
    await server.spawn("P1", any=0)
    await server.put("Things/P1", any="x" * 30000)
    await client.reads("Things/P1", "any", "x" * 30000)


@each_way
async def test_changes_of_one_that_is_no_authority_stay_its_own(
    worlds: Session, layout: str
) -> None:
    server, client = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    await client.hears(("delta_synchronized", "Things/P1/Sync"))
    await client.put("Things/P1", hp=1, position=Vector2(9, 9))
    await client.seen({"Things/P1": {"position": Vector2(0, 0), "hp": 1}})
    assert (await server.things())["Things/P1"]["hp"] == 100


@each_way
async def test_a_spawner_of_many_properties_and_nodes(worlds: Session, layout: str) -> None:
    inner = thing(
        "Tank",
        Part("Body", parts=[Part("Turret")]),
        synchronizer(
            "Sync",
            [
                *always("Body:position", "Body/Turret:rotation"),
                *on_change(".:hp", ".:title", ".:any", ".:blob"),
            ],
        ),
    )
    plan = Plan({"tank": inner}, [Part("Things"), spawner("Spawner", "../Things", "tank")])
    server, client = await worlds.open(layout, plan)
    await server.spawn("T", "tank", hp=1, title="t", blob=b"\0\1")
    await server.put("Things/T/Body", position=Vector2(5, 6))
    await server.put("Things/T/Body/Turret", rotation=1.5)
    await client.seen({"Things/T": {"hp": 1, "title": "t", "blob": b"\0\1"}})
    await client.reads("Things/T/Body", "position", Vector2(5, 6))
    await client.reads("Things/T/Body/Turret", "rotation", 1.5)
