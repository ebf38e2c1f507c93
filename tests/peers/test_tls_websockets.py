"""TLS with the ``websockets`` library, in both roles."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio
from websockets.sync.client import connect
from websockets.sync.server import serve

from peers import WebSocketServer
from tests.certificates import certificate, chain_of, client_side, key_of, server_side
from tests.driving import Drive, Recorder, until
from tests.peers.tls_sessions import secure_client, url_of
from tests.raw import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.server import ServerConnection

LEAF = certificate("localhost", "127.0.0.1")
PAYLOADS = [random.Random(size).randbytes(size) for size in (1, 125, 126, 65535, 1_000_000)]
LIMIT = 2_000_000


@pytest.mark.needs_sockets
async def test_its_client_and_our_server(drive: Drive) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.inbound_buffer_size = server.outbound_buffer_size = LIMIT
    server.private_key, server.tls_certificate = key_of(LEAF), chain_of(LEAF)
    server.listen(0, ["echo"])

    @server.data_received.connect
    def echo(peer: int) -> None:
        server.get_peer(peer).put_packet(server.get_peer(peer).get_packet())

    signals = Recorder(drive.add(server))

    def talk() -> list[str | bytes]:
        with connect(
            url_of(server, "127.0.0.1") + "/room?x=1",
            ssl=client_side(),
            server_hostname="localhost",
            subprotocols=["echo"],  # type: ignore[list-item]
            open_timeout=PATIENCE,
            max_size=LIMIT,
        ) as websocket:
            answers: list[str | bytes] = []
            for payload in PAYLOADS:
                websocket.send(payload)
                answers.append(websocket.recv(PATIENCE))
            return answers

    with trio.fail_after(2 * PATIENCE):
        assert await trio.to_thread.run_sync(talk) == PAYLOADS
    await until(lambda: "client_disconnected" in signals)
    assert [entry[2:] for entry in signals.log if entry[0] == "client_connected"] == [
        ("echo", "/room?x=1")
    ]
    assert signals.of("client_close_request")[0][1:] == (1000, "")
    assert signals.of("client_disconnected")[0][1:] == (True,)


@contextmanager
def echo_server() -> Iterator[int]:
    """Its server, in a thread; the port."""

    def echo(websocket: ServerConnection) -> None:
        for message in websocket:
            websocket.send(message)

    with serve(echo, "127.0.0.1", 0, ssl=server_side(LEAF), max_size=LIMIT) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.needs_sockets
async def test_its_server_and_our_client(drive: Drive) -> None:
    with echo_server() as port:
        client = secure_client(inbound_buffer_size=LIMIT, outbound_buffer_size=LIMIT)
        heard = Recorder(client)
        client.connect_to_url(f"wss://localhost:{port}")
        drive.add(client)
        await until(lambda: "connection_established" in heard)
        peer = client.get_peer(1)
        for payload in PAYLOADS:
            peer.put_packet(payload)
            await until(peer.get_available_packet_count)
            assert peer.get_packet() == payload
        client.disconnect_from_host(1000, "done")
        await until(lambda: "connection_closed" in heard)
    assert heard.of("connection_closed") == [(True,)]
    assert client.failure is None
