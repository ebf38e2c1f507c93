"""Each limit that Godot does not have: what happens there, and that it is counted by name."""

from __future__ import annotations

import struct
import sys

import pytest
import trio

from multiplayer import Limits
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient
from peers.testing import connected_pair
from tests.driving import Drive, Recorder, until
from tests.peers.sessions import FixedServer, fenced
from tests.peers.sockets import listening, raw_peer, stalled_peer
from tests.raw import CONT, PING, Raw, RawServer, close_body, request


def timed(drive: Drive, limits: Limits, *, gd_mp_api: bool = True) -> FixedServer:
    """A server whose clock can be put forward."""
    server = FixedServer()
    server.limits = limits
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=gd_mp_api)
    return drive.add(server)


class FrozenServer(FixedServer):
    """Its clock stands still, but for what the test puts it forward."""

    def now(self) -> float:
        return 1000.0 + self.ahead


async def refused(port: int) -> str:
    """The status line of the answer to a proper request."""
    raw = await Raw.dial(port)
    await raw.send(request(port))
    line = (await raw.read_head()).partition("\r\n")[0]
    await raw.close()
    return line


async def test_max_header_size_holds_for_requests_and_answers(drive: Drive) -> None:
    limits = Limits(max_header_size=300)
    server = listening(drive, limits=limits)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(b"GET /" + b"x" * 300)
    assert (await raw.read_head()).startswith("HTTP/1.1 431 ")
    await raw.close()
    await until(lambda: server.statistics.failed_handshakes == 1)
    assert server.statistics.limits_reached == {"max_header_size": 1}

    listener = await RawServer.listen()
    client = WebSocketClient(limits=limits)
    client.connect_to_url(listener.url)
    drive.add(client)
    raw = await listener.dialled()
    await raw.accept(further=["X: " + "x" * 300])
    await until(lambda: client.failure)
    assert str(client.failure) == "http: the HTTP head has 300 bytes or more"
    assert client.statistics.limits_reached == {"max_header_size": 1}
    await raw.close()
    await listener.close()


async def test_max_fragments_closes_with_1009(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, limits=Limits(max_fragments=5))
    _, raw = await raw_peer(server)
    await raw.send_frame(b"", fin=False)
    for _ in range(5):
        await raw.send_frame(b"", CONT, fin=False)
    assert await raw.receive_close() == close_body(1009, "message in more than 5 fragments")
    assert server.statistics.limits_reached == {"max_fragments": 1}
    assert server.statistics.violations == {"rfc6455_1009": 1}
    await raw.close()


async def test_max_control_frames_closes_with_1008_within_a_second_only(drive: Drive) -> None:
    server = timed(drive, Limits(max_control_frames=5), gd_mp_api=False)
    _, raw = await raw_peer(server)
    for _ in range(2):
        await raw.send(raw.frame(b"", PING) * 5)
        for _ in range(5):
            assert await raw.receive_frame() is not None
        server.ahead += 1.0
    assert server.statistics.limits_reached == {}
    await raw.send(raw.frame(b"", PING) * 11)
    assert await raw.receive_close() == close_body(1008, "too many pings and pongs")
    assert server.statistics.limits_reached == {"max_control_frames": 1}
    await raw.close()


async def test_max_inbox_bytes_stops_the_reading_until_packets_are_fetched(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, limits=Limits(max_inbox_bytes=100_000))
    peer, raw = await raw_peer(server)
    connection = server.get_peer(peer)
    async with trio.open_nursery() as nursery:
        # The socket may not take it all before the server reads on.
        nursery.start_soon(raw.send, raw.frame(bytes(50_000)) * 5)
        await until(lambda: server.statistics.limits_reached == {"max_inbox_bytes": 1})
        waiting = connection.get_available_packet_count()
        assert 2 <= waiting < 5
        for _ in range(5):
            await until(connection.get_available_packet_count)
            assert len(connection.get_packet()) == 50_000
    await raw.close()


async def test_max_outbox_packets_closes_with_4013(drive: Drive) -> None:
    server = listening(
        drive, gd_mp_api=False, outbound_buffer_size=0, limits=Limits(max_outbox_packets=50)
    )
    slow, raw = await stalled_peer(server)
    while server.statistics.drops["overflow"] == 0:
        server.get_peer(slow).put_packet(bytes(1000))
        server.flush()
    assert server.statistics.limits_reached == {"max_outbox_packets": 1}
    await raw.read_head()
    assert await raw.receive_close() == close_body(
        4013, "too slow: more than 50 packets waited to be sent"
    )
    await raw.close()


