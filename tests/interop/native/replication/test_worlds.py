"""Worlds with everything in them, of engines and ours in any mixture; and an engine that hangs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Vector2
from tests.interop.native.replication.engine import Engine
from tests.interop.native.replication.ours import Ours
from tests.interop.native.replication.scenes import (
    THING,
    Part,
    Plan,
    always,
    on_change,
    spawner,
    synchronizer,
    thing,
)
from tests.interop.native.replication.session import layouts

if TYPE_CHECKING:
    from tests.interop.native.replication.member import Member, Things
    from tests.interop.native.replication.session import Session

pytestmark = pytest.mark.native4

PLAYER = thing(
    "Player",
    synchronizer("State", on_change(".:hp")),
    synchronizer("Input", [*always(".:position"), *on_change(".:title")]),
)
WORLD = Plan(
    {"thing": THING, "player": PLAYER},
    [
        Part("Things"),
        Part("Players"),
        spawner("Spawner", "../Things", "thing"),
        spawner("Starter", "../Players", "player"),
        thing("Flag", synchronizer("Sync", [*always(".:position"), *on_change(".:any")])),
    ],
)
mixtures = layouts("EPPE", "PEE", "PEPE", "EEP")


def path_of(member: Member) -> str:
    """Where a client's player is."""
    return f"Players/of_{member.id}"


@mixtures
async def test_one_world_for_all(worlds: Session, layout: str) -> None:
    server, *clients = await worlds.open(layout, WORLD)
    expected: Things = {"Flag": {"position": Vector2(0, 0), "any": None}}
    for number in range(6):
        await server.spawn(f"T{number}", hp=number)
        expected[f"Things/T{number}"] = {"hp": number, "position": Vector2(0, 0)}
    for client in clients:
        await server.spawn(f"of_{client.id}", "player", "Players", hp=1)
        expected[path_of(client)] = {"hp": 1, "title": "first", "position": Vector2(0, 0)}
    for member in worlds.members:
        await member.seen(expected)
    for number, client in enumerate(clients, start=1):
        await client.put(path_of(client), position=Vector2(number, 0), title=f"t{number}")
        expected[path_of(client)] |= {"position": Vector2(number, 0), "title": f"t{number}"}
    await server.put("Flag", any={"turn": 1}, position=Vector2(9, 9))
    expected["Flag"] = {"any": {"turn": 1}, "position": Vector2(9, 9)}
    await server.put("Things/T1", hp=100, position=Vector2(1, 1))
    expected["Things/T1"] = {"hp": 100, "position": Vector2(1, 1)}
    await server.free("Things/T2")
    del expected["Things/T2"]
    for member in worlds.members:
        await member.seen(expected)


@mixtures
async def test_everybody_sees_something_else(worlds: Session, layout: str) -> None:
    server, *clients = await worlds.open(layout, WORLD)
    for number, _ in enumerate(clients):
        await server.spawn(f"T{number}", hp=number)
        await server.put(f"Things/T{number}/Sync", public_visibility=False)
    for turn in range(len(clients)):
        for number, client in enumerate(clients):
            shown = (number + turn) % len(clients)
            for other in range(len(clients)):
                path = f"Things/T{other}/Sync"
                await server.show(path, client.id, visible=other == shown)
            await server.put(f"Things/T{shown}", hp=10 * turn + shown)
        for number, client in enumerate(clients):
            shown = (number + turn) % len(clients)
            await client.seen({"Flag": {}, f"Things/T{shown}": {"hp": 10 * turn + shown}})


@mixtures
async def test_some_come_and_some_go(worlds: Session, layout: str) -> None:
    server, *clients = await worlds.open(layout, WORLD)
    for client in clients:
        await server.spawn(f"of_{client.id}", "player", "Players")
    for client in clients:
        await client.seen({"Flag": {}} | {path_of(each): {} for each in clients})
    first = clients.pop(0)
    await worlds.leave(first)
    await server.free(path_of(first))
    late = await worlds.add(await worlds.member(layout[-1], WORLD))
    await server.spawn(f"of_{late.id}", "player", "Players")
    clients.append(late)
    await late.seen({"Flag": {}} | {path_of(each): {} for each in clients})
    for number, client in enumerate(clients):
        await client.put(path_of(client), title=f"t{number}")
    titles = {path_of(each): {"title": f"t{number}"} for number, each in enumerate(clients)}
    for member in worlds.members:
        await member.seen({"Flag": {}} | titles)


@layouts("PE", "PEE", "PEP")
async def test_an_engine_that_hangs_has_the_truth_when_it_goes_on(
    worlds: Session, layout: str
) -> None:
    """An engine as the server would drop what does not fit, for good."""
    worlds.outbound_buffer_size = 1 << 20
    server, slow, *others = await worlds.open(layout, WORLD)
    if not isinstance(server, Ours) or not isinstance(slow, Engine):
        pytest.skip("engines lose what a peer does not read in time")
    names = [f"T{number}" for number in range(8)]
    for name in names:
        await server.spawn(name, any="")
    everybody: Things = {"Flag": {}} | {f"Things/{name}": {} for name in names}
    await slow.seen(everybody)
    async with slow.godot.standing_still():
        for turn in range(60):
            for name in names:  # more than all buffers on the way can hold
                await server.put(f"Things/{name}", hp=turn, title=f"{turn} " + "x" * 30_000)
            await server.spawn(f"Brief{turn}")
            await server.turns(1)
            await server.free(f"Things/Brief{turn}")
        await server.free(f"Things/{names[0]}")
        await server.spawn("Last", hp=5)
        for other in others:
            await other.seen_too("Things/Last")
        waiting = server.peer.get_backlog(slow.id)
        assert 1 << 16 < waiting < 1 << 20, "the server should be blocked, and its memory bounded"
    title = "59 " + "x" * 30_000
    last = {f"Things/{name}": {"hp": 59, "title": title} for name in names[1:]}
    for client in (slow, *others):
        await client.seen({"Flag": {}, "Things/Last": {"hp": 5}} | last)
    await server.put("Things/Last", hp=6)
    await slow.seen({"Flag": {}, "Things/Last": {"hp": 6}} | last)
