"""An engine leaves: ``WebSocketMultiplayerPeer.close()`` of 4.6.3 sends no close frame at all.

So the ordinary end of a game is a bare end of TCP, as is the end of its process. Neither is a
fault: nothing is logged above INFO, nothing is counted as a violation.
"""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING

import pytest
import trio

from tests.driving import until
from tests.interop.scene.session import engine_and_ours, layouts
from tests.programs import started

if TYPE_CHECKING:
    from tests.interop.scene.engine import Engine
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4


def blamed(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log holds above INFO."""
    return [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]


async def end(engine: Engine, manner: str) -> None:
    if manner == "close":
        await engine.leave()
        return
    if manner == "quit":
        engine.godot.give_order("tree.quit()")
    else:
        os.kill(engine.godot.group, signal.SIGKILL)
    await until(lambda: not engine.godot.running)  # or the next test would be lent it


@pytest.mark.parametrize("layout", layouts("PE", "RE", "AE"))
@pytest.mark.parametrize("manner", ["close", "quit", "kill"])
async def test_a_client_leaves_our_server(
    session: Session, caplog: pytest.LogCaptureFixture, layout: str, manner: str
) -> None:
    caplog.set_level(logging.INFO)
    engine, ours = engine_and_ours(await session.open(layout))
    await engine.call("any_one", 1, "here I am")
    assert await ours.calls(1) == [("any_one", ["here I am"], engine.id)]
    await end(engine, manner)
    assert await ours.signals(1) == [("peer_disconnected", engine.id)]
    assert blamed(caplog) == []
    assert not ours.peer.statistics.violations
    assert ours.peer.statistics.failed_handshakes == 0


@pytest.mark.parametrize("layout", layouts("PE", "RE", "AE"))
async def test_a_client_that_leaves_at_once_is_no_suspect(
    session: Session, caplog: pytest.LogCaptureFixture, layout: str
) -> None:
    """It has said nothing, and ends as what does not understand us: INFO says so, no more."""
    caplog.set_level(logging.INFO)
    engine, ours = engine_and_ours(await session.open(layout))
    await engine.leave()
    assert await ours.signals(1) == [("peer_disconnected", engine.id)]
    assert blamed(caplog) == []
    assert not ours.peer.statistics.violations


@pytest.mark.parametrize("layout", layouts("EP", "ER", "EA"))
@pytest.mark.parametrize("manner", ["close", "quit", "kill"])
async def test_a_server_leaves_our_client(
    session: Session, caplog: pytest.LogCaptureFixture, layout: str, manner: str
) -> None:
    caplog.set_level(logging.INFO)
    engine, ours = engine_and_ours(await session.open(layout))
    await end(engine, manner)
    assert await ours.signals(2) == [("peer_disconnected", 1), ("server_disconnected",)]
    assert ours.peer.failure is not None
    assert ours.peer.failure.stage == "left"  # why it ended, but no fault
    assert blamed(caplog) == []
    assert not ours.peer.statistics.violations
    assert ours.peer.statistics.failed_handshakes == 0


async def test_the_relay_ends(session: Session) -> None:
    """``python -m peers serve --godot4`` tells how a client left, and its clients that it ends."""
    with started("-m", "peers", "serve", "--godot4", "--port", "0") as relay:
        found = await trio.to_thread.run_sync(relay.until, r"listening on (ws://127\.0\.0\.1:\d+)")
        session.url = found[1]
        leaver, one, other = [await session.member("E") for _ in range(3)]
        for client in (leaver, one, other):
            await session.add(client)
            await trio.to_thread.run_sync(relay.until, f"{client.id} joined from .*")
        await leaver.leave()
        await trio.to_thread.run_sync(
            relay.until, f"{leaver.id} left from .*: without a close frame.*"
        )
        for client in (one, other):
            assert await client.signals(1) == [("peer_disconnected", leaver.id)]
        await one.call("any_one", 0, "last")
        assert await other.calls(1) == [("any_one", ["last"], one.id)]
        relay.process.terminate()
        for client in (one, other):
            assert (await client.signals(1))[-1] == ("server_disconnected",)
        await trio.to_thread.run_sync(relay.rest)
        assert relay.process.wait(10) == 0
