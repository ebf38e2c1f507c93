"""Engines and a Python client in a room of a worker, whose sockets a front has passed to it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
import trio

import peers
from multiplayer import Dialect, SceneMultiplayer
from multiplayer.rooms.snapshot import unpack
from peers import WebSocketMultiplayerPeer
from tests.interop.scene.ours import Game
from tests.peers.workers.fronts import WORKER, serving, until

if TYPE_CHECKING:
    from tests.interop.conftest import LaunchGodot4
    from tests.interop.native.godot4 import NativeGodot4

pytestmark = pytest.mark.native4

COMMAND = [*WORKER, "tests.interop.native.worker_game:Meeting"]


async def pid_heard_by(godot: NativeGodot4) -> int:
    """Call the room; in which process it answered."""
    assert await godot.rpc("Main/Game", "any_one", 1, '"hello"') == 0
    ((method, args, sender),) = await godot.calls(1)
    assert (method, args[0], sender) == ("any_two", '"hello"', 1)
    return int(args[1])


async def test_engines_and_ours_meet_in_a_worker(launch_godot4: LaunchGodot4) -> None:
    first, second = await launch_godot4(), await launch_godot4()
    async with serving(command=COMMAND) as running:
        base = f"ws://127.0.0.1:{running.reception.local_port}/meeting"
        me = await first.join(f"{base}/new")
        assert await pid_heard_by(first) != os.getpid()
        (code,) = running.front.placement.rooms
        other = await second.join(f"{base}/{code}")
        await first.until(lambda: ("peer_connected", other) in first._signals, "the other")
        assert await second.rpc("Main/Game", "any_one", me, '"to you"') == 0
        assert await first.calls(1) == [("any_one", ['"to you"'], other)]
        api = SceneMultiplayer(dialect=Dialect.GODOT_4)
        game = Game(api)
        api.add("Main/Game", game)
        ours = WebSocketMultiplayerPeer()
        async with trio.open_nursery() as nursery:
            ours.create_client(f"{base}/any")
            api.multiplayer_peer = ours
            nursery.start_soon(peers.run, api)
            await until(lambda: {1, me, other} <= {*api.get_peers()})
            api.rpc(me, game, "any_one", ["from Python"])
            assert await first.calls(1) == [("any_one", ['"from Python"'], api.get_unique_id())]
            ours.close()
            nursery.cancel_scope.cancel()


async def test_a_worker_dies_and_an_engine_is_back_in_the_same_room(
    godot4: NativeGodot4,
) -> None:
    async with serving(command=COMMAND) as running:
        base = f"ws://127.0.0.1:{running.reception.local_port}/meeting"
        key = "seat_key=0123456789abcdefghijklmn"
        me = await godot4.join(f"{base}/new?{key}")
        pid = await pid_heard_by(godot4)
        (room,) = running.front.placement.rooms.values()
        await until(lambda: room.facts.players == 1)
        await until(lambda: room.snapshot and unpack(room.snapshot).seats)
        os.kill(pid, signal.SIGKILL)
        await godot4.until(lambda: ("server_disconnected",) in godot4._signals, "the end")
        godot4._signals.clear()
        assert await godot4.join(f"{base}/new?{key}") == me
        assert await pid_heard_by(godot4) != pid
        assert [*running.front.placement.rooms] == [room.facts.code]
