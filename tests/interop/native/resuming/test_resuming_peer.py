"""A game of Godot 4.6.3 with ``resuming_peer.gd`` whose TCP is reset in play, at our server."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.driving import pause

if TYPE_CHECKING:
    from tests.interop.native.resuming.seats import Seats
    from tests.interop.scene.engine import Engine
    from tests.interop.scene.member import Member

pytestmark = pytest.mark.native4

CALLS = 200
CUTS = 4

PLAY = """
for number in args[0]:
	main.get_node("Game").any_one.rpc_id(1, number)
	if number % 4 == 0:
		await tree.process_frame
return true
"""


AGAIN = """
var error: Error = keep.peer.create_client(args[0])
multiplayer.multiplayer_peer = keep.peer
return error
"""


def has_returned(engine: Engine, times: int) -> bool:
    return engine.godot.told("session_resumed") == times


def numbers(calls: list[tuple[str, list[object], int]], sender: int) -> list[object]:
    assert {(method, who) for method, _, who in calls} == {("any_one", sender)}
    return [args[0] for _, args, _ in calls]


async def test_resets_in_play(seats: Seats) -> None:
    """Calls of both sides arrive once and in order, and nobody hears of it."""
    engine = await seats.resuming()
    bystander = await seats.with_key("a" * 22, by_cable=False)
    order = engine.godot.give_order(PLAY, CALLS)
    cut = 0
    for number in range(CALLS):
        await seats.server.call("any_one", engine.id, number)
        await pause()
        if number % (CALLS // CUTS) == CALLS // CUTS // 2:
            seats.cable.cut()
            cut += 1
            await engine.godot.until(partial(has_returned, engine, cut), "its return")
    assert await engine.godot.result_of(order) == "true"
    assert numbers(await seats.server.calls(CALLS), engine.id) == [*range(CALLS)]
    assert numbers(await engine.calls(CALLS), 1) == [*range(CALLS)]
    assert await engine.signals() == CUTS * [("session_suspended",), ("session_resumed", True)]
    told = [("peer_suspended", engine.id), ("peer_resumed", engine.id, True)]
    assert await seats.server.signals() == CUTS * told
    assert await bystander.signals() == []
    await seats.all_round()
    seats.check()


async def test_calls_while_it_is_away(seats: Seats) -> None:
    engine = await seats.resuming()
    other = await seats.ours()
    seats.cable.plugged = False
    seats.cable.cut()
    await seats.suspended(engine)
    assert await engine.signals(1) == [("session_suspended",)]
    callers: list[Member] = [seats.server, other]
    for caller in callers:
        await caller.call("any_one", engine.id, "waits")
    await engine.call("any_one", 0, "waits, too")
    seats.cable.plugged = True
    assert await engine.signals(1) == [("session_resumed", True)]
    await seats.server_said(("peer_resumed", engine.id, True))
    assert await engine.calls(2) == [("any_one", ["waits"], caller.id) for caller in callers]
    for each in callers:
        assert await each.calls(1) == [("any_one", ["waits, too"], engine.id)]
    assert await other.signals() == []
    await seats.all_round()
    seats.check()


async def test_more_is_lost_than_was_kept(seats: Seats) -> None:
    """It begins anew under its id; others with words hear only that, an engine that it was away."""
    engine = await seats.resuming(ring_packets=2)
    bystander = await seats.with_key("b" * 22, by_cable=False)
    python = await seats.ours()
    words = await seats.resuming(by_cable=False)
    await seats.all_round()
    seats.cable.plugged = False
    seats.cable.cut()
    await seats.suspended(engine)
    for number in range(5):
        await engine.call("any_one", 1, number)
    seats.cable.plugged = True
    await seats.server_said(("peer_resumed", engine.id, False))
    others = [each for each in seats.members if each is not engine]
    assert await engine.signals(4 + len(others)) == [
        ("session_suspended",), ("session_resumed", False),
        ("peer_disconnected", 1), ("server_disconnected",),
        ("connected_to_server",), *[("peer_connected", each.id) for each in others],
    ]  # fmt: skip
    assert await engine.godot.id() == engine.id
    anew = [("peer_disconnected", engine.id), ("peer_connected", engine.id)]
    assert await bystander.signals(2) == anew
    assert await words.signals(2) == anew
    assert await python.signals(1) == [("peer_resumed", engine.id, False)]
    await seats.all_round()
    seats.check()


async def test_it_leaves_for_good(seats: Seats) -> None:
    engine = await seats.resuming()
    await engine.leave()
    await seats.server_said(("peer_disconnected", engine.id))


async def test_it_connects_again_as_somebody_else(seats: Seats) -> None:
    """As an engine's own peer can be used again: with a new seat, that outlives its connection."""
    engine = await seats.resuming()
    earlier = engine.id
    seats.cable.cut()
    assert await engine.signals(2) == [("session_suspended",), ("session_resumed", True)]
    await engine.leave()
    assert await engine.signals(1) == [("server_disconnected",)]
    await seats.server_said(
        ("peer_suspended", earlier),
        ("peer_resumed", earlier, True),
        ("peer_disconnected", earlier),
    )
    assert await engine.godot.do(AGAIN, seats.cable.url) == "0"
    assert await engine.signals(2) == [("connected_to_server",), ("peer_connected", 1)]
    engine.id = await engine.godot.id()
    assert engine.id != earlier
    await seats.server_said(("peer_connected", engine.id))
    seats.cable.cut()
    assert await engine.signals(2) == [("session_suspended",), ("session_resumed", True)]
    await seats.all_round()


async def test_a_second_connection_takes_the_seat(seats: Seats) -> None:
    """A token that was copied: the first one stays away, since it was told 4009."""
    engine = await seats.resuming()
    thief = await seats.resuming(by_cable=False)
    token = await engine.godot.do("return keep.peer._seat")
    await thief.godot.do(f"keep.peer._seat = {token}\nkeep.peer._received = 0")
    thief.godot.complaints.clear()
    await thief.godot.do("keep.peer._closed(1006, '')")
    assert (await engine.signals(2))[-2:] == [("peer_disconnected", 1), ("server_disconnected",)]
    assert await engine.godot.do("return keep.peer.close_code") == "4009"
