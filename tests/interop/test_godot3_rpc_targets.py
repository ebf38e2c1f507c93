"""RPCs of real Godot 3.2.3 and ours: whom a call, a set and bytes reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.godot3.game import Heard, raw
from tests.interop.godot3.match import InPython, Match

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch
    from tests.interop.godot3.match import Player

SESSIONS = {
    "our server": ("python", "engine", "engine", "python"),
    "the engine's server": ("engine", "python", "python", "engine"),
}


async def begin(drive: Drive, launch: Launch, who: str) -> Match:
    match = Match(drive, launch)
    server, *clients = SESSIONS[who]
    await match.serve(server)
    for client in clients:
        await match.join(client)
    return match


def targets(match: Match, sender: Player) -> list[int]:
    ids = [player.id for player in match.others(sender)]
    return [0, *ids, *(-id_ for id_ in ids)]


@pytest.mark.parametrize("who", SESSIONS)
async def test_a_call_reaches_those_it_is_for(drive: Drive, launch: Launch, who: str) -> None:
    match = await begin(drive, launch, who)
    for times in ("first", "second"):  # before the path is confirmed, and after
        for sender in match.players:
            for to in targets(match, sender):
                await sender.rpc(to, "r3", times, to, 0.5)
                for player in match.reached(sender, to):
                    await player.heard(Heard("Game", "r3", sender.id, (times, to, 0.5)))
    await match.settle()


@pytest.mark.parametrize("who", SESSIONS)
async def test_a_set_reaches_those_it_is_for(drive: Drive, launch: Launch, who: str) -> None:
    match = await begin(drive, launch, who)
    for sender in match.players:
        for to in targets(match, sender):
            await sender.rset(to, "v_remote", [to])
            for player in match.reached(sender, to):
                await player.heard(Heard("Game", "v_remote", sender.id, ([to],)))
    await match.settle()


@pytest.mark.parametrize("who", SESSIONS)
async def test_bytes_reach_those_they_are_for(drive: Drive, launch: Launch, who: str) -> None:
    match = await begin(drive, launch, who)
    for sender in match.players:
        for to in targets(match, sender):
            payload = f"{to}, Grüße\0".encode()
            await sender.send_bytes(to, payload)
            for player in match.reached(sender, to):
                await player.heard(raw(sender.id, payload))
    await match.settle()


@pytest.mark.parametrize("who", SESSIONS)
async def test_an_unreliable_call_arrives_like_any(drive: Drive, launch: Launch, who: str) -> None:
    match = await begin(drive, launch, who)
    for sender in match.players:
        for to in targets(match, sender):
            await sender.rpc_unreliable(to, "r2", "fast", to)
            for player in match.reached(sender, to):
                await player.heard(Heard("Game", "r2", sender.id, ("fast", to)))
    await match.settle()


@pytest.mark.parametrize("who", SESSIONS)
async def test_whoever_is_called_knows_by_whom_and_answers(
    drive: Drive, launch: Launch, who: str
) -> None:
    match = await begin(drive, launch, who)
    for sender in match.players:
        for player in match.others(sender):
            await sender.rpc(player.id, "echo", "marco")
            await player.heard(Heard("Game", "echo", sender.id, ("marco",)))
            await sender.heard(Heard("Game", "echo_reply", player.id, ("marco",)))
            await sender.rpc(player.id, "shout", "polo")
            await player.heard(Heard("Game", "shout", sender.id, ("polo",)))
            for other in match.others(player):
                await other.heard(Heard("Game", "echo_reply", player.id, ("polo",)))
    await match.settle()


async def test_a_call_to_a_group_reaches_those_in_it(drive: Drive, launch: Launch) -> None:
    """Engines do not look at the target in the envelope, which is everybody's in such a frame."""
    match = Match(drive, launch)
    server = await match.serve("python")
    clients = [await match.join(kind) for kind in ("engine", "engine", "python")]
    assert isinstance(server, InPython)
    group = server.api.group("some")
    for some in (clients[:1], clients[:2], clients[1:], clients):
        group.clear()
        group.add(*(player.id for player in some))
        for way in ("group", "ids"):
            for times in ("first", "second"):
                ids = group if way == "group" else [player.id for player in some]
                server.node("Game").r3.rpc_to(ids, times, way, 0.5)
                for player in some:
                    await player.heard(Heard("Game", "r3", 1, (times, way, 0.5)))
    await match.settle()
