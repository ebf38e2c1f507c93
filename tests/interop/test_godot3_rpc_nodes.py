"""Nodes of Godot 3.2.3 and ours: paths and their numbers, nodes that come late, nodes that go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Reason
from tests.interop.godot3.game import Heard
from tests.interop.godot3.match import InGodot, InPython, Match

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch

# Paths do not depend on who polls.
pytestmark = pytest.mark.parametrize("drive", ["polled"], indirect=True)

ONE = b"\2\0\0\0\1\0\0\0"


async def two(kind: str, drive: Drive, launch: Launch) -> tuple[Match, InPython, InGodot]:
    match = Match(drive, launch)
    await match.serve(kind)
    await match.join("engine" if kind == "python" else "python")
    (python,) = (player for player in match.players if isinstance(player, InPython))
    (engine,) = (player for player in match.players if isinstance(player, InGodot))
    return match, python, engine


@pytest.mark.parametrize("server", ["python", "engine"])
async def test_the_engine_calls_by_path_then_by_number(
    drive: Drive, launch: Launch, server: str
) -> None:
    match, python, engine = await two(server, drive, launch)
    await engine.rpc(python.id, "r1", 1)
    await python.heard(Heard("Game", "r1", engine.id, (1,)))
    by_path = b"\0\x11\0\0\x80r1\0\1" + ONE + b"Main/Game\0"
    assert python.tap.received == [b"\2\1\0\0\0Main/Game\0", by_path]
    assert python.tap.sent == [b"\3Main/Game\0"]
    await engine.godot.event(ev="sig", name="peer_packet", args=[python.id])  # the confirmation
    await engine.rpc(python.id, "r1", 1)
    await python.heard(Heard("Game", "r1", engine.id, (1,)))
    assert python.tap.received[2:] == [b"\0\1\0\0\0r1\0\1" + ONE]
    await match.settle()


@pytest.mark.parametrize("server", ["python", "engine"])
async def test_we_call_by_path_then_by_number(drive: Drive, launch: Launch, server: str) -> None:
    match, python, engine = await two(server, drive, launch)
    await python.rpc(engine.id, "r1", 1)
    await engine.heard(Heard("Game", "r1", python.id, (1,)))
    by_path = b"\0\x11\0\0\x80r1\0\1" + ONE + b"Main/Game\0"
    assert python.tap.sent == [b"\2\1\0\0\0Main/Game\0", by_path]
    await engine.rpc(python.id, "r1", "behind the confirmation")
    await python.heard(Heard("Game", "r1", engine.id, ("behind the confirmation",)))
    assert python.tap.received[0] == b"\3Main/Game\0"
    python.tap.sent.clear()
    await python.rpc(engine.id, "r1", 1)
    await engine.heard(Heard("Game", "r1", python.id, (1,)))
    assert python.tap.sent == [b"\0\1\0\0\0r1\0\1" + ONE]
    await match.settle()


@pytest.mark.parametrize("server", ["python", "engine"])
async def test_a_node_appears_late_at_our_side(drive: Drive, launch: Launch, server: str) -> None:
    match, python, engine = await two(server, drive, launch)
    await engine.add("Late")
    for number in range(2):
        await engine.rpc(python.id, "r1", number, node="Late")
        await python.rejects((engine.id, Reason.UNKNOWN_NODE))
    await python.add("Late")
    await engine.rpc(python.id, "r1", "at last", node="Late")
    await python.heard(Heard("Late", "r1", engine.id, ("at last",)))
    await python.rpc(engine.id, "r1", "welcome", node="Late")
    await engine.heard(Heard("Late", "r1", python.id, ("welcome",)))
    await match.settle()


@pytest.mark.parametrize("server", ["python", "engine"])
async def test_a_node_appears_late_at_the_engine(drive: Drive, launch: Launch, server: str) -> None:
    match, python, engine = await two(server, drive, launch)
    await python.add("Late")
    for number in range(2):
        await python.rpc(engine.id, "r1", number, node="Late")
        await engine.godot.complained("Requested node was not found")
    await engine.add("Late")
    await python.rpc(engine.id, "r1", "at last", node="Late")
    await engine.heard(Heard("Late", "r1", python.id, ("at last",)))
    await engine.rpc(python.id, "r1", "welcome", node="Late")
    await python.heard(Heard("Late", "r1", engine.id, ("welcome",)))
    await match.settle()


@pytest.mark.parametrize("server", ["python", "engine"])
async def test_a_node_is_removed_and_comes_back(drive: Drive, launch: Launch, server: str) -> None:
    match, python, engine = await two(server, drive, launch)
    await python.add("Door")
    await engine.add("Door")
    for _ in ("by path", "by number"):
        await python.rpc(engine.id, "r1", "knock", node="Door")
        await engine.heard(Heard("Door", "r1", python.id, ("knock",)))
        await engine.rpc(python.id, "r1", "come in", node="Door")
        await python.heard(Heard("Door", "r1", engine.id, ("come in",)))
    await python.remove("Door")
    await engine.rpc(python.id, "r1", "anybody?", node="Door")
    await python.rejects((engine.id, Reason.UNKNOWN_NODE))
    await python.add("Door")
    await engine.remove("Door")
    await python.rpc(engine.id, "r1", "anybody?", node="Door")
    await engine.godot.complained("Requested node was not found")
    await engine.add("Door")
    await python.rpc(engine.id, "r1", "knock", node="Door")
    await engine.heard(Heard("Door", "r1", python.id, ("knock",)))
    await engine.rpc(python.id, "r1", "come in", node="Door")
    await python.heard(Heard("Door", "r1", engine.id, ("come in",)))
    await match.settle()


@pytest.mark.parametrize("server", ["python", "engine"])
async def test_many_nodes(drive: Drive, launch: Launch, server: str) -> None:
    match, python, engine = await two(server, drive, launch)
    names = [f"Brick {number}" for number in range(100)]
    await python.add(*names)
    await engine.add(*names)
    for times in range(2):
        for name in names:
            await python.rpc(0, "r1", times, node=name)
        await engine.heard(*(Heard(name, "r1", python.id, (times,)) for name in names))
        for name in names:
            await engine.rpc(0, "r1", times, node=name)
        await python.heard(*(Heard(name, "r1", engine.id, (times,)) for name in names))
    await match.settle()


@pytest.mark.parametrize("server", ["python", "engine"])
async def test_nodes_in_depth_and_with_names_that_are_not_ascii(
    drive: Drive, launch: Launch, server: str
) -> None:
    match, python, engine = await two(server, drive, launch)
    for node in ("Game/Deep/Ünï", "Other", "Game"):
        for times in range(2):
            await python.rpc(0, "r1", times, node=node)
            await engine.heard(Heard(node, "r1", python.id, (times,)))
            await engine.rpc(0, "r1", times, node=node)
            await python.heard(Heard(node, "r1", engine.id, (times,)))
            await python.rset(0, "v_remote", times, node=node)
            await engine.heard(Heard(node, "v_remote", python.id, (times,)))
            await engine.rset(0, "v_remote", times, node=node)
            await python.heard(Heard(node, "v_remote", engine.id, (times,)))
    await match.settle()
