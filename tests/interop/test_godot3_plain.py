"""Plain WebSocket connections between Godot 3.2.3 and us, without the multiplayer envelope."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError
from peers import WebSocketClient, WebSocketServer
from peers.websocket_peer import WebSocketPeer, WriteMode
from tests.driving import Drive, Recorder, until
from tests.interop.godot3.engine import Godot3, parcel

if TYPE_CHECKING:
    from tests.interop.conftest import Launch

TEXT = "Grüße, 世界 🎲".encode()
REASON = "bis später, 再见"
PACKETS = [
    *((random.Random(n).randbytes(n), False) for n in (1, 125, 126, 65526, 65535)),
    *((b"t" * n, True) for n in (1, 125, 126, 65526, 65535)),
    (TEXT, True),
    (TEXT, False),
]


async def connected_to_our_server(
    drive: Drive, launch: Launch
) -> tuple[WebSocketServer, Recorder, Godot3, int]:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    signals = Recorder(drive.add(server))
    godot = await launch()
    url = f"ws://127.0.0.1:{server.get_local_port()}/plain"
    await godot.connect_to_url(url, mp=False)
    await godot.told(("sig", "connection_established", ""))
    await until(lambda: "client_connected" in signals)
    ((id_, protocol, path),) = signals.of("client_connected")
    assert (protocol, path) == ("", "/plain")
    assert isinstance(id_, int)
    assert await godot.id() == 0  # ids are the server's own business here
    signals.log.clear()
    return server, signals, godot, id_


async def connected_to_the_engine(
    drive: Drive, launch: Launch
) -> tuple[WebSocketClient, Recorder, Godot3, int]:
    godot = await launch()
    port = await godot.listen(mp=False)
    client = WebSocketClient()
    signals = Recorder(client)
    client.connect_to_url(f"ws://127.0.0.1:{port}/plain")
    drive.add(client)
    await until(lambda: "connection_established" in signals)
    assert signals.log == [("connection_established", "")]
    signals.log.clear()
    connected = await godot.event(ev="sig", name="client_connected")
    id_ = connected["args"][0]
    await godot.told(("sig", "client_connected", id_, ""))
    return client, signals, godot, id_


async def exchange(ours: WebSocketPeer, godot: Godot3, engines_name: int, ours_name: int) -> None:
    """Send every packet in both directions.

    ``engines_name`` is what the engine calls us, ``ours_name`` what its step calls us.
    """
    for payload, text in PACKETS:
        mode = WriteMode.WRITE_MODE_TEXT if text else WriteMode.WRITE_MODE_BINARY
        ours.set_write_mode(mode)
        ours.put_packet(payload)
        await godot.got(parcel(engines_name, payload, text=text))
        await godot.peer_put(payload, to=ours_name, text=text)
        await until(ours.get_available_packet_count)
        assert ours.get_packet() == payload
        assert ours.was_string_packet() == text
    assert ours.get_available_packet_count() == 0
    assert godot.complaints == []


async def test_packets_with_our_server(drive: Drive, launch: Launch) -> None:
    server, signals, godot, id_ = await connected_to_our_server(drive, launch)
    await exchange(server.get_peer(id_), godot, 1, 1)
    assert signals.log == [("data_received", id_)] * len(PACKETS)
    await godot.told(*[("sig", "data_received")] * len(PACKETS))
    with pytest.raises(MultiplayerError) as raised:
        server.put_packet(b"x")
    assert raised.value.code == Error.ERR_UNCONFIGURED


async def test_packets_with_our_client(drive: Drive, launch: Launch) -> None:
    client, signals, godot, id_ = await connected_to_the_engine(drive, launch)
    await exchange(client.get_peer(1), godot, id_, id_)
    assert signals.log == [("data_received",)] * len(PACKETS)
    await godot.told(*[("sig", "data_received", id_)] * len(PACKETS))


async def closed(signals: Recorder, *expected: tuple[object, ...]) -> None:
    """Expect exactly these signals, the last of which ends the connection."""
    await until(lambda: expected[-1][0] in signals)
    assert signals.log == [*expected]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, REASON), (0, "not sent")])
async def test_the_engine_closes(drive: Drive, launch: Launch, code: int, reason: str) -> None:
    received = (code, reason) if code else (1005, "")  # RFC 6455's number for no code
    server, signals, godot, id_ = await connected_to_our_server(drive, launch)
    await godot.step("disconnect", code=code, reason=reason)
    await closed(
        signals, ("client_close_request", id_, *received), ("client_disconnected", id_, True)
    )
    assert server.get_peer(id_).get_close_code() == received[0]
    # For the engine only the side that did not begin has a clean close; for us both have.
    await godot.told(("sig", "connection_closed", False))


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, REASON), (0, "not sent")])
async def test_our_server_closes(drive: Drive, launch: Launch, code: int, reason: str) -> None:
    received = (code, reason) if code else (0, "")  # the engine's number for no code
    server, signals, godot, id_ = await connected_to_our_server(drive, launch)
    server.disconnect_peer(id_, code, reason)
    await closed(signals, ("client_disconnected", id_, True))
    await godot.told(("sig", "server_close_request", *received), ("sig", "connection_closed", True))


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, REASON), (0, "not sent")])
async def test_the_engines_server_closes(
    drive: Drive, launch: Launch, code: int, reason: str
) -> None:
    received = (code, reason) if code else (1005, "")
    client, signals, godot, id_ = await connected_to_the_engine(drive, launch)
    await godot.step("kick", id=id_, code=code, reason=reason)
    await closed(signals, ("server_close_request", *received), ("connection_closed", True))
    assert client.failure is None
    await godot.told(("sig", "client_disconnected", id_, False))


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, REASON), (0, "not sent")])
async def test_our_client_closes(drive: Drive, launch: Launch, code: int, reason: str) -> None:
    received = (code, reason) if code else (0, "")
    client, signals, godot, id_ = await connected_to_the_engine(drive, launch)
    client.disconnect_from_host(code, reason)
    await closed(signals, ("connection_closed", True))
    await godot.told(
        ("sig", "client_close_request", id_, *received), ("sig", "client_disconnected", id_, True)
    )


async def test_the_engine_is_killed(drive: Drive, launch: Launch) -> None:
    _, at_server, client_engine, id_ = await connected_to_our_server(drive, launch)
    client, at_client, server_engine, _ = await connected_to_the_engine(drive, launch)
    await client_engine.kill_9()
    await closed(at_server, ("client_disconnected", id_, False))
    await server_engine.kill_9()
    await closed(at_client, ("connection_closed", False))
    assert client.failure is not None
    assert client.failure.stage == "tcp"
