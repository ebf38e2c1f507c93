"""Probes of the arguments of ``peers.serve``, ``peers.connect`` and ``peers.run``."""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

import peers
from multiplayer import Error, MultiplayerError, SceneMultiplayer
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from tests.driving import until
from tests.raw import PING, Raw, RawServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    Probe = Callable[[str], Awaitable[None]]

ARGUMENT_PROBES: dict[str, Probe] = {}
"""For each row of the third table; called with a mode."""


def shows(name: str) -> Callable[[Probe], Probe]:
    """Let a function be the probe of an argument."""

    def note(probe: Probe) -> Probe:
        ARGUMENT_PROBES[name] = probe
        return probe

    return note


def server_of(mode: str) -> WebSocketMultiplayerPeer:
    return WebSocketMultiplayerPeer() if mode == "godot4" else WebSocketServer()


def client_of(mode: str) -> WebSocketMultiplayerPeer:
    return WebSocketMultiplayerPeer() if mode == "godot4" else WebSocketClient()


def mode_of(mode: str) -> dict[str, Any]:
    return {} if mode == "godot4" else {"gd_mp_api": mode == "gd_mp"}


def serving(
    mode: str, *arguments: int, **options: Any
) -> AbstractAsyncContextManager[WebSocketMultiplayerPeer]:
    """A server of that mode, with these arguments."""
    options = {"peer": server_of(mode), **mode_of(mode), **options}
    return peers.serve(*(arguments or (0,)), **options)


def connecting(
    mode: str, url: str, **options: Any
) -> AbstractAsyncContextManager[WebSocketMultiplayerPeer]:
    """A client of that mode, with these arguments."""
    return peers.connect(url, **{"peer": client_of(mode), **mode_of(mode), **options})


@asynccontextmanager
async def connected(
    mode: str, of_server: dict[str, Any], of_client: dict[str, Any]
) -> AsyncIterator[tuple[WebSocketMultiplayerPeer, WebSocketMultiplayerPeer]]:
    """A server and its client."""
    async with serving(mode, **of_server) as server:
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        async with connecting(mode, url, **of_client) as client:
            yield server, client


async def head_from(mode: str, **options: Any) -> str:
    """The head of the request that a client sends."""
    listener, heads = await RawServer.listen(), list[str]()

    async def refuse() -> None:
        raw = await listener.dialled()
        heads.append(await raw.read_head())
        await raw.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refuse)
        with pytest.raises(MultiplayerError) as caught:
            async with connecting(mode, listener.url, **options):
                raise AssertionError
        nursery.cancel_scope.cancel()
    await listener.close()
    if not heads:
        raise caught.value
    return heads[0]


def stumble(*_: object) -> None:
    raise ZeroDivisionError


# ---------------------------------------------------------------- serve


@shows("serve(port)")
async def _(mode: str) -> None:
    async with serving(mode) as server:
        port = server.get_local_port()
    async with serving(mode, port) as server:
        assert server.get_local_port() == port


@shows("serve(host)")
async def _(mode: str) -> None:
    with pytest.raises(MultiplayerError) as caught:
        async with serving(mode, host="192.0.2.1"):  # nobody's: RFC 5737
            raise AssertionError
    assert caught.value.code == Error.ERR_CANT_CREATE


@shows("serve(protocols)")
async def _(mode: str) -> None:
    async with serving(mode, protocols=["chat"]) as server:
        raw = await Raw.connect(server.get_local_port(), protocol="chat")
        assert "Sec-WebSocket-Protocol: chat" in raw.head
        await raw.close()


@shows("serve(gd_mp_api)")
async def _(mode: str) -> None:
    async with serving(mode, gd_mp_api=mode == "gd_mp") as server:
        assert server.is_plain() is (mode == "plain")


@shows("serve(peer)")
async def _(mode: str) -> None:
    peer = server_of(mode)
    async with serving(mode, peer=peer) as server:
        assert server is peer


@shows("serve(api)")
async def _(mode: str) -> None:
    api = SceneMultiplayer()
    async with serving(mode, api=api) as server:
        assert api.multiplayer_peer is server


@shows("serve(on_error)")
async def _(mode: str) -> None:
    seen: list[Exception] = []
    peer = server_of(mode)
    told = peer.peer_connected
    if isinstance(peer, WebSocketServer):
        told = peer.client_connected
    told.connect(stumble)
    async with connected(mode, {"peer": peer, "on_error": seen.append}, {}):
        await until(lambda: seen)
    assert isinstance(seen[0], ZeroDivisionError)


@shows("serve(heartbeat_interval)")
async def _(mode: str) -> None:
    async with serving(mode, heartbeat_interval=0.05) as server:
        raw = await Raw.connect(server.get_local_port())
        while (frame := await raw.receive_frame()) is not None and frame.op != PING:
            pass
        assert frame is not None
        await raw.close()


