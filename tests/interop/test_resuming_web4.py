"""A web export of Godot 4.6 with ``resuming_peer.gd``, in Chromium, whose TCP is reset in play."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.native.process import CLIENTS
from tests.interop.native.resuming.cable import Cable
from tests.interop.native.resuming.scripted import FOLLOW
from tests.interop.native.resuming.seats import GRACE
from tests.interop.scene.ours import Ours

if TYPE_CHECKING:
    import trio

    from tests.interop.conftest import LaunchWeb4
    from tests.interop.scene.session import Session

pytestmark = pytest.mark.godot4

LOAD = """
var script := GDScript.new()
script.source_code = args[1]
script.reload()
var peer: MultiplayerPeerExtension = script.new()
"""


async def test_calls_go_on(
    session: Session, launch_web4: LaunchWeb4, nursery: trio.Nursery
) -> None:
    server = await session.member("P")
    assert isinstance(server, Ours)
    await session.serve(server)
    server.peer.grace = GRACE
    source = (CLIENTS / "resuming_peer.gd").read_text(encoding="utf-8")
    async with Cable(nursery, session.url) as cable:
        godot = await launch_web4()
        code = LOAD + FOLLOW
        assert await godot.do(code, cable.url, source.replace("class_name", "#", 1)) == "0"
        assert await godot.signals(2) == [("connected_to_server",), ("peer_connected", 1)]
        id_ = await godot.id()
        assert await server.signals(1) == [("peer_connected", id_)]
        for number in range(3):
            cable.plugged = False
            cable.cut()
            assert await server.signals(1) == [("peer_suspended", id_)]
            assert await godot.signals(1) == [("session_suspended",)]
            await server.call("any_one", id_, number)
            assert await godot.rpc("Main/Game", "any_one", 1, str(number)) == 0
            cable.plugged = True
            assert await godot.signals(1) == [("session_resumed", True)]
            assert await server.signals(1) == [("peer_resumed", id_, True)]
            assert await godot.calls(1) == [("any_one", [str(number)], 1)]
            assert await server.calls(1) == [("any_one", [number], id_)]
        assert godot.complaints == []
