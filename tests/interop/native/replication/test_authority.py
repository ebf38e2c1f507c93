"""Authority of clients: over synchronizers of what the server spawned, and over spawners."""

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
from tests.interop.native.replication.session import layouts

if TYPE_CHECKING:
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4

three = layouts("EPE", "EEP", "PEE", "PEP")

PLAYER = thing(
    "Player",
    synchronizer("State", on_change(".:hp")),
    synchronizer("Input", [*always(".:position"), *on_change(".:title")]),
)
PLAYERS = Plan({"thing": PLAYER}, SPAWNING.parts)


@three
async def test_a_client_decides_about_what_it_has_authority_over(
    worlds: Session, layout: str
) -> None:
    server, owner, other = await worlds.open(layout, PLAYERS)
    name = await server.spawn(f"of_{owner.id}", hp=1)
    path = f"Things/{name}"
    for member in (owner, other):
        await member.seen({path: {"hp": 1}})
    await owner.put(path, position=Vector2(1, 2), title="mine")
    for member in (server, other):
        await member.seen({path: {"position": Vector2(1, 2), "title": "mine"}})
    await server.put(path, hp=2)
    for member in (owner, other):
        await member.seen({path: {"hp": 2, "position": Vector2(1, 2)}})


@three
async def test_every_client_has_a_player(worlds: Session, layout: str) -> None:
    server, *clients = await worlds.open(layout, PLAYERS)
    for client in clients:
        await server.spawn(f"of_{client.id}")
    paths = [f"Things/of_{client.id}" for client in clients]
    for client in clients:
        await client.seen({path: {} for path in paths})
    for number, (client, path) in enumerate(zip(clients, paths, strict=True), start=1):
        await client.put(path, position=Vector2(number, 0), title=f"t{number}")
    await server.put(paths[0], hp=7)
    for member in (server, *clients):
        await member.seen(
            {
                paths[0]: {"position": Vector2(1, 0), "title": "t1", "hp": 7},
                paths[1]: {"position": Vector2(2, 0), "title": "t2", "hp": 100},
            }
        )


@three
async def test_a_client_hides_what_is_its_own(worlds: Session, layout: str) -> None:
    server, owner, other = await worlds.open(layout, PLAYERS)
    path = f"Things/{await server.spawn(f'of_{owner.id}')}"
    for member in (owner, other):
        await member.seen({path: {}})
    await owner.put(path, position=Vector2(1, 0))
    await other.seen({path: {"position": Vector2(1, 0)}})
    await owner.put(f"{path}/Input", public_visibility=False)
    await owner.show(f"{path}/Input", 1)
    await owner.put(path, position=Vector2(2, 0))
    await server.seen({path: {"position": Vector2(2, 0)}})
    await worlds.turns()
    await other.seen({path: {"position": Vector2(1, 0)}})


@three
async def test_a_client_spawns(worlds: Session, layout: str) -> None:
    server, owner, other = members = await worlds.open(layout, SPAWNING)
    for member in members:
        await member.act("authority", "Spawner", owner.id)
    await owner.spawn(f"all_{owner.id}", hp=5)
    path = f"Things/all_{owner.id}"
    for member in (server, other):
        await member.seen({path: {"hp": 5}})
    await owner.put(path, position=Vector2(3, 3), hp=6)
    for member in (server, other):
        await member.seen({path: {"hp": 6, "position": Vector2(3, 3)}})
    await owner.free(path)
    for member in members:
        await member.seen({})


@three
async def test_what_a_client_has_spawned_goes_with_it(worlds: Session, layout: str) -> None:
    server, owner, other = members = await worlds.open(layout, SPAWNING)
    await server.spawn("P1")
    for member in (owner, other):  # before it is somebody else's to spawn
        await member.seen({"Things/P1": {}})
    for member in members:
        await member.act("authority", "Spawner", owner.id)
    mine = f"all_{owner.id}"
    await owner.spawn(mine)
    for member in (server, other):
        await member.seen({"Things/P1": {}, f"Things/{mine}": {}})
    await worlds.leave(owner)
    await server.seen({"Things/P1": {}})
    assert f"Things/{mine}" in await owner.things()


@three
async def test_authority_that_changes_hands(worlds: Session, layout: str) -> None:
    plan = Plan({}, [thing("Flag", synchronizer("Sync", on_change(".:hp")))])
    members = server, one, other = await worlds.open(layout, plan)
    await server.put("Flag", hp=1)
    for member in (one, other):
        await member.seen({"Flag": {"hp": 1}})
    for owner, hp in ((one, 2), (other, 3), (server, 4)):
        for member in members:  # the owner last: what it sends before others know is refused
            if member is not owner:
                await member.act("authority", "Flag/Sync", owner.id)
        await owner.act("authority", "Flag/Sync", owner.id)
        await owner.put("Flag", hp=hp)
        for member in members:
            await member.seen({"Flag": {"hp": hp}})


@three
async def test_without_relay_a_client_reaches_the_server_only(worlds: Session, layout: str) -> None:
    worlds.relays = False
    server, owner, other = await worlds.open(layout, PLAYERS)
    path = f"Things/{await server.spawn(f'of_{owner.id}')}"
    for member in (owner, other):
        await member.seen({path: {}})
    await owner.put(path, position=Vector2(1, 2), title="mine")
    await server.seen({path: {"position": Vector2(1, 2), "title": "mine"}})
    await worlds.turns()
    await other.seen({path: {"position": Vector2(0, 0), "title": "first"}})