async def test_max_peers_refuses_with_503_until_one_has_left(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, limits=Limits(max_peers=2))
    port = server.get_local_port()
    _, first = await raw_peer(server)
    _, second = await raw_peer(server)
    assert await refused(port) == "HTTP/1.1 503 Service Unavailable"
    await until(lambda: server.statistics.limits_reached == {"max_peers": 1})
    at_server = Recorder(server)
    await first.close()
    await until(lambda: "client_disconnected" in at_server)
    _, third = await raw_peer(server)
    await second.close()
    await third.close()


async def test_max_peers_per_address_refuses_with_429_until_one_has_left(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, limits=Limits(max_peers_per_address=1))
    _, first = await raw_peer(server)
    assert await refused(server.get_local_port()) == "HTTP/1.1 429 Too Many Requests"
    await until(lambda: server.statistics.limits_reached == {"max_peers_per_address": 1})
    at_server = Recorder(server)
    await first.close()
    await until(lambda: "client_disconnected" in at_server)
    _, second = await raw_peer(server)
    await second.close()


@pytest.mark.needs_sockets
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only one")
async def test_max_peers_per_address_is_for_each_address(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, limits=Limits(max_peers_per_address=1))
    _, first = await raw_peer(server)
    other = trio.socket.socket()
    await other.bind(("127.0.0.2", 0))
    await other.connect(("127.0.0.1", server.get_local_port()))
    await other.send(request(server.get_local_port()))
    assert (await other.recv(100)).startswith(b"HTTP/1.1 101 ")
    other.close()
    await first.close()


async def test_of_too_many_pending_handshakes_the_oldest_gives_way(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, limits=Limits(max_pending_handshakes=3))
    port = server.get_local_port()
    _, member = await raw_peer(server)  # is no pending one any more
    idle = [await Raw.dial(port) for _ in range(3)]
    await until(lambda: len(server.endpoint.links) == 4)
    _, honest = await raw_peer(server)
    assert (await idle[0].read_head()).startswith("HTTP/1.1 503 ")
    assert await idle[0].receive_end() is not None
    await until(lambda: server.statistics.failed_handshakes == 1)
    assert server.statistics.limits_reached == {"max_pending_handshakes": 1}
    await idle[1].send(request(port))  # the others still can
    assert (await idle[1].read_head()).startswith("HTTP/1.1 101 ")
    for raw in (member, honest, *idle):
        await raw.close()


async def test_max_violations_within_the_window_close_with_1008(drive: Drive) -> None:
    limits = Limits(max_violations=3, violation_window=60.0)
    server = listening(drive, limits=limits)
    _, raw = await raw_peer(server)
    for _ in range(3):
        await raw.send_frame(b"short")
    reason = f"too many violations, the last: {gd_mp.Violation.SHORT_PACKET}"
    assert await raw.receive_close() == close_body(1008, reason)
    assert server.statistics.limits_reached == {"max_violations": 1}
    await raw.close()


async def test_violations_outside_the_window_do_not_count(drive: Drive) -> None:
    server = timed(drive, Limits(max_violations=2, violation_window=60.0))
    peer, raw = await raw_peer(server)
    for _ in range(3):
        await raw.send_frame(b"short")
        await fenced(raw)
        server.ahead += 60.1
    assert server.statistics.violations == {"short_packet": 3}
    assert server.has_peer(peer)
    await raw.close()


async def test_max_violations_is_an_attribute_too(drive: Drive) -> None:
    server = listening(drive, limits=Limits(max_peers=7))
    server.max_violations = 2
    assert server.limits == Limits(max_peers=7, max_violations=2)
    peer, raw = await raw_peer(server)
    forged = gd_mp.packet(peer + 1, 0, b"x")
    await raw.send(raw.frame(forged) * 2)
    assert (await raw.receive_close())[:2] == struct.pack("!H", 1008)
    await raw.close()


