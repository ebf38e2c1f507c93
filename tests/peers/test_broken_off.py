"""A connection that ends before it is open: what is said of it, in whole sentences."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.websocket import broken_off
from tests.driving import until
from tests.raw import Raw, RawServer

if TYPE_CHECKING:
    from tests.driving import Drive

ENDED = "the other side ended the connection"
LOST = "the connection was lost: Connection reset by peer"
BEFORE = ", before the server had answered"
MIDDLE = ", in the middle of the TLS handshake"
OURS = "does the server speak one of our sub-protocols"
TLS_QUESTION = "does the server speak TLS? If so, connect to a wss:// URL"


@pytest.mark.parametrize(("why", "said"), [(broken_off.UNCLOSED, ENDED), (LOST, LOST)])
@pytest.mark.parametrize(
    ("stage", "has_answered", "encrypts", "protocols", "rest"),
    [
        ("http", False, False, (), f"{BEFORE}; {TLS_QUESTION}"),
        (
            "http",
            False,
            False,
            ("chess", "go"),
            f"{BEFORE}; {OURS} (chess, go)? Or {TLS_QUESTION}",
        ),
        ("http", True, False, ("go",), ", in the middle of the server's answer"),
        ("http", False, True, (), BEFORE),
        (
            "http",
            False,
            True,
            ("go",),
            f"{BEFORE}; {OURS} (go)?",
        ),
        ("http", True, True, (), ", in the middle of the server's answer"),
        (
            "tls",
            False,
            True,
            ("go",),
            f"{MIDDLE}; does the server speak TLS? If not, connect to a ws:// URL",
        ),
        ("tls", True, True, (), MIDDLE),
    ],
)
def test_each_stage_and_cause_at_a_client(
    why: str,
    said: str,
    stage: str,
    has_answered: bool,
    encrypts: bool,
    protocols: tuple[str, ...],
    rest: str,
) -> None:
    assert broken_off.at_a_client(why, stage, has_answered, encrypts, protocols) == said + rest


@pytest.mark.parametrize(
    ("stage", "has_asked", "rest"),
    [
        ("http", False, ", before anything was asked for"),
        ("http", True, ", in the middle of its request"),
        ("tls", False, ", in the middle of the TLS handshake"),
    ],
)
def test_each_stage_at_a_server(stage: str, has_asked: bool, rest: str) -> None:
    told = broken_off.at_a_server(broken_off.UNCLOSED, stage, has_asked=has_asked)
    assert told == ENDED + rest


@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
@pytest.mark.parametrize(
    ("answer", "protocols", "told"),
    [
        (b"", (), f"http: {ENDED}{BEFORE}; {TLS_QUESTION}"),
        (
            b"",
            ("chess",),
            f"http: {ENDED}{BEFORE}; {OURS} (chess)? Or {TLS_QUESTION}",
        ),
        (b"HTTP/1.1 10", (), f"http: {ENDED}, in the middle of the server's answer"),
    ],
    ids=["nothing", "nothing, of protocols", "half an answer"],
)
async def test_a_client_whose_server_ends_it(
    drive: Drive, godot4: bool, answer: bytes, protocols: tuple[str, ...], told: str
) -> None:
    listener = await RawServer.listen()
    if godot4:
        client = WebSocketMultiplayerPeer()
        client.supported_protocols = protocols
        client.create_client(listener.url)
    else:
        client = WebSocketClient()
        client.connect_to_url(listener.url, protocols, gd_mp_api=True)
    drive.add(client)
    raw = await listener.dialled()
    await raw.read_head()
    await raw.send(answer)
    await raw.close()
    await until(lambda: client.failure)
    assert str(client.failure) == told
    await listener.close()


@pytest.mark.parametrize(
    ("asked", "rest"),
    [(b"", "before anything was asked for"), (b"GET / HT", "in the middle of its request")],
)
async def test_a_server_whose_client_ends_it(
    drive: Drive, caplog: pytest.LogCaptureFixture, asked: bytes, rest: str
) -> None:
    caplog.set_level(logging.INFO)
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    drive.add(server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(asked)
    await raw.close()
    await until(lambda: server.statistics.failed_handshakes)
    (line,) = (message for message in caplog.messages if "never connected" in message)
    assert line.endswith(f"never connected: http: {ENDED}, {rest}")
    server.stop()
