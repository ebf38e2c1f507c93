"""Godot 4.6.3 as it is, which keeps its id by a seat key in its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from peers import WebSocketMultiplayerPeer
from tests.driving import until
from tests.interop.native.resuming.seats import KEY, Seats

if TYPE_CHECKING:
    from tests.interop.scene.engine import Engine

pytestmark = pytest.mark.native4

GONE = [("peer_disconnected", 1), ("server_disconnected",)]


async def comes_back(seats: Seats, engine: Engine, *, before: list[tuple[object, ...]]) -> None:
    """Let an engine make a new peer with its key, and check what all hear of it.

    Args:
        seats: the session.
        engine: the engine.
        before: what it has heard, and what the server says before it is back.
    """
    await seats.join_with_key(engine, KEY)
    await seats.server_said(*before, ("peer_resumed", engine.id, False))
    others = [("peer_connected", each.id) for each in seats.members if each is not engine]
    assert await engine.signals(1 + len(others)) == [("connected_to_server",), *others]
    assert await engine.godot.id() == engine.id
    assert seats.server.api.get_suspended_peers() == []


async def others_hear(seats: Seats, engine: Engine) -> None:
    """Each as far as it can be told."""
    for each in seats.members[1:]:
        if each is engine:
            continue
        anew = [("peer_disconnected", engine.id), ("peer_connected", engine.id)]
        has_words = isinstance(getattr(each, "peer", None), WebSocketMultiplayerPeer)
        assert await each.signals(1 if has_words else 2) == (
            [("peer_resumed", engine.id, False)] if has_words else anew
        )


async def test_its_tcp_is_cut(seats: Seats) -> None:
    """Two engines and a client of ours; the one that comes back calls all, and all call it."""
    engine = await seats.with_key(KEY)
    await seats.with_key("b" * 22, by_cable=False)
    await seats.ours()
    await seats.all_round()
    for _ in range(2):
        seats.cable.cut()
        await seats.suspended(engine)
        assert await engine.signals(2) == GONE
        await seats.server.call("any_one", engine.id, "is dropped")
        for each in seats.members[1:]:
            if each is not engine:
                assert await each.signals() == []
                await each.call("any_one", engine.id, "is dropped, too")
        await comes_back(seats, engine, before=[])
        await others_hear(seats, engine)
        assert await engine.calls() == []
        await seats.all_round()
    assert seats.server.peer.statistics.drops["adrift"] > 0, seats.server.peer.statistics
    seats.check()


async def test_it_makes_a_new_peer_in_play(seats: Seats) -> None:
    """The old one says nothing when it goes, and may still be there when the new one comes."""
    engine = await seats.with_key(KEY)
    await seats.with_key("b" * 22, by_cable=False)
    await seats.all_round()
    await engine.godot.do("keep.before = multiplayer.multiplayer_peer")
    await comes_back(seats, engine, before=[("peer_suspended", engine.id)])
    await others_hear(seats, engine)
    await seats.all_round()
    seats.check()


async def test_python_comes_back(seats: Seats) -> None:
    """Between two engines, which hear nothing of it."""
    engines = [await seats.with_key(key * 22, by_cable=False) for key in "ab"]
    python = await seats.ours(by_cable=True)
    await seats.all_round()
    seats.cable.plugged = False
    seats.cable.cut()
    await seats.suspended(python)
    await engines[0].call("any_one", python.id, "waits")
    await until(lambda: seats.server.peer.get_backlog(python.id) > 0)
    seats.cable.plugged = True
    await seats.server_said(("peer_resumed", python.id, True))
    assert await python.signals(2) == [("session_suspended",), ("session_resumed", True)]
    assert await python.calls(1) == [("any_one", ["waits"], engines[0].id)]
    for engine in engines:
        assert await engine.signals() == []
    await seats.all_round()
    seats.check()


async def test_its_grace_is_over(seats: Seats) -> None:
    """Then it is a newcomer, with another id."""
    seats.server.peer.grace = 0.3
    engine = await seats.with_key(KEY)
    other = await seats.with_key("b" * 22, by_cable=False)
    seats.cable.cut()
    left = ("peer_disconnected", engine.id)
    await seats.server_said(("peer_suspended", engine.id), left)
    assert await engine.signals(2) == GONE
    assert await other.signals(1) == [left]
    await seats.join_with_key(engine, KEY)
    assert await engine.signals(3) == [
        ("connected_to_server",), ("peer_connected", 1), ("peer_connected", other.id),
    ]  # fmt: skip
    before, engine.id = engine.id, await engine.godot.id()
    assert engine.id != before
    await seats.server_said(("peer_connected", engine.id))
    assert await other.signals(1) == [("peer_connected", engine.id)]
    await seats.all_round()


async def test_a_key_that_is_none(seats: Seats) -> None:
    engine = await seats.engine()
    await seats.join_with_key(engine, "too-short")
    assert (await engine.signals(1))[-1] in [("connection_failed",), ("server_disconnected",)]
    assert await seats.server.signals() == []


async def test_it_logs_in_again(seats: Seats) -> None:
    """A seat key is no password: with an auth_callback, each connection has to log in."""
    await seats.server.set_auth(b"hello", b"please")
    engine = await seats.engine()
    await engine.set_auth(b"please", b"hello")
    await seats.join_with_key(engine, KEY)
    await until(lambda: seats.server.api.get_peers() != [])
    (engine.id,) = seats.server.api.get_peers()
    seats.members.append(engine)
    joined = await seats.server.signals()
    assert joined[-1] == ("peer_connected", engine.id)
    await engine.signals(3)
    seats.cable.cut()
    await seats.suspended(engine)
    assert await engine.signals(2) == GONE
    await seats.join_with_key(engine, KEY)
    assert await seats.server.signals(3) == [
        ("peer_authenticating", engine.id), ("auth_callback", engine.id, b"please"),
        ("peer_resumed", engine.id, False),
    ]  # fmt: skip
    assert ("connected_to_server",) in await engine.signals(3)
    await seats.all_round()
    seats.check()
