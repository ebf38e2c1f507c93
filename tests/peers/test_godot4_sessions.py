"""``connect``, ``serve`` and ``connected_pair`` with Godot 4's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.wire.envelopes.godot4 import id_message
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.testing import connected_pair
from tests.driving import PATIENCE, Recorder
from tests.raw import CLOSE, Raw, RawServer, close_body

if TYPE_CHECKING:
    from tests.drivers import Way

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


async def test_serving_ends_with_a_closing_handshake(way: Way) -> None:
    with trio.fail_after(PATIENCE):
        async with way.serve(0, peer=WebSocketMultiplayerPeer()) as server:
            raw = await Raw.connect(server.get_local_port())
            first = int.from_bytes(await raw.receive_message(), "little")
            async with trio.open_nursery() as nursery:

                async def answer() -> None:
                    assert await raw.receive_close() == close_body(1000)
                    await raw.send_frame(close_body(1000), CLOSE)

                assert first >= 2
                heard = Recorder(server)
                nursery.start_soon(answer)
                server.disconnect_peer(first)
        assert heard.log == [("peer_disconnected", first)]
        assert server.get_connection_status() == DISCONNECTED
        await raw.close()


async def test_connecting_is_entered_with_an_id_and_left_with_a_closing_handshake(way: Way) -> None:
    listener = await RawServer.listen()
    seen: list[bytes] = []

    async def answer() -> None:
        raw = await listener.upgraded()
        await raw.send_frame(id_message(7))
        seen.append(await raw.receive_message())
        seen.append(await raw.receive_close())
        await raw.send_frame(close_body(1000), CLOSE)
        await raw.receive_end()
        await raw.close()

    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            async with way.connect(listener.url, peer=WebSocketMultiplayerPeer()) as client:
                heard = Recorder(client)
                assert (client.get_unique_id(), client.get_connection_status()) == (7, CONNECTED)
                client.put_packet(b"hello")
            assert heard.names() == ["peer_disconnected", "server_disconnected"]
    assert seen == [b"hello", close_body(1000)]
    await listener.close()


async def test_connecting_raises_if_there_comes_no_id(way: Way) -> None:
    with trio.fail_after(PATIENCE):
        async with way.serve(0) as server:
            url = f"ws://127.0.0.1:{server.get_local_port()}"
            with pytest.raises(MultiplayerError, match="use WebSocketClient") as raised:
                async with way.connect(url, peer=WebSocketMultiplayerPeer()):
                    pytest.fail("entered")
            assert raised.value.code == Error.ERR_CANT_CONNECT


async def test_arguments_that_do_not_fit_raise(way: Way) -> None:
    untyped: tuple[dict[str, Any], ...] = ({"protocols": ["x"]}, {"gd_mp_api": False})
    for arguments in untyped:
        peer = WebSocketMultiplayerPeer()
        for block in (
            way.connect("ws://127.0.0.1:1", peer=peer, **arguments),
            way.serve(0, peer=peer, **arguments),
        ):
            with pytest.raises(MultiplayerError, match="for Godot 3's protocol") as raised:
                async with block:
                    pytest.fail("entered")
            assert raised.value.code == Error.ERR_INVALID_PARAMETER
            assert peer.get_connection_status() == DISCONNECTED
    for block in (
        way.connect("ws://127.0.0.1:1", peer=WebSocketServer()),
        way.serve(0, peer=WebSocketClient()),
    ):
        with pytest.raises(MultiplayerError) as raised:
            async with block:
                pytest.fail("entered")
        assert raised.value.code == Error.ERR_UNAVAILABLE


def exchanged(
    server: WebSocketMultiplayerPeer, client: WebSocketMultiplayerPeer
) -> tuple[bytes, bytes]:
    return server.get_packet(), client.get_packet()


def test_a_pair_that_is_polled() -> None:
    with connected_pair(godot4=True) as pair:
        server, client = pair
        assert type(server) is type(client) is WebSocketMultiplayerPeer
        client.put_packet(b"up")
        server.put_packet(b"down")
        pair.until(server.get_available_packet_count)
        pair.until(client.get_available_packet_count)
        assert exchanged(server, client) == (b"up", b"down")
    assert server.get_connection_status() == client.get_connection_status() == DISCONNECTED


async def test_a_pair_that_runs() -> None:
    mine = WebSocketMultiplayerPeer()
    with trio.fail_after(PATIENCE):
        async with connected_pair(godot4=True, client=mine) as (server, client):
            assert client is mine
            arrived = trio.Event()
            server.peer_packet.connect(lambda _: arrived.set())
            client.put_packet(b"up")
            await arrived.wait()
            assert server.get_packet_peer() == client.get_unique_id()
            assert server.get_packet() == b"up"
    assert server.get_connection_status() == client.get_connection_status() == DISCONNECTED
