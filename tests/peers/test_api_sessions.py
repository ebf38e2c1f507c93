"""``peers.serve`` and ``peers.connect`` with an API on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import GODOT_4, Error, MultiplayerError, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import PATIENCE, until

if TYPE_CHECKING:
    from tests.drivers import Way


class Counter:
    def __init__(self, way: Way) -> None:
        self.way = way
        self.heard: list[int] = []

    @rpc("any_peer")
    async def add(self, number: int) -> int:
        await self.way.checkpoint()
        self.heard.append(number)
        return sum(self.heard)


@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
async def test_the_api_runs_on_top_as_long_as_the_block(way: Way, godot4: bool) -> None:
    server, client, ours, theirs = (
        SceneMultiplayer(),
        SceneMultiplayer(),
        Counter(way),
        Counter(way),
    )
    server.add("Counter", ours)
    client.add("Counter", theirs)
    left: list[int] = []
    server.peer_disconnected.connect(left.append)
    listening = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
    connecting = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
    with trio.fail_after(PATIENCE):
        async with way.serve(0, peer=listening, api=server) as serving:
            assert serving is server.multiplayer_peer
            url = f"ws://127.0.0.1:{serving.get_local_port()}"
            async with way.connect(url, peer=connecting, api=client):
                assert client.get_peers() == [1]
                assert await way.reply(theirs.add.call_id(1, 3)) == 3
                assert await way.reply(theirs.add.call_id(1, 4)) == 7
                own = client.get_unique_id()
            assert connecting.get_connection_status() == connecting.CONNECTION_DISCONNECTED
            await until(lambda: left)
    assert left == [own]
    assert client.spawn is None
    assert server.spawn is None
    assert listening.get_connection_status() == listening.CONNECTION_DISCONNECTED


async def test_it_is_entered_when_the_client_is_admitted_and_not_before(way: Way) -> None:
    server, client = SceneMultiplayer(), SceneMultiplayer()
    steps: list[str] = []

    def check(peer: int, data: bytes) -> None:
        steps.append("checked")
        server.complete_auth(peer)

    def log_in(peer: int) -> None:
        client.send_auth(peer, b"x")
        client.complete_auth(peer)

    server.auth_callback = check
    client.auth_callback = lambda peer, data: None
    client.peer_authenticating.connect(log_in)
    with trio.fail_after(PATIENCE):
        async with way.serve(0, api=server) as serving:
            url = f"ws://127.0.0.1:{serving.get_local_port()}"
            async with way.connect(url, api=client):
                assert steps == ["checked"]
                assert client.get_peers() == [1]


async def test_who_is_not_admitted_does_not_enter(way: Way) -> None:
    server, client = SceneMultiplayer(), SceneMultiplayer()
    server.auth_callback = lambda peer, data: server.disconnect_peer(peer)
    client.auth_callback = lambda peer, data: None
    client.peer_authenticating.connect(lambda peer: client.send_auth(peer, b"wrong"))
    with trio.fail_after(PATIENCE):
        async with way.serve(0, api=server) as serving:
            url = f"ws://127.0.0.1:{serving.get_local_port()}"
            with pytest.raises(MultiplayerError) as caught:
                async with way.connect(url, api=client):
                    raise AssertionError("it was let in")
    assert caught.value.code == Error.ERR_CANT_CONNECT


async def test_a_peer_that_does_not_fit_is_closed_again(way: Way) -> None:
    server, client = WebSocketServer(), WebSocketClient()
    with pytest.raises(MultiplayerError) as caught:
        async with way.serve(0, peer=server, api=SceneMultiplayer(dialect=GODOT_4)):
            raise AssertionError("it was taken")
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert not server.is_listening()
    api = SceneMultiplayer(dialect=GODOT_4)
    with pytest.raises(MultiplayerError) as caught:
        async with way.connect("ws://127.0.0.1:1", peer=client, api=api):
            raise AssertionError("it was taken")
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert client.get_connection_status() == client.CONNECTION_DISCONNECTED


@pytest.mark.parametrize("another", [False, True], ids=["none", "another peer"])
async def test_a_block_whose_api_has_been_given_another_peer_ends(way: Way, another: bool) -> None:
    others: list[WebSocketServer] = []

    def replace_peer_of(api: SceneMultiplayer) -> None:
        others.append(WebSocketServer())
        others[-1].listen(0, gd_mp_api=True)
        api.multiplayer_peer = others[-1] if another else None

    server, client = SceneMultiplayer(), SceneMultiplayer()
    with trio.fail_after(PATIENCE):
        async with way.serve(0, api=server) as serving:
            serving.close_timeout = PATIENCE  # more than there is, if anybody waited for it
            connecting = WebSocketClient()
            connecting.close_timeout = PATIENCE
            url = f"ws://127.0.0.1:{serving.get_local_port()}"
            async with way.connect(url, peer=connecting, api=client):
                replace_peer_of(client)
            replace_peer_of(server)
    for peer in (serving, connecting):
        assert peer.get_connection_status() == peer.CONNECTION_DISCONNECTED
    for other in others:
        other.close()
