"""What engines report for a close code and reason of ours, and we for theirs: RFC 6455 section 7.4.

1012 to 1014 are not here: a session sends none of them, because 4.6.3 shows 1002 for them and 3.6
nothing at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from peers import WebSocketClient, WebSocketServer
from peers.websocket_peer import ReadyState, WebSocketPeer
from tests.driving import Drive, Recorder, pause, until
from tests.interop.native import plain

if TYPE_CHECKING:
    from tests.interop.conftest import Launch
    from tests.interop.native.godot4 import NativeGodot4

CODES = [
    (1000, ""),
    (1000, "bye"),
    (1001, "going away"),
    (1008, "not like this"),
    (1011, "our fault"),
    (4000, "bis später, 再见"),
    (4013, "try again later"),
]
TOO_SLOW = "too slow: more than 65535 bytes waited to be sent"
codes = pytest.mark.parametrize(("code", "reason"), CODES)


def listening(drive: Drive, *, gd_mp_api: bool) -> tuple[WebSocketServer, Recorder, str]:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=gd_mp_api)
    drive.add(server)
    return server, Recorder(server), f"ws://127.0.0.1:{server.get_local_port()}"


async def client_of(signals: Recorder) -> int:
    """The id of the client that our server has, or will have."""
    await until(lambda: "client_connected" in signals)
    id_ = signals.of("client_connected")[0][0]
    assert isinstance(id_, int)
    return id_


async def connected_to(
    drive: Drive, url: str, *, gd_mp_api: bool
) -> tuple[WebSocketClient, Recorder]:
    client = WebSocketClient()
    signals = Recorder(client)
    client.connect_to_url(url, gd_mp_api=gd_mp_api)
    drive.add(client)
    up = "connection_succeeded" if gd_mp_api else "connection_established"
    await until(lambda: up in signals)
    return client, signals


async def fill(peer: WebSocketPeer) -> None:
    """Send until more waits than may, at somebody who does not read."""
    for _ in range(1000):
        if peer.get_ready_state() != ReadyState.STATE_OPEN:
            return
        peer.put_packet(bytes(60_000))
        await pause()
    raise AssertionError("60 MB have been taken by somebody who does not read")


# ---------------------------------------------------------------- Godot 4


@pytest.mark.native4
@codes
async def test_our_server_closes_a_4(
    drive: Drive, godot4: NativeGodot4, code: int, reason: str
) -> None:
    server, signals, url = listening(drive, gd_mp_api=False)
    await plain.connect(godot4, url)
    id_ = await client_of(signals)
    server.disconnect_peer(id_, code, reason)
    assert await godot4.signals(1) == [("closed", code, reason)]
    await until(lambda: signals.of("client_disconnected") == [(id_, True)])


@pytest.mark.native4
@codes
async def test_our_client_closes_at_a_4(
    drive: Drive, godot4: NativeGodot4, code: int, reason: str
) -> None:
    client, signals = await connected_to(drive, await plain.listen(godot4), gd_mp_api=False)
    assert await godot4.signals(1) == [("open",)]
    client.disconnect_from_host(code, reason)
    assert await godot4.signals(1) == [("closed", code, reason)]
    await until(lambda: signals.of("connection_closed") == [(True,)])


@pytest.mark.native4
@codes
async def test_a_4_closes_at_our_server(
    drive: Drive, godot4: NativeGodot4, code: int, reason: str
) -> None:
    _, signals, url = listening(drive, gd_mp_api=False)
    await plain.connect(godot4, url)
    id_ = await client_of(signals)
    await plain.close(godot4, code, reason)
    await until(lambda: signals.of("client_disconnected") == [(id_, True)])
    assert signals.of("client_close_request") == [(id_, code, reason)]
    assert await godot4.signals(1) == [("closed", code, reason)]


@pytest.mark.native4
async def test_a_4_that_reads_too_slowly_is_told_so(drive: Drive, godot4: NativeGodot4) -> None:
    server, signals, url = listening(drive, gd_mp_api=False)
    await plain.connect(godot4, url)
    id_ = await client_of(signals)
    peer = server.get_peer(id_)
    async with godot4.standing_still():
        await fill(peer)
    *packets, closed = await godot4.signals(1)
    while closed[0] != "closed":
        *packets, closed = await godot4.signals(1)
    assert closed == ("closed", 4013, TOO_SLOW)
    assert {said[0] for said in packets} <= {"packet"}


# ---------------------------------------------------------------- Godot 3

modes = pytest.mark.parametrize("gd_mp_api", [True, False], ids=["gd_mp", "plain"])


@modes
async def test_our_server_closes_a_3(drive: Drive, launch: Launch, gd_mp_api: bool) -> None:
    server, signals, url = listening(drive, gd_mp_api=gd_mp_api)
    godot = await launch()
    for code, reason in CODES:
        await godot.connect_to_url(url, mp=gd_mp_api)
        id_ = await client_of(signals)
        server.disconnect_peer(id_, code, reason)
        asked = await godot.event(ev="sig", name="server_close_request")
        assert asked["args"] == [code, reason]
        await until(lambda id_=id_: signals.of("client_disconnected") == [(id_, True)])
        signals.log.clear()


@modes
async def test_our_client_closes_at_a_3(drive: Drive, launch: Launch, gd_mp_api: bool) -> None:
    godot = await launch()
    url = f"ws://127.0.0.1:{await godot.listen(mp=gd_mp_api)}"
    for code, reason in CODES:
        client, signals = await connected_to(drive, url, gd_mp_api=gd_mp_api)
        joined = "peer_connected" if gd_mp_api else "client_connected"
        id_ = (await godot.event(ev="sig", name=joined))["args"][0]
        client.disconnect_from_host(code, reason)
        told = await godot.event(ev="sig", name="client_close_request")
        assert told["args"] == [id_, code, reason]
        await until(lambda signals=signals: signals.of("connection_closed") == [(True,)])


@modes
async def test_a_3_that_reads_too_slowly_is_told_so(
    drive: Drive, launch: Launch, gd_mp_api: bool
) -> None:
    server, signals, url = listening(drive, gd_mp_api=gd_mp_api)
    godot = await launch()
    await godot.connect_to_url(url, mp=gd_mp_api)
    peer = server.get_peer(await client_of(signals))
    async with godot.standing_still():
        await fill(peer)
    told = await godot.event(ev="sig", name="server_close_request")
    assert told["args"] == [4013, TOO_SLOW]