async def test_godots_limits_are_counted_by_name_too(drive: Drive) -> None:
    sizes = {"inbound_buffer_size": 10, "max_queued_packets": 1}
    server = listening(drive, gd_mp_api=False, limits=Limits(), **sizes)
    peer, raw = await raw_peer(server)
    await raw.send_frame(b"one")
    await until(lambda: server.statistics.packets_queued == 1)
    server.get_peer(peer).get_packet()
    await raw.send_frame(b"more than ten")
    assert (await raw.receive_close())[:2] == struct.pack("!H", 1009)
    assert server.statistics.limits_reached == dict.fromkeys(sizes, 1)
    await raw.close()


async def test_so_is_a_handshake_that_takes_too_long(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, handshake_timeout=0.1)
    late = await Raw.dial(server.get_local_port())
    assert (await late.read_head()).startswith("HTTP/1.1 408 ")
    assert server.statistics.limits_reached == {"handshake_timeout": 1}
    await late.close()


async def test_so_are_pings_without_a_word(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, heartbeat_interval=0.1)
    _, silent = await raw_peer(server)
    await silent.receive_end()
    assert server.statistics.limits_reached == {"heartbeat_interval": 1}
    await silent.close()


async def test_so_is_a_close_frame_without_an_answer(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, close_timeout=0.1)
    closing, deaf = await raw_peer(server)
    server.disconnect_peer(closing)
    await deaf.receive_end()
    await until(lambda: server.statistics.limits_reached["close_timeout"])
    assert server.statistics.limits_reached == {"close_timeout": 1}
    await deaf.close()


def frozen(drive: Drive, limits: Limits) -> FrozenServer:
    """A server in plain mode whose clock stands still."""
    server = FrozenServer()
    server.limits = limits
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    return drive.add(server)


async def test_packets_per_second_drops_and_then_closes_with_1008(drive: Drive) -> None:
    server = frozen(drive, Limits(packets_per_second=10))
    received = Recorder(server)
    peer, raw = await raw_peer(server)
    for _ in range(15):
        await raw.send_frame(b"x")
    await until(lambda: server.statistics.drops["rate"] == 5)
    assert server.get_peer(peer).get_available_packet_count() == 10
    server.ahead += 1.0
    for _ in range(10):
        await raw.send_frame(b"x")
    await until(lambda: server.get_peer(peer).get_available_packet_count() == 20)
    assert server.statistics.limits_reached == {"packets_per_second": 5}
    await raw.send(raw.frame(b"x") * 60)  # five seconds' worth too much end it
    reason = "too many packets or bytes a second"
    assert await raw.receive_close() == close_body(1008, reason)
    assert len(received.of("data_received")) == 20
    await raw.close()


async def test_bytes_per_second_counts_payloads(drive: Drive) -> None:
    server = frozen(drive, Limits(bytes_per_second=1000))
    peer, raw = await raw_peer(server)
    for size in (600, 600, 400):
        await raw.send_frame(bytes(size))
    await until(lambda: server.statistics.drops["rate"] == 1)
    await until(lambda: server.get_peer(peer).get_available_packet_count() == 2)
    assert server.statistics.limits_reached == {"bytes_per_second": 1}
    await raw.send(raw.frame(bytes(600)) * 8)  # five seconds' worth of bytes too much end it
    assert await raw.receive_close() == close_body(1008, "too many packets or bytes a second")
    await raw.close()


def test_which_limits_hold_at_once_for_those_who_are_connected() -> None:
    """As ``docs/limits.md`` says."""
    with connected_pair() as pair:
        server, client = pair
        server.limits = Limits(packets_per_second=2, max_peers=1)
        for _ in range(3):
            client.put_packet(b"x")
        pair.until(lambda: server.statistics.limits_reached["packets_per_second"] == 1)
        server.limits = Limits(packets_per_second=1000, max_peers=1)
        for _ in range(3):
            client.put_packet(b"x")
        pair.until(lambda: server.statistics.limits_reached["packets_per_second"] >= 2)
        server.limits = Limits(max_peers=1)
        packets = server.get_available_packet_count()
        client.put_packet(b"free")
        pair.until(lambda: server.get_available_packet_count() == packets + 1)
        late = WebSocketClient()
        late.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
        pair.until(lambda: [late.poll(), late.failure][1])
        assert late.failure is not None
        assert "503" in late.failure.detail
        assert server.statistics.limits_reached["max_peers"] == 1
