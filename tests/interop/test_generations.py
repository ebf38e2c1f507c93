"""Real engines at a port for the other generation of Godot, and what is said of it, by whom."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from multiplayer import GODOT_3, GODOT_4, ConnectionStatus, Dialect, Reason, SceneMultiplayer
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer, run
from tests.certificates import self_signed
from tests.driving import Drive, Recorder, pause, until

if TYPE_CHECKING:
    from pathlib import Path

    import trio

    from tests.interop.conftest import Launch
    from tests.interop.godot4.engine import Godot4
    from tests.interop.native.godot4 import NativeGodot4

LOG = "multiplayer.scene.doctor.generations"


class AheadOfTime:
    """Lets a test move a server's clock."""

    ahead = 0.0


class Godot4Server(AheadOfTime, WebSocketMultiplayerPeer):
    def now(self) -> float:
        return super().now() + self.ahead


class Godot3Server(AheadOfTime, WebSocketServer):
    def now(self) -> float:
        return super().now() + self.ahead


class Host:
    """A server with an API, polled or run, and what it has rejected."""

    def __init__(
        self, peer: WebSocketMultiplayerPeer, dialect: Dialect, how: str, nursery: trio.Nursery
    ) -> None:
        self.peer = peer
        if isinstance(peer, WebSocketServer):
            peer.bind_ip = "127.0.0.1"
            peer.listen(0, gd_mp_api=True)
        else:
            peer.create_server(0, "127.0.0.1")
        self.api = SceneMultiplayer(dialect=dialect)
        self.api.multiplayer_peer = peer
        self.signals = Recorder(self.api)
        self.url = f"ws://127.0.0.1:{peer.get_local_port()}"
        nursery.start_soon(self._run if how == "run" else self._poll)

    async def _run(self) -> None:
        await run(self.api)

    async def _poll(self) -> None:
        while True:
            self.api.poll()
            await pause()

    async def visited(self) -> int:
        """Wait for a client; its id."""
        await until(lambda: "peer_connected" in self.signals)
        ((peer,),) = self.signals.of("peer_connected")
        assert isinstance(peer, int)
        return peer


def said(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == LOG and r.levelno == level]


@pytest.mark.parametrize("how", ["polled", "run"])
async def test_godot_3_speaks_at_a_port_for_godot_4(
    nursery: trio.Nursery, launch: Launch, how: str
) -> None:
    host = Host(Godot4Server(), GODOT_4, how, nursery)
    godot = await launch()
    await godot.connect_to_url(host.url)
    peer = await host.visited()
    # It is "connected", has no id, no server among its peers, and an error about a size in its log.
    await godot.complained("size < PROTO_SIZE")
    state = await godot.step("state")
    assert (state["status"], state["id"], state["peers"]) == (2, 0, [])
    assert await godot.send_bytes(b"anybody?", 1) == 0
    # Now it is told, in words; the engine's signal has them.
    request = await godot.event(ev="sig", name="server_close_request")
    assert request["args"][0] == 1008
    assert "Godot 3 needs WebSocketServer (gd_mp_api), GODOT_3" in request["args"][1]
    await until(lambda: "peer_disconnected" in host.signals)
    ((id_, reason, detail),) = host.signals.of("invalid_packet")
    assert (id_, reason) == (peer, Reason.OTHER_GENERATION)
    assert "seems to be a Godot 3 game; WebSocketServer with listen(port, gd_mp_api=True)" in str(
        detail
    )


