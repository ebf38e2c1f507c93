"""Behind a real nginx: the upgrade, in both roles, and HTTP."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trio
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.sync.server import serve

from peers import HttpRequest, HttpResponse, WebSocketClient, WebSocketServer
from tests.driving import PATIENCE, Drive, Recorder, until
from tests.interop.nginx import proxying

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.sync.server import ServerConnection

pytestmark = pytest.mark.nginx

CONNECTIONS = {
    "keep-alive_last": ("upgrade", "keep-alive"),
    "keep-alive_first": ("keep-alive", "Upgrade"),
    "once": ("upgrade",),
}
both = pytest.mark.parametrize("kind", CONNECTIONS)


def passing_on(port: int, kind: str) -> str:
    """A location that passes everything on to ``port``, with these ``Connection`` lines."""
    lines = "".join(f"proxy_set_header Connection {each};" for each in CONNECTIONS[kind])
    return f"""location / {{
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Host $http_host;
        {lines}
    }}"""


def bare(port: int) -> str:
    """A location as it is without a thought of WebSocket."""
    return f"location / {{ proxy_pass http://127.0.0.1:{port}; }}"


def listening(drive: Drive, **settings: object) -> WebSocketServer:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    for name, value in settings.items():
        setattr(server, name, value)
    server.listen(0, gd_mp_api=True)
    return drive.add(server)


@both
async def test_a_session_of_ours_goes_through(drive: Drive, kind: str) -> None:
    server = listening(drive)
    heard = Recorder(server)
    async with proxying(passing_on(server.get_local_port(), kind)) as port:
        client = WebSocketClient()
        client.connect_to_url(f"ws://127.0.0.1:{port}/room?x=1", gd_mp_api=True)
        drive.add(client)
        await until(lambda: client.get_connection_status() == client.CONNECTION_CONNECTED)
        own = client.get_unique_id()
        assert heard.of("client_connected") == [(own, "", "/room?x=1")]
        asked = server.get_peer(own).request
        assert asked is not None
        assert asked.host == f"127.0.0.1:{port}"
        client.put_packet(b"ping")
        await until(server.get_available_packet_count)
        assert server.get_packet() == b"ping"
        server.put_packet(b"pong")
        await until(client.get_available_packet_count)
        assert client.get_packet() == b"pong"
        client.disconnect_from_host()
        await until(lambda: "client_disconnected" in heard)
        assert heard.of("client_disconnected") == [(own, True)]


@contextmanager
def echo_server() -> Iterator[int]:
    """A server of another library, in a thread; the port."""

    def echo(websocket: ServerConnection) -> None:
        for message in websocket:
            websocket.send(message)

    with serve(echo, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


async def test_our_client_reaches_another_library(drive: Drive) -> None:
    with echo_server() as behind:
        async with proxying(passing_on(behind, "once")) as port:
            client = WebSocketClient()
            client.connect_to_url(f"ws://127.0.0.1:{port}")
            drive.add(client)
            peer = client.get_peer(1)
            await until(peer.is_connected_to_host)
            peer.put_packet(b"there and back")
            await until(peer.get_available_packet_count)
            assert peer.get_packet() == b"there and back"
            client.disconnect_from_host()
            await until(lambda: client.get_connection_status() == client.CONNECTION_DISCONNECTED)


async def test_http_goes_through(drive: Drive) -> None:
    seen: list[HttpRequest] = []

    def answer(asked: HttpRequest) -> HttpResponse:
        seen.append(asked)
        return HttpResponse(200, asked.body[::-1] or b"x" * 1_000_000, "text/plain")

    server = listening(drive, http_callback=answer)

    def ask(port: int, method: str, body: bytes | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request(method, "/page?q", body)
            got = connection.getresponse()
            return got.status, got.read()
        finally:
            connection.close()

    behind = server.get_local_port()
    for location in (bare(behind), passing_on(behind, "keep-alive_last")):
        async with proxying(location) as port:
            answers = [
                await trio.to_thread.run_sync(ask, port, method, body)
                for method, body in (("GET", None), ("HEAD", None), ("POST", b"abc"))
            ]
        assert answers == [(200, b"x" * 1_000_000), (200, b""), (200, b"cba")]
    assert [one.method for one in seen] == ["GET", "HEAD", "POST"] * 2
    assert {one.target for one in seen} == {"/page?q"}
    assert server.statistics.http_requests == 6
    assert not server.statistics.failed_handshakes


@pytest.mark.parametrize("callback", [None, lambda asked: None], ids=["none", "answers_none"])
async def test_a_proxy_that_takes_the_upgrade_away_is_suspected(
    drive: Drive, callback: object
) -> None:
    words = "a proxy on the way may have taken its Upgrade header away"
    server = listening(drive, http_callback=callback)
    async with proxying(bare(server.get_local_port())) as port:
        url = f"ws://127.0.0.1:{port}"

        def refused() -> str:
            with pytest.raises(InvalidStatus) as caught, connect(url, open_timeout=PATIENCE):
                raise AssertionError
            return bytes(caught.value.response.body or b"").decode()

        assert words in await trio.to_thread.run_sync(refused)
        client = WebSocketClient()
        client.connect_to_url(url)
        drive.add(client)
        await until(lambda: client.failure)
        assert words in str(client.failure)
