"""Who comes with HTTP or TLS to a WebSocket port is named in the log and counted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient, WebSocketServer
from tests.driving import until
from tests.raw import Raw, RawServer

if TYPE_CHECKING:
    from tests.driving import Drive

PLAIN_REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CLIENT_HELLO = b"\x16\x03\x01\x00\x05hello"


@pytest.mark.parametrize(
    ("opening", "kind", "sentence"),
    [
        (
            PLAIN_REQUEST,
            "http_without_upgrade",
            "http: this is a WebSocket server, and this request asks for no upgrade",
        ),
        (CLIENT_HELLO, "tls_on_plain_port", "tls: the client speaks TLS, this server does not"),
    ],
    ids=["http", "tls"],
)
async def test_it_is_counted_and_logged(
    drive: Drive,
    caplog: pytest.LogCaptureFixture,
    opening: bytes,
    kind: str,
    sentence: str,
) -> None:
    caplog.set_level(logging.INFO)
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    drive.add(server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(opening)
    await until(lambda: server.statistics.failed_handshakes)
    assert server.statistics.violations == {kind: 1}
    (line,) = (record.getMessage() for record in caplog.records if "never" in record.getMessage())
    assert line.endswith(f"never connected: {sentence}")
    await raw.close()


@pytest.mark.parametrize("first", [b"\x02\0\0\0", b"\xff\xff\xff\x7f"])
async def test_a_first_message_of_four_bytes_is_godot_4s(drive: Drive, first: bytes) -> None:
    listener = await RawServer.listen()
    client = WebSocketClient()
    client.connect_to_url(listener.url, gd_mp_api=True)
    drive.add(client)
    raw = await listener.upgraded()
    await raw.send_frame(first)
    assert (await raw.receive_close())[:2] == b"\x03\xea"  # 1002
    await until(lambda: client.failure)
    assert client.failure is not None
    assert client.failure.stage == "id"
    assert f"({first.hex()})" in client.failure.detail
    assert "WebSocketMultiplayerPeer().create_client(url)" in client.failure.detail
    await raw.close()
    await listener.close()


async def test_four_bytes_later_on_are_a_violation(drive: Drive) -> None:
    listener = await RawServer.listen()
    client = WebSocketClient()
    client.connect_to_url(listener.url, gd_mp_api=True)
    drive.add(client)
    raw = await listener.upgraded()
    await raw.send_frame(gd_mp.system_packet(gd_mp.PacketType.ID, 7))
    await raw.send_frame(b"\x02\0\0\0")
    await until(lambda: client.statistics.violations)
    assert client.statistics.violations == {"short_packet": 1}
    assert client.failure is None
    await raw.close()
    await listener.close()
