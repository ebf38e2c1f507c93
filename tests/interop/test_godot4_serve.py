"""Real Godot 4.6 games that meet at ``python -m peers serve --godot4``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from tests.interop.scene.engine import Engine
from tests.programs import started

if TYPE_CHECKING:
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.native4


async def test_games_meet_at_the_relay(session: Session) -> None:
    with started("-m", "peers", "serve", "--godot4", "--port", "0") as relay:
        found = await trio.to_thread.run_sync(relay.until, r"listening on (ws://127\.0\.0\.1:\d+)")
        session.url = found[1]
        one, other, ours = [await session.member(letter) for letter in "EER"]
        for client in (one, other, ours):
            await session.add(client)
            joined = await trio.to_thread.run_sync(relay.line)
            assert joined is not None
            assert joined.startswith(f"{client.id} joined from 127.0.0.1:")
        clients = [one, other, ours]
        for caller in clients:
            others = [client for client in clients if client is not caller]
            for value in ("first", "by number"):
                await caller.call("any_one", 0, value)  # the relay's copy goes nowhere
                for client in others:
                    assert await client.calls(1) == [("any_one", [value], caller.id)]
            await caller.send_bytes(b"raw", -others[0].id)
            assert await others[1].signals(1) == [("peer_packet", caller.id, b"raw")]
            await caller.call("any_one", 1, "is anybody there?")
        assert isinstance(one, Engine)
        gone = one.id
        await one.leave()
        assert await one.signals(1) == [("server_disconnected",)]
        for client in (other, ours):
            assert await client.signals(1) == [("peer_disconnected", gone)]
            assert await client.calls() == []
        left = await trio.to_thread.run_sync(relay.line)
        assert left is not None
        assert left.startswith(f"{gone} left from 127.0.0.1:")
        for client in (other, ours):
            await client.leave()
        relay.process.terminate()
        rest = await trio.to_thread.run_sync(relay.rest)
        assert [line for line in rest if "left from" not in line and "received" not in line] == []
