"""Slow, greedy, silent and half-open peers: bounded, and nobody else notices."""

from __future__ import annotations

import logging
import struct

import pytest
import trio

from multiplayer import ConnectionStatus
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient
from tests.driving import Drive, Recorder, until
from tests.peers.sockets import listening, raw_peer, stalled_peer
from tests.raw import CLOSE, PING, PONG, Raw, RawServer, close_body


async def greeting(raw: Raw, messages: int) -> list[bytes]:
    return [await raw.receive_message() for _ in range(messages)]


async def test_a_peer_that_reads_too_slowly_is_closed_with_4013_and_delays_nobody(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    server = listening(drive, outbound_buffer_size=20_000, close_timeout=0.2)
    at_server = Recorder(server)
    slow, raw = await stalled_peer(server)
    quick, other = await raw_peer(server)
    await greeting(other, 3)
    payload = bytes(10_000)
    sent = 0
    with caplog.at_level(logging.WARNING):
        while server.statistics.drops["overflow"] == 0:
            server.set_target_peer(0)
            server.put_packet(payload)
            server.flush()
            sent += 1
            assert sent < 1000, "the slow peer was never given up"
            assert (await other.receive_message())[9:] == payload
            if server.has_peer(slow):
                waiting = server.get_peer(slow).get_current_outbound_buffered_amount()
                assert waiting <= 2 * (20_000 + 14)
    assert "reads_too_slowly" in caplog.text
    await until(lambda: "client_disconnected" in at_server)
    assert at_server.log[-2:] == [
        ("peer_disconnected", slow),
        ("client_disconnected", slow, False),
    ]
    assert (await other.receive_message()) == gd_mp.system_packet(gd_mp.PacketType.DEL, slow)
    assert server.has_peer(quick)
    await raw.close()
    await other.close()


async def test_a_slow_peer_that_reads_on_is_told_why(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, outbound_buffer_size=20_000)
    at_server = Recorder(server)
    slow, raw = await stalled_peer(server)
    while server.statistics.drops["overflow"] == 0:
        server.get_peer(slow).put_packet(bytes(10_000))
        server.flush()
    await raw.read_head()
    body = await raw.receive_close()
    assert body[:2] == struct.pack("!H", 4013)
    assert body[2:] == b"too slow: more than 20000 bytes waited to be sent"
    await raw.send_frame(body, CLOSE)
    await until(lambda: ("client_disconnected", slow, True) in at_server.log)
    await raw.close()


async def test_a_full_inbox_stops_the_reading_and_fetching_resumes_it(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    server = listening(drive, max_queued_packets=4, heartbeat_interval=0.02)
    peer, raw = await raw_peer(server)
    await greeting(raw, 2)
    packets = [gd_mp.packet(peer, 1, bytes([number])) for number in range(10)]
    with caplog.at_level(logging.WARNING):
        await raw.send(b"".join(raw.frame(packet) for packet in packets))
        await until(lambda: server.get_available_packet_count() == 4)
        # Many heartbeats later it is neither read nor declared dead, although it answers no ping.
        started = trio.current_time()
        await until(lambda: trio.current_time() > started + 0.2)
    assert server.has_peer(peer)
    assert server.get_available_packet_count() == 4
    assert server.get_peer(peer).statistics.packets_received == 4
    assert caplog.text.count("get_packet") == 1
    fetched: list[bytes] = []
    with trio.fail_after(5):
        while len(fetched) < 10:
            await until(server.get_available_packet_count)
            assert server.get_available_packet_count() <= 4
            fetched.append(server.get_packet())
    assert fetched == [bytes([number]) for number in range(10)]
    await raw.close()


async def test_a_server_that_discards_packets_keeps_none_and_relays_all(drive: Drive) -> None:
    server = listening(drive, max_queued_packets=2, discard_packets=True)
    heard = Recorder(server).log
    sender, raw = await raw_peer(server)
    receiver, other = await raw_peer(server)
    await greeting(raw, 3)
    await greeting(other, 3)
    heard.clear()
    packets = [gd_mp.packet(sender, target, b"x") for target in (0, 1, receiver) * 5]
    await raw.send(b"".join(raw.frame(packet) for packet in packets))
    assert [await other.receive_message() for _ in range(10)] == [
        packet for packet in packets if packet[5:9] != struct.pack("<i", 1)
    ]
    assert server.get_available_packet_count() == 0
    assert heard == []
    await raw.close()
    await other.close()


async def test_a_silent_peer_is_pinged_and_then_gone(drive: Drive) -> None:
    server = listening(drive, heartbeat_interval=0.25)
    at_server = Recorder(server)
    peer, raw = await raw_peer(server)
    await greeting(raw, 2)
    answered = 0
    while answered < 3:
        ping = await raw.receive_frame()
        assert ping is not None
        assert ping.op == PING
        await raw.send_frame(ping.payload, PONG)
        answered += 1
    await until(lambda: server.get_peer(peer).round_trip_time is not None)
    # From now on it answers no ping.
    await until(lambda: "client_disconnected" in at_server)
    assert at_server.log[-1] == ("client_disconnected", peer, False)
    await raw.receive_end()
    await raw.close()


async def test_a_client_finds_out_that_its_server_is_gone(drive: Drive) -> None:
    listener = await RawServer.listen()
    client = WebSocketClient()
    client.heartbeat_interval = 0.05
    at_client = Recorder(client)
    client.connect_to_url(listener.url)
    drive.add(client)
    raw = await listener.upgraded()
    await until(lambda: "connection_closed" in at_client)
    assert at_client.log == [("connection_established", ""), ("connection_closed", False)]
    assert client.failure is not None
    assert client.failure.stage == "timeout"
    await raw.close()
    await listener.close()


async def test_a_close_that_is_never_answered_ends_after_close_timeout(drive: Drive) -> None:
    server = listening(drive, close_timeout=0.05)
    at_server = Recorder(server)
    peer, raw = await raw_peer(server)
    server.disconnect_peer(peer, 4000, "out")
    await until(lambda: "client_disconnected" in at_server)
    assert at_server.log[-1] == ("client_disconnected", peer, False)
    assert await raw.receive_close() == close_body(4000, "out")
    assert await raw.receive_end() == []
    await raw.close()


async def test_a_client_does_not_wait_for_ever_for_the_answer_to_its_close(drive: Drive) -> None:
    listener = await RawServer.listen()
    client = WebSocketClient()
    client.close_timeout = 0.05
    at_client = Recorder(client)
    client.connect_to_url(listener.url)
    drive.add(client)
    raw = await listener.upgraded()
    await until(lambda: "connection_established" in at_client)
    client.disconnect_from_host(4005, "my reason")
    assert client.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED
    await until(lambda: "connection_closed" in at_client)
    assert at_client.log[-1] == ("connection_closed", False)
    assert await raw.receive_close() == close_body(4005, "my reason")
    await raw.close()
    await listener.close()


async def test_what_comes_after_our_close_is_dropped_and_counted(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False)
    at_server = Recorder(server)
    peer, raw = await raw_peer(server)
    server.disconnect_peer(peer)
    await raw.receive_close()
    await raw.send_frame(b"too late")
    await raw.send_frame(close_body(1000), CLOSE)
    await until(lambda: "client_disconnected" in at_server)
    assert "data_received" not in at_server
    assert server.statistics.drops == {"closing": 1}
    assert at_server.log[-1] == ("client_disconnected", peer, True)
    await raw.close()


async def test_packets_to_a_peer_that_is_closing_are_dropped_and_counted(drive: Drive) -> None:
    server = listening(drive)
    peer, raw = await raw_peer(server)
    server.disconnect_peer(peer)
    server.set_target_peer(peer)
    server.put_packet(b"too late")
    assert server.get_peer(peer).statistics.drops == {"closing": 1}
    assert [message[0] for message in await greeting(raw, 2)] == [3, 1]
    assert await raw.receive_close() == close_body(1000)
    await raw.close()


@pytest.mark.needs_sockets
async def test_without_descriptors_the_listener_rests_and_then_accepts_again(
    drive: Drive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = listening(drive, gd_mp_api=False)
    listener = server.endpoint.engine._listener.sock
    assert listener is not None

    class Exhausted:
        """A listener that finds no free descriptor, once."""

        accepts = 0

        def accept(self) -> object:
            Exhausted.accepts += 1
            raise OSError(24, "Too many open files")

        def __getattr__(self, name: str) -> object:
            return getattr(listener, name)

    monkeypatch.setattr(server.endpoint.engine._listener, "sock", Exhausted())
    with caplog.at_level(logging.WARNING):
        raw = await Raw.dial(server.get_local_port())
        await until(lambda: "no connection can be accepted" in caplog.text)
    monkeypatch.undo()
    assert Exhausted.accepts == 1
    await raw.close()
    peer, raw = await raw_peer(server)
    assert server.has_peer(peer)
    await raw.close()


async def test_half_open_handshakes_disturb_nobody(drive: Drive) -> None:
    server = listening(drive, handshake_timeout=0.05)
    idle = [await Raw.dial(server.get_local_port()) for _ in range(20)]
    for raw in idle[:10]:
        await raw.send(b"GET / HTTP/1.1\r\nHost: ")
    peer, honest = await raw_peer(server)
    await greeting(honest, 2)
    for raw in idle:
        assert (await raw.read_head()).startswith("HTTP/1.1 408 ")
        await raw.receive_end()
        await raw.close()
    await until(lambda: server.statistics.failed_handshakes == 20)
    await honest.send_frame(gd_mp.packet(peer, 1, b"still here"))
    await until(server.get_available_packet_count)
    assert server.get_packet() == b"still here"
    await honest.close()