@pytest.mark.parametrize("how", ["polled", "run"])
async def test_godot_3_waits_at_a_port_for_godot_4(
    nursery: trio.Nursery, launch: Launch, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    server = Godot4Server()
    host = Host(server, GODOT_4, how, nursery)
    godot = await launch()
    await godot.connect_to_url(host.url)
    peer = await host.visited()
    assert said(caplog, logging.INFO) == []
    due = host.api.next_deadline()
    assert 0 < due - server.now() <= 5
    server.ahead += 5
    await godot.step("state")
    if how == "run":  # it sleeps until the time that it knows; anything wakes it
        server.endpoint.wake()
    await until(lambda: said(caplog, logging.INFO))
    (line,) = said(caplog, logging.INFO)
    assert line.startswith(f"peer {peer} has joined 5 s ago and has sent nothing to this server")
    assert "WebSocketServer with gd_mp_api=True and Dialect.GODOT_3 serve Godot 3" in line
    assert "connect with WebSocketMultiplayerPeer.create_client" in line
    assert "a Python program has to have Dialect.GODOT_4" in line
    assert host.api.next_deadline() == float("inf")  # said once


def check_hint(host: Host, peer: int, caplog: pytest.LogCaptureFixture) -> None:
    """An engine of Godot 4 was here: it closes as anybody does who leaves."""
    left = host.peer.get_peer(peer)
    assert (left.get_close_code(), left.get_close_reason()) == (1000, "")
    (line,) = said(caplog, logging.INFO)
    assert line.startswith(f"peer {peer} left within a second, without a word; if it ")
    assert "WebSocketMultiplayerPeer().create_server and Dialect.GODOT_4 serve Godot 4" in line
    assert "connect with WebSocketClient and gd_mp_api=true" in line
    assert host.signals.of("invalid_packet") == []


@pytest.mark.godot4
@pytest.mark.parametrize("how", ["polled", "run"])
async def test_godot_4_in_a_browser_visits_a_port_for_godot_3(
    nursery: trio.Nursery, web4: Godot4, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    host = Host(Godot3Server(), GODOT_3, how, nursery)
    await web4.create_client(host.url)
    peer = await host.visited()
    # It takes our first message for an id, and goes.
    await web4.complained("Invalid ID received from server")
    assert await web4.signals(1) == [("connection_failed",)]
    await until(lambda: "peer_disconnected" in host.signals)
    check_hint(host, peer, caplog)


@pytest.mark.native4
@pytest.mark.parametrize("how", ["polled", "run"])
async def test_godot_4_visits_a_port_for_godot_3(
    nursery: trio.Nursery, godot4: NativeGodot4, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    host = Host(Godot3Server(), GODOT_3, how, nursery)
    await godot4.create_client(host.url)
    peer = await host.visited()
    await godot4.complained("Invalid ID received from server")
    assert await godot4.signals(1) == [("connection_failed",)]
    await until(lambda: "peer_disconnected" in host.signals)
    check_hint(host, peer, caplog)


@pytest.mark.parametrize("how", ["polled", "run"])
async def test_those_who_fit_are_not_remarked_upon(
    nursery: trio.Nursery, launch: Launch, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    server = Godot3Server()
    host = Host(server, GODOT_3, how, nursery)
    godot = await launch()
    await godot.connect_to_url(host.url)
    await host.visited()
    await godot.event(ev="tree", name="connected_to_server")
    assert await godot.send_bytes(b"hello", 1) == 0
    await until(lambda: "peer_packet" in host.signals)
    assert host.api.next_deadline() == float("inf")
    await godot.step("disconnect")
    await until(lambda: "peer_disconnected" in host.signals)
    assert [r for r in caplog.records if r.name == LOG] == []


# ---------------------------------------------------------------- our clients


async def failed(drive: Drive, client: WebSocketMultiplayerPeer) -> tuple[str, str]:
    """Wait until connecting has failed; stage and detail of why."""
    drive.add(client)
    disconnected = ConnectionStatus.CONNECTION_DISCONNECTED
    await until(lambda: client.get_connection_status() == disconnected)
    assert client.failure is not None
    return client.failure.stage, client.failure.detail


@pytest.mark.native4
async def test_a_client_for_godot_3_at_a_server_of_godot_4(
    drive: Drive, godot4: NativeGodot4
) -> None:
    url = await godot4.listen()
    client = WebSocketClient()
    signals = Recorder(client)
    client.connect_to_url(url, gd_mp_api=True)
    stage, detail = await failed(drive, client)
    assert stage == "id"
    assert detail.endswith(
        "like the peer id that a Godot 4 server sends; use "
        "WebSocketMultiplayerPeer().create_client(url) and Dialect.GODOT_4 for it"
    )
    await until(lambda: "connection_failed" in signals)
    assert signals.names() == ["connection_established", "connection_error", "connection_failed"]


async def test_a_client_for_godot_4_at_a_server_of_godot_3(drive: Drive, launch: Launch) -> None:
    godot = await launch()
    client = WebSocketMultiplayerPeer()
    client.create_client(f"ws://127.0.0.1:{await godot.listen()}")
    stage, detail = await failed(drive, client)
    assert stage == "id"
    assert detail.endswith("of a Godot 3 server; use WebSocketClient with gd_mp_api=True for it")


async def test_a_client_without_tls_at_an_engine_with_tls(
    drive: Drive, launch: Launch, tmp_path: Path
) -> None:
    godot = await launch()
    cert, key = tmp_path / "server.crt", tmp_path / "server.key"
    for path, pem in zip((cert, key), self_signed("localhost"), strict=True):
        path.write_bytes(pem)
    port = await godot.listen(cert=str(cert), key=str(key))
    client = WebSocketClient()
    client.connect_to_url(f"ws://127.0.0.1:{port}", gd_mp_api=True)
    stage, detail = await failed(drive, client)
    assert stage in ("http", "tls")
    assert "wss://" in detail


async def test_a_client_with_tls_at_an_engine_without_tls(drive: Drive, launch: Launch) -> None:
    godot = await launch()
    client = WebSocketClient()
    client.verify_tls = False
    client.connect_to_url(f"wss://127.0.0.1:{await godot.listen()}", gd_mp_api=True)
    stage, detail = await failed(drive, client)
    assert stage == "tls"
    assert "ws://" in detail
