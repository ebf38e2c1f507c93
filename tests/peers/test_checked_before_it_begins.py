"""What cannot be run is refused before anything is opened, begun or taken away."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from multiplayer import Error, MultiplayerError, OfflineMultiplayerPeer, SceneMultiplayer, rpc
from peers import WebSocketClient, WebSocketServer
from tests.driving import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tests.drivers import Way

    How = Callable[..., AbstractAsyncContextManager[object]]


class Echo:
    def __init__(self, way: Way) -> None:
        self.way = way

    @rpc("any_peer")
    async def say(self, text: str) -> str:
        await self.way.checkpoint()
        return text


def serving(way: Way, **options: object) -> AbstractAsyncContextManager[object]:
    return way.serve(0, **options)  # type: ignore[arg-type, return-value, call-overload]


def connecting(way: Way, **options: object) -> AbstractAsyncContextManager[object]:
    return way.connect("ws://127.0.0.1:1", **options)  # type: ignore[arg-type, return-value, call-overload]


@asynccontextmanager
async def running(way: Way, **options: object) -> AsyncGenerator[None]:
    pollable = options.pop("api", None) or options.pop("peer")
    await way.run(pollable, **options)  # type: ignore[arg-type]
    yield


either_way = pytest.mark.parametrize("how", [serving, connecting])
all_ways = pytest.mark.parametrize("how", [serving, connecting, running])


async def refused(way: Way, how: How, **options: object) -> Error:
    with pytest.raises(MultiplayerError) as caught:
        async with how(way, **options):
            pytest.fail("the body has begun")
    return caught.value.code


@either_way
async def test_an_on_error_that_is_none(way: Way, how: How) -> None:
    peer = WebSocketServer() if how is serving else WebSocketClient()
    sessions = peer.sessions
    assert await refused(way, how, peer=peer, on_error="x") == Error.ERR_INVALID_PARAMETER
    assert peer.sessions == sessions  # it has not been opened at all


class Unrelated:
    pass


no_peers = [
    5,
    "ws://127.0.0.1:1",
    Unrelated(),
    WebSocketServer,  # the class
    WebSocketClient,
    SceneMultiplayer(),
    OfflineMultiplayerPeer(),
]


@either_way
@pytest.mark.parametrize("given", no_peers)
async def test_a_peer_that_is_none(way: Way, how: How, given: object) -> None:
    assert await refused(way, how, peer=given) == Error.ERR_INVALID_PARAMETER


no_apis = [5, "api", Unrelated(), SceneMultiplayer, WebSocketServer(), OfflineMultiplayerPeer()]


@either_way
@pytest.mark.parametrize("given", no_apis)
async def test_an_api_that_is_none(way: Way, how: How, given: object) -> None:
    peer = WebSocketServer() if how is serving else WebSocketClient()
    assert await refused(way, how, peer=peer, api=given) == Error.ERR_INVALID_PARAMETER
    assert peer.get_connection_status() == peer.CONNECTION_DISCONNECTED


@pytest.mark.parametrize(
    "given", [*no_peers, None, SceneMultiplayer, [WebSocketServer()]], ids=repr
)
async def test_what_cannot_be_run(way: Way, given: object) -> None:
    with pytest.raises(MultiplayerError, match="has no peer to run") as caught:
        await way.run(given)  # type: ignore[arg-type]
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


@pytest.mark.parametrize("given", [5, None, WebSocketServer.peer_connected, WebSocketServer()])
async def test_what_is_no_signal(way: Way, given: object) -> None:
    """A signal of the class belongs to no peer, and is never emitted."""
    with pytest.raises(MultiplayerError, match="waits for a signal of a peer") as caught:
        await way.fired(given)  # type: ignore[arg-type]
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    with pytest.raises(MultiplayerError, match="waits for a signal of a peer") as caught:
        async with way.emissions(given):  # type: ignore[arg-type]
            pytest.fail("the body has begun")
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


@all_ways
async def test_an_api_that_is_being_run(way: Way, how: How) -> None:
    server, client, asked = SceneMultiplayer(), SceneMultiplayer(), Echo(way)
    server.add("E", Echo(way))
    client.add("E", asked)
    with trio.fail_after(PATIENCE):
        async with way.serve(0, api=server) as first:
            url = f"ws://127.0.0.1:{first.get_local_port()}"
            async with way.connect(url, api=client):
                assert await refused(way, how, api=server) == Error.ERR_ALREADY_IN_USE
                assert server.multiplayer_peer is first
                assert first.is_listening()
                # Its async methods are started as before, too.
                assert await way.reply(asked.say.call_id(1, "still here")) == "still here"


async def test_one_of_several_that_is_being_run(way: Way, nursery: trio.Nursery) -> None:
    first, second = WebSocketServer(), WebSocketServer()
    for server in (first, second):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
    nursery.start_soon(way.run, first)
    await trio.testing.wait_all_tasks_blocked()
    for given in ((second, first), (second, second)):
        with pytest.raises(MultiplayerError) as caught:
            await way.run(*given)
        assert caught.value.code == Error.ERR_ALREADY_IN_USE
        assert second.is_listening()
    second.stop()


async def test_one_of_several_that_has_no_peer(way: Way) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    with pytest.raises(MultiplayerError) as caught:
        await way.run(server, SceneMultiplayer())
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert server.is_listening()
    server.stop()
