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

from tests.interop.scene.session import engine_and_ours

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
    elif manner == "quit":
        engine.godot.give_order("tree.quit()")
    else:
        os.kill(engine.godot.group, signal.SIGKILL)


@pytest.mark.parametrize("layout", ["PN", "RN"])
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


@pytest.mark.parametrize("layout", ["NP", "NR"])
@pytest.mark.parametrize("manner", ["close", "quit", "kill"])
async def test_a_server_leaves_our_client(
    session: Session, caplog: pytest.LogCaptureFixture, layout: str, manner: str
) -> None:
    caplog.set_level(logging.INFO)
    engine, ours = engine_and_ours(await session.open(layout))
    await end(engine, manner)
    assert await ours.signals(2) == [("peer_disconnected", 1), ("server_disconnected",)]
    assert blamed(caplog) == []
    assert not ours.peer.statistics.violations
    assert ours.peer.statistics.failed_handshakes == 0