@shows("serve(stop_on_signals)")
async def _(mode: str) -> None:
    with trio.fail_after(10):
        async with serving(mode, stop_on_signals=True):
            signal.raise_signal(signal.SIGTERM)
            await trio.sleep_forever()


@shows("serve(network)")
async def _(mode: str) -> None:
    network = MemoryNetwork()
    async with serving(mode, 9080, network=network) as server, serving(mode, network=network):
        assert network.now <= server.now() <= network.now
        assert server.endpoint.fileno() is None


# ---------------------------------------------------------------- connect


@shows("connect(url)")
async def _(mode: str) -> None:
    async with serving(mode) as server:
        url = f"ws://127.0.0.1:{server.get_local_port()}"
        async with connecting(mode, url) as client:
            assert client.get_peer(1).get_connected_port() == server.get_local_port()


@shows("connect(protocols)")
async def _(mode: str) -> None:
    assert "Sec-WebSocket-Protocol: chat" in await head_from(mode, protocols=["chat"])


@shows("connect(gd_mp_api)")
async def _(mode: str) -> None:
    async with connected(mode, {}, {"gd_mp_api": mode == "gd_mp"}) as (_, client):
        assert client.is_plain() is (mode == "plain")


@shows("connect(custom_headers)")
async def _(mode: str) -> None:
    assert "X-Mine: yes" in await head_from(mode, custom_headers=["X-Mine: yes"])


@shows("connect(peer)")
async def _(mode: str) -> None:
    peer = client_of(mode)
    async with connected(mode, {}, {"peer": peer}) as (_, client):
        assert client is peer


@shows("connect(api)")
async def _(mode: str) -> None:
    ours, theirs = SceneMultiplayer(), SceneMultiplayer()
    of_server = {} if mode == "plain" else {"api": theirs}
    async with connected(mode, of_server, {"api": ours}) as (_, client):
        assert ours.multiplayer_peer is client


@shows("connect(timeout)")
async def _(mode: str) -> None:
    listener = await RawServer.listen()  # which never answers
    with pytest.raises(MultiplayerError) as caught:
        async with connecting(mode, listener.url, timeout=0.05):
            raise AssertionError
    assert caught.value.code == Error.ERR_CANT_CONNECT
    assert "0.05 s" in caught.value.message
    await listener.close()


@shows("connect(resume)")
async def _(mode: str) -> None:
    assert (await head_from(mode, resume=peers.Resume())).startswith("GET /?resume=1 HTTP/1.1")


@shows("connect(on_error)")
async def _(mode: str) -> None:
    seen: list[Exception] = []
    peer = client_of(mode)
    told = peer.connection_succeeded
    if isinstance(peer, WebSocketClient):
        told = peer.connection_established
    told.connect(stumble)
    async with connected(mode, {}, {"peer": peer, "on_error": seen.append}):
        await until(lambda: seen)
    assert isinstance(seen[0], ZeroDivisionError)


@shows("connect(heartbeat_interval)")
async def _(mode: str) -> None:
    async with connected(mode, {}, {"heartbeat_interval": 0.02}) as (_, client):
        await until(lambda: client.get_peer(1).round_trip_time)


@shows("connect(network)")
async def _(mode: str) -> None:
    in_network: dict[str, Any] = {"network": MemoryNetwork()}
    async with connected(mode, in_network, in_network) as (server, client):
        assert client.get_peer(1).get_connected_port() == server.get_local_port()
        assert client.endpoint.fileno() is None


# ---------------------------------------------------------------- run


def listening(mode: str) -> WebSocketMultiplayerPeer:
    server = server_of(mode)
    if isinstance(server, WebSocketServer):
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=mode == "gd_mp")
    else:
        server.create_server(0, "127.0.0.1")
    return server


@shows("run(hz)")
async def _(mode: str) -> None:
    server, polls = listening(mode), list[None]()
    poll = server.poll

    def count() -> None:
        polls.append(None)
        poll()

    vars(server)["poll"] = count
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(peers.run, server, hz=500))
        await until(lambda: len(polls) > 5)  # although nothing happens
        nursery.cancel_scope.cancel()


@shows("run(on_error)")
async def _(mode: str) -> None:
    server, seen = listening(mode), list[Exception]()
    told = server.peer_connected
    if isinstance(server, WebSocketServer):
        told = server.client_connected
    told.connect(stumble)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(peers.run, server, on_error=seen.append))
        raw = await Raw.connect(server.get_local_port())
        await until(lambda: seen)
        await raw.close()
        nursery.cancel_scope.cancel()
    assert isinstance(seen[0], ZeroDivisionError)


@shows("run(stop_on_signals)")
async def _(mode: str) -> None:
    server = listening(mode)

    async def stop() -> None:
        await until(lambda: server.endpoint.awaited)
        signal.raise_signal(signal.SIGTERM)

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            await peers.run(server, stop_on_signals=True)
    assert server.get_connection_status() == server.CONNECTION_DISCONNECTED
