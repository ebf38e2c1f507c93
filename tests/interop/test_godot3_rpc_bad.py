"""Calls that cannot be made: each side drops them, says why, and goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Reason
from tests.interop.godot3.game import Elsewhere, Game, Heard
from tests.interop.godot3.match import InGodot, InPython, Match

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.interop.conftest import Launch

# What is wrong does not depend on who polls.
pytestmark = pytest.mark.parametrize("drive", ["polled"], indirect=True)

Pair = tuple[Match, InPython, InGodot]


async def two(kind: str, drive: Drive, launch: Launch, game: type[Game] = Game) -> Pair:
    match = Match(drive, launch, game)
    await match.serve(kind)
    await match.join("engine" if kind == "python" else "python")
    (python,) = (player for player in match.players if isinstance(player, InPython))
    (engine,) = (player for player in match.players if isinstance(player, InGodot))
    return match, python, engine


@pytest.fixture(params=["python", "engine"])
async def pair(request: pytest.FixtureRequest, drive: Drive, launch: Launch) -> Pair:
    return await two(request.param, drive, launch)


@pytest.fixture(params=["python", "engine"])
async def odd_pair(request: pytest.FixtureRequest, drive: Drive, launch: Launch) -> Pair:
    """Python declares other methods than the engine has."""
    return await two(request.param, drive, launch, Elsewhere)


async def test_the_engine_sends_too_many_or_too_few_arguments(pair: Pair) -> None:
    match, python, engine = pair
    for method, count in (("r0", 1), ("r1", 0), ("r1", 2), ("r8", 7), ("r1", 250)):
        await engine.say(python.id, method, *["1"] * count)
        await python.rejects((engine.id, Reason.WRONG_ARITY))
    await match.settle()


async def test_we_send_too_many_or_too_few_arguments(odd_pair: Pair) -> None:
    _, python, engine = odd_pair
    for count in (0, 2, 255):
        await python.rpc(engine.id, "r1", *range(count))
        await engine.godot.complained(f"Method expected 1 arguments, but called with {count}")
    await python.rpc(engine.id, "r1", "and on it goes")
    await engine.heard(Heard("Game", "r1", python.id, ("and on it goes",)))


async def test_the_engine_sends_a_whole_object(pair: Pair) -> None:
    match, python, engine = pair
    allow = "main.get_tree().multiplayer.set_allow_object_decoding(true)"
    await engine.godot.step("eval", expr=allow)
    for value in ("Reference.new()", "[1, {2: Reference.new()}]"):
        await engine.say(python.id, "r1", value)
        await python.rejects((engine.id, Reason.UNDECODABLE_ARGUMENTS))
        await engine.put(python.id, "v_remote", value)
        await python.rejects((engine.id, Reason.UNDECODABLE_ARGUMENTS))
    await match.settle()


CALL = b"Main/Game\0"
OBJECT = b"\x11\0\0\0\4\0\0\0Node\0\0\0\0"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    {
        "too short": (b"\1\2", "Unable to decode RPC argument"),
        "no such type": (b"\1\x63\0\0\0", "Unable to decode RPC argument"),
        "one too few": (b"\2\0\0\0\0", "Unable to decode RPC argument"),
        "a whole object": (b"\1" + OBJECT, "Unable to decode RPC argument"),
    }.values(),
    ids=["too short", "no such type", "one too few", "a whole object"],
)
async def test_what_we_refuse_the_engine_refuses(
    pair: Pair, arguments: bytes, complaint: str
) -> None:
    """Sent by hand from our side; then the same packet is sent to us."""
    match, python, engine = pair
    at = 1 + 4 + 3 + len(arguments)
    packet = b"\0" + (0x8000_0000 | at).to_bytes(4, "little") + b"r1\0" + arguments + CALL
    peer = python.api.multiplayer_peer
    peer.set_target_peer(engine.id)
    peer.put_packet(packet)
    await engine.godot.complained(complaint)
    await engine.godot.put_packet(packet, python.id)
    await python.rejects((engine.id, Reason.UNDECODABLE_ARGUMENTS))
    await match.settle()


@pytest.mark.parametrize(
    ("packet", "complaint", "reason"),
    [
        # The engine complains twice where it finds no node; each text here is its last word.
        (b"\0\5\0\0\0r1\0\0", "Requested node was not found", Reason.UNKNOWN_NUMBER),
        (b"\1\5\0\0\0v\0\0\0\0\0", "Requested node was not found", Reason.UNKNOWN_NUMBER),
        (b"\0\xff\xff\0\x80r1\0\0", "Requested node was not found", Reason.MALFORMED),
        (b"\0\0\0", "Invalid packet received", Reason.MALFORMED),
        (b"\0\x09\0\0\x80r1\0\0Main/No\0", "Requested node was not found", Reason.UNKNOWN_NODE),
        (b"\2\0", "Invalid packet received", Reason.MALFORMED),
        (b"\3", "Invalid packet received", Reason.MALFORMED),
        (b"\4", "Invalid packet received", Reason.MALFORMED),
    ],
)
async def test_packets_that_say_nothing(
    pair: Pair, packet: bytes, complaint: str, reason: Reason
) -> None:
    match, python, engine = pair
    peer = python.api.multiplayer_peer
    peer.set_target_peer(engine.id)
    peer.put_packet(packet)
    await engine.godot.complained(complaint)
    await engine.godot.put_packet(packet, python.id)
    await python.rejects((engine.id, reason))
    await match.settle()


@pytest.mark.parametrize("path", ["../Main/Game", "/root/Main/Game", "Main/../Main/Game"])
async def test_paths_that_leave_the_root_are_for_engines_only(pair: Pair, path: str) -> None:
    """The engine resolves them; we do not, so that nothing outside can be reached."""
    match, python, engine = pair
    packet = b"\0\x09\0\0\x80r0\0\0" + path.encode() + b"\0"
    if path != "../Main/Game":  # there is nothing above the root
        peer = python.api.multiplayer_peer
        peer.set_target_peer(engine.id)
        peer.put_packet(packet)
        await engine.heard(Heard("Game", "r0", python.id, ()))
    await engine.godot.put_packet(packet, python.id)
    await python.rejects((engine.id, Reason.IMPROPER_PATH))
    await match.settle()
