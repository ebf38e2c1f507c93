"""``docs/howto/deploy.md``: sessions through a real nginx and a real Caddy."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest
import trio

from peers import WebSocketClient, WebSocketServer
from tests.driving import PATIENCE, Drive, until
from tests.interop.nginx import proxying
from tests.marked_blocks import blocks_of, text_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

BLOCKS: Final = blocks_of(text_of("docs/howto/deploy.md"))
GAME: Final = "127.0.0.1:9080"


async def plays_through(drive: Drive, server: WebSocketServer, url: str) -> None:
    """A client comes through the proxy, and packets go both ways."""
    client = WebSocketClient()
    client.connect_to_url(url, gd_mp_api=True)
    drive.add(client)
    await until(lambda: client.get_connection_status() == client.CONNECTION_CONNECTED)
    client.put_packet(b"ping")
    await until(server.get_available_packet_count)
    assert server.get_packet() == b"ping"
    server.put_packet(b"pong")
    await until(client.get_available_packet_count)
    assert client.get_packet() == b"pong"


def listening(drive: Drive) -> WebSocketServer:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    return drive.add(server)


@pytest.mark.nginx
async def test_nginx(drive: Drive) -> None:
    server = listening(drive)
    text = BLOCKS["run", "nginx.conf"]
    assert text.count(GAME) == 1
    location = text[text.index("    location /") : text.rindex("}")]
    location = location.replace(GAME, f"127.0.0.1:{server.get_local_port()}")
    async with proxying(location) as port:
        await plays_through(drive, server, f"ws://127.0.0.1:{port}/arena/any")


@asynccontextmanager
async def caddy(text: str, folder: Path) -> AsyncGenerator[None]:
    """A Caddy with this file, without its own control port."""
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n}\n" + text, encoding="utf-8")
    program = shutil.which("caddy")
    assert program is not None
    process = await trio.lowlevel.open_process(
        [program, "run", "--config", str(file), "--adapter", "caddyfile"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)},
    )
    try:
        yield
    finally:
        process.terminate()
        with trio.fail_after(PATIENCE):
            await process.wait()


@pytest.mark.caddy
async def test_caddy(drive: Drive, tmp_path: Path) -> None:
    server = listening(drive)
    text = BLOCKS["run", "Caddyfile"]
    assert text.count(GAME) == text.count("game.example.org") == 1
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    text = text.replace(GAME, f"127.0.0.1:{server.get_local_port()}")
    text = text.replace("game.example.org", f"http://127.0.0.1:{port}")
    async with caddy(text, tmp_path):
        await until(lambda: is_open(port))
        await plays_through(drive, server, f"ws://127.0.0.1:{port}/arena/any")


def is_open(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0
