"""What a server's API hears when it ends by itself: the table of ``docs/rpc.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import SceneMultiplayer
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.testing import connected_pair
from tests.driving import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.drivers import Way

    End = Callable[[SceneMultiplayer, WebSocketMultiplayerPeer], object]


def hearing(api: SceneMultiplayer) -> list[str]:
    heard: list[str] = []
    api.peer_disconnected.connect(lambda _: heard.append("peer_disconnected"))
    api.server_disconnected.connect(lambda: heard.append("server_disconnected"))
    return heard


@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
@pytest.mark.parametrize(
    ("end", "told", "code"),
    [
        (lambda _, peer: peer.begin_leaving(), ["peer_disconnected", "server_disconnected"], 1000),
        (lambda _, peer: peer.close(), ["server_disconnected"], 1000),
    ],
    ids=["begin_leaving", "close"],
)
def test_a_polled_server(godot4: bool, end: End, told: list[str], code: int) -> None:
    with connected_pair(godot4=True) if godot4 else connected_pair() as pair:
        server, client = SceneMultiplayer(), SceneMultiplayer()
        server.multiplayer_peer, client.multiplayer_peer = pair
        heard = hearing(server)
        end(server, pair.server)
        assert heard == []  # only by polling
        pair.until(lambda: pair.client.get_connection_status() == 0)
        for _ in range(3):
            server.poll()
        assert heard == told
        assert pair.client.get_peer(1).get_close_code() == code


class GoneWrongError(Exception):
    """What ends a block."""


@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
@pytest.mark.parametrize(
    ("how", "told", "code"),
    [
        ("left", ["peer_disconnected", "server_disconnected"], 1000),
        ("error", [], 1001),
        ("cancelled", [], 1001),
        ("taken away", [], 1001),
    ],
)
async def test_a_server_that_is_run(
    way: Way, nursery: trio.Nursery, godot4: bool, how: str, told: list[str], code: int
) -> None:
    server = SceneMultiplayer()
    listening = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
    connecting = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
    heard = hearing(server)
    with trio.fail_after(PATIENCE):
        try:
            with trio.CancelScope() as scope:
                async with way.serve(0, peer=listening, api=server) as serving:
                    url = f"ws://127.0.0.1:{serving.get_local_port()}"
                    if isinstance(connecting, WebSocketClient):
                        connecting.connect_to_url(url, gd_mp_api=True)
                    else:
                        connecting.create_client(url)
                    nursery.start_soon(way.run, connecting)
                    await until(server.get_peers)
                    if how == "error":
                        raise GoneWrongError
                    if how == "cancelled":
                        scope.cancel()
                        await trio.sleep_forever()
                    if how == "taken away":
                        server.multiplayer_peer = None
                        await until(lambda: connecting.get_connection_status() == 0)
        except GoneWrongError:
            assert how == "error"
        await until(lambda: connecting.get_connection_status() == 0)
    assert heard == told
    assert connecting.get_peer(1).get_close_code() == code
