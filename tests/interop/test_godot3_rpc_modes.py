"""The modes of Godot 3.2.3 for calls and sets: who is let in, and what happens at home.

What to expect is computed from the table in the engine's behaviour, not by the code under test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from multiplayer import Reason
from tests.interop.godot3.game import Elsewhere, Heard
from tests.interop.godot3.match import InGodot, InPython, Match

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch
    from tests.interop.godot3.match import Player

# Modes do not depend on who polls.
pytestmark = pytest.mark.parametrize("drive", ["polled"], indirect=True)

SESSIONS = {
    "our server": ("python", "engine", "python"),
    "the engine's server": ("engine", "python", "engine"),
}
MODES = ("remote", "remotesync", "master", "mastersync", "puppet", "puppetsync")


class Effect(NamedTuple):
    """What calling a method of some mode at everybody does."""

    at_home: bool
    elsewhere: list[Player]
    refused: list[Player]


def effect(mode: str, match: Match, sender: Player, master: int) -> Effect:
    others, is_master = match.others(sender), sender.id == master
    if mode.startswith("remote"):
        return Effect(mode == "remotesync", others, [])
    if mode.startswith("master"):
        at_home = is_master or mode == "mastersync"
        if is_master:
            return Effect(at_home, [], [])  # not sent: nobody else may be called
        let_in = [player for player in others if player.id == master]
    else:
        at_home = not is_master or mode == "puppetsync"
        let_in = others if is_master else []
    return Effect(at_home, let_in, [player for player in others if player not in let_in])


async def refused(player: Player, sender: Player, text: str) -> None:
    if isinstance(player, InPython):
        await player.rejects((sender.id, Reason.NOT_ALLOWED))
    elif isinstance(player, InGodot):
        await player.godot.complained(text)


async def begin(drive: Drive, launch: Launch, who: str) -> Match:
    match = Match(drive, launch)
    server, *clients = SESSIONS[who]
    await match.serve(server)
    for client in clients:
        await match.join(client)
    return match


@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize("mode", MODES)
async def test_who_may_call(drive: Drive, launch: Launch, who: str, mode: str) -> None:
    name = "r1" if mode == "remote" else f"f_{mode}"
    match = await begin(drive, launch, who)
    for master in [player.id for player in match.players]:
        for player in match.players:
            await player.set_master(master)
        for sender in match.players:
            happens = effect(mode, match, sender, master)
            await sender.rpc(0, name, master)
            heard = Heard("Game", name, sender.id, (master,))
            await sender.heard(*[heard] * happens.at_home)
            for player in happens.elsewhere:
                await player.heard(heard)
            for player in happens.refused:
                await refused(player, sender, f"RPC '{name}' is not allowed")
    await match.settle()


@pytest.mark.parametrize("who", SESSIONS)
@pytest.mark.parametrize("mode", MODES)
async def test_who_may_set(drive: Drive, launch: Launch, who: str, mode: str) -> None:
    name = f"v_{mode}"
    match = await begin(drive, launch, who)
    for master in [player.id for player in match.players]:
        for player in match.players:
            await player.set_master(master)
        for sender in match.players:
            happens = effect(mode, match, sender, master)
            await sender.rset(0, name, master)
            heard = Heard("Game", name, sender.id, (master,))
            await sender.heard(*[heard] * happens.at_home)
            for player in happens.elsewhere:
                await player.heard(heard)
            for player in happens.refused:
                await refused(player, sender, f"RSET '{name}' is not allowed")
    await match.settle()


@pytest.mark.parametrize("who", SESSIONS)
async def test_calling_oneself(drive: Drive, launch: Launch, who: str) -> None:
    match = await begin(drive, launch, who)
    for player in match.players:
        await player.rpc(player.id, "f_remotesync", "me")
        await player.heard(Heard("Game", "f_remotesync", player.id, ("me",)))
        other = match.others(player)[0]
        await player.rpc(-player.id, "f_remotesync", "not me")
        if isinstance(player, InGodot):
            await player.godot.complained("unexisting ID")
        else:
            for reached in match.others(player):
                await reached.heard(Heard("Game", "f_remotesync", player.id, ("not me",)))
        await player.rpc(other.id, "f_remotesync", "you")  # and then not here
        await other.heard(Heard("Game", "f_remotesync", player.id, ("you",)))
    await match.settle()


@pytest.mark.parametrize("who", SESSIONS)
async def test_what_is_not_declared_cannot_be_called(
    drive: Drive, launch: Launch, who: str
) -> None:
    match = Match(drive, launch)
    server, *clients = SESSIONS[who]
    await match.serve(server)
    for client in clients:
        await match.join(client)
    for engine in match.players:
        for python in match.others(engine):
            if not (isinstance(engine, InGodot) and isinstance(python, InPython)):
                continue
            for name in ("f_local", "no_such_method", "queue_free", "__init__", "note", "heard"):
                await engine.say(python.id, name, '"x"')
                await python.rejects((engine.id, Reason.UNKNOWN_METHOD))
            for name in ("v_local", "heard", "__class__", "name"):
                await engine.put(python.id, name, '"x"')
                await python.rejects((engine.id, Reason.UNKNOWN_METHOD))
    for player in match.players:
        if isinstance(player, InGodot):
            player.godot.errors.clear()  # it cannot call what it does not have itself
    await match.settle()


@pytest.mark.parametrize("who", SESSIONS)
async def test_what_the_engine_does_not_declare_cannot_be_called(
    drive: Drive, launch: Launch, who: str
) -> None:
    match = Match(drive, launch, Elsewhere)
    server, *clients = SESSIONS[who]
    await match.serve(server)
    for client in clients:
        await match.join(client)
    for python in match.players:
        for engine in match.others(python):
            if not (isinstance(engine, InGodot) and isinstance(python, InPython)):
                continue
            await python.rpc(engine.id, "f_local", "x")
            await engine.godot.complained("RPC 'f_local' is not allowed")
            await python.rpc(engine.id, "no_such_method", "x")
            await engine.godot.complained("RPC 'no_such_method' is not allowed")
            await python.rpc(engine.id, "queue_free")
            await engine.godot.complained("RPC 'queue_free' is not allowed")
            await python.rset(engine.id, "v_local", "x")
            await engine.godot.complained("RSET 'v_local' is not allowed")
    await match.settle()
