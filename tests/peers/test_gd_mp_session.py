"""A gd_mp session between our server and our clients."""

from __future__ import annotations

import logging

import pytest

from multiplayer import Error, MultiplayerError
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient, WebSocketServer
from tests.driving import Drive, Recorder, everywhere, until
from tests.peers.joined import connecting, joined, serving
from tests.raw import RawServer


def listening(drive: Drive) -> WebSocketServer:
    server = WebSocketServer()
    serving(drive, "gd_mp", server)
    return server


@everywhere
async def test_signals_of_joining_and_leaving_come_in_the_documented_order(drive: Drive) -> None:
    server = listening(drive)
    at_server = Recorder(server)
    first = await joined(drive, server)
    second = WebSocketClient()
    at_second = Recorder(second)
    connecting(drive, server, second)
    await until(lambda: at_second.of("peer_connected") == [(1,), (first.get_unique_id(),)])
    ids = [first.get_unique_id(), second.get_unique_id()]
    assert at_second.log == [
        ("connection_established", ""),
        ("peer_connected", 1),
        ("connection_succeeded",),
        ("peer_connected", ids[0]),
    ]
    at_second.log.clear()
    server.disconnect_peer(ids[1], 4002, "kicked")
    await until(lambda: "connection_closed" in at_second)
    assert at_second.log == [
        ("server_close_request", 4002, "kicked"),
        ("peer_disconnected", ids[0]),
        ("peer_disconnected", 1),
        ("server_disconnected",),
        ("connection_closed", True),
    ]
    await until(lambda: "client_disconnected" in at_server)
    assert at_server.log == [
        ("client_connected", ids[0], "", "/"),
        ("peer_connected", ids[0]),
        ("client_connected", ids[1], "", "/"),
        ("peer_connected", ids[1]),
        ("peer_disconnected", ids[1]),
        ("client_disconnected", ids[1], True),
    ]


@everywhere
async def test_packets_for_peers_that_leave_or_left_are_counted_without_a_warning(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    server = listening(drive)
    client = WebSocketClient()
    await joined(drive, server, client)
    own = client.get_unique_id()
    client.set_target_peer(own + 1 if own == 2 else own - 1)
    client.put_packet(b"too late for that one")
    client.disconnect_from_host()
    client.put_packet(b"too late for us")
    await until(lambda: not server.has_peer(own))
    assert server.statistics.drops == {"unknown_target": 1}
    assert client.statistics.drops == {"closing": 1}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@everywhere
async def test_the_longest_packet_is_fixed_when_connecting(drive: Drive) -> None:
    server = listening(drive)
    client = WebSocketClient()
    await joined(drive, server, client)
    for peer in (server, client):
        peer.outbound_buffer_size = 10
        peer.set_target_peer(0)
        peer.put_packet(b"eleven bytes")  # allowed by the limit that held when they connected
        peer.outbound_buffer_size = 0
        with pytest.raises(MultiplayerError) as raised:
            peer.put_packet(bytes(65527))
        assert raised.value.code == Error.ERR_OUT_OF_MEMORY
    await until(server.get_available_packet_count)
    await until(client.get_available_packet_count)
    assert (server.get_packet(), client.get_packet()) == (b"eleven bytes", b"eleven bytes")


async def test_who_was_announced_leaves_even_if_the_session_never_comes_up(drive: Drive) -> None:
    listener = await RawServer.listen()
    client = drive.add(WebSocketClient())
    at_client = Recorder(client)
    client.connect_to_url(listener.url, gd_mp_api=True)
    raw = await listener.upgraded()
    for kind, peer in ((gd_mp.PacketType.ID, 7), (gd_mp.PacketType.ADD, 5)):
        await raw.send_frame(gd_mp.system_packet(kind, peer))
    await until(lambda: "peer_connected" in at_client)
    await raw.close()
    await until(lambda: "connection_failed" in at_client)
    assert at_client.log == [
        ("connection_established", ""),
        ("peer_connected", 5),
        ("peer_disconnected", 5),
        ("connection_error",),
        ("connection_failed",),
    ]
    assert client.failure is not None
    assert client.failure.stage == "id"
    await listener.close()
