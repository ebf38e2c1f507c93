"""A game that hangs, as at a breakpoint or behind a loading screen, and our server's heartbeat.

It is pinged after one interval of silence, and ended after three. The server's clock is put
forward, so that nobody waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from peers import WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import Recorder, pause, until

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from tests.driving import Drive
    from tests.interop.conftest import Launch
    from tests.interop.native.godot4 import NativeGodot4

INTERVAL = 100.0
"""Much longer than the test takes: only the clock's jumps count."""
SETTLING = 20


class Clocked:
    """A server's clock, which can be put forward."""

    ahead = 0.0


class Server4(Clocked, WebSocketMultiplayerPeer):
    def now(self) -> float:
        return super().now() + self.ahead


class Server3(Clocked, WebSocketServer):
    def now(self) -> float:
        return super().now() + self.ahead


async def let_pass(server: Server3 | Server4, intervals: int) -> None:
    """Put the clock forward interval by interval; in each the server does what is due."""
    for _ in range(intervals):
        server.ahead += INTERVAL
        server.wake()
        for _ in range(SETTLING):
            await pause()


async def hang_twice(
    server: Server3 | Server4,
    client: int,
    standing_still: AbstractAsyncContextManager[None],
    again: AbstractAsyncContextManager[None],
) -> None:
    """Let the game hang for two intervals, which it survives, then for three, which it does not."""
    log = Recorder(server).log
    async with standing_still:
        await let_pass(server, 2)
        assert server.get_peers() == [client]
    await until(lambda: server.get_peer(client).round_trip_time is not None)  # it has answered
    assert log == []
    async with again:
        await let_pass(server, 3)
        await until(lambda: server.get_peers() == [])
    assert ("peer_disconnected", client) in log


@pytest.mark.native4
async def test_a_4_that_hangs(drive: Drive, godot4: NativeGodot4) -> None:
    server = Server4()
    server.heartbeat_interval = INTERVAL
    server.create_server(0, "127.0.0.1")
    drive.add(server)
    client = await godot4.join(f"ws://127.0.0.1:{server.get_local_port()}")
    await until(lambda: server.get_peers() == [client])
    await godot4.signals(2)
    await hang_twice(server, client, godot4.standing_still(), godot4.standing_still())
    assert await godot4.signals(2) == [("peer_disconnected", 1), ("server_disconnected",)]


async def test_a_3_that_hangs(drive: Drive, launch: Launch) -> None:
    server = Server3()
    server.heartbeat_interval = INTERVAL
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    drive.add(server)
    godot = await launch()
    await godot.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}")
    await godot.event(ev="tree", name="connected_to_server")
    client = await godot.id()
    await hang_twice(server, client, godot.standing_still(), godot.standing_still())
    await godot.event(ev="tree", name="connection_failed")
