"""What a class of ours declares with ``replicated()`` is to engines what their scenes have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Vector2
from tests.interop.native.replication.scenes import (
    SPAWNING,
    Part,
    Plan,
    always,
    on_change,
    synchronizer,
)
from tests.interop.native.replication.session import layouts

if TYPE_CHECKING:
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4

SYNC = synchronizer(
    "MultiplayerSynchronizer", [*always(".:position"), *on_change(".:hp", ".:title")]
)
"""With the name that Godot's editor gives it."""

SPAWNED = Plan({"thing": Part("Thing", "declared", [SYNC])}, SPAWNING.parts)
STATIC = Plan({}, [Part("Still", "declared", [SYNC])])


@layouts("EP", "PE")
async def test_spawned_things_are_the_same(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, SPAWNED)
    await server.spawn("P1", position=Vector2(1, 2), hp=7)
    await client.seen({"Things/P1": {"position": Vector2(1, 2), "hp": 7, "title": "first"}})
    await server.put("Things/P1", position=Vector2(3, 4), title="second")
    await client.seen({"Things/P1": {"position": Vector2(3, 4), "hp": 7, "title": "second"}})
    await server.free("Things/P1")
    await client.seen({})


@layouts("EP", "PE")
async def test_things_that_are_there_on_both_sides(worlds: Session, layout: str) -> None:
    server, client = await worlds.open(layout, STATIC)
    await server.put("Still", position=Vector2(3, 4), hp=7)
    await client.seen({"Still": {"position": Vector2(3, 4), "hp": 7, "title": "first"}})


@layouts("PEP", "EPE")
async def test_a_client_moves_its_own_at_all_others(worlds: Session, layout: str) -> None:
    server, mover, other = await worlds.open(layout, SPAWNED)
    name = f"all_{mover.id}"
    await server.spawn(name)
    for member in (mover, other):
        await member.seen({f"Things/{name}": {"hp": 100}})
    await mover.put(f"Things/{name}", position=Vector2(5, 6), hp=50)
    for member in (server, other):
        await member.seen({f"Things/{name}": {"position": Vector2(5, 6), "hp": 50}})
