"""What ``statistics`` tells of now: what waits in which queue, and the round-trip time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import Statistics
from tests.driving import until
from tests.peers.sockets import listening, raw_peer, stalled_peer
from tests.raw import PING, PONG, Raw

if TYPE_CHECKING:
    from tests.driving import Drive


async def answer_ping(raw: Raw) -> None:
    """Skip frames up to a ping, and answer it."""
    while True:
        received = await raw.receive_frame()
        assert received is not None
        if received.op == PING:
            await raw.send_frame(received.payload, PONG)
            return


async def test_packets_wait_until_they_are_fetched_also_from_who_has_left(drive: Drive) -> None:
    server = listening(drive)
    first, raw = await raw_peer(server)
    second, other = await raw_peer(server)
    for payload in (b"one", b"two"):
        await raw.send_frame(gd_mp.packet(first, 1, payload))
    await other.send_frame(gd_mp.packet(second, 1, b"three"))
    await until(lambda: server.statistics.packets_queued == 3)
    assert server.get_peer(first).statistics.packets_queued == 2
    assert server.get_peer(second).statistics.packets_queued == 1
    await raw.close()
    await until(lambda: not server.has_peer(first))
    assert server.statistics.packets_queued == 3
    assert {server.get_packet() for _ in range(3)} == {b"one", b"two", b"three"}
    assert server.statistics.packets_queued == 0
    assert server.get_peer(first).statistics.packets_queued == 0
    assert server.get_peer(second).statistics.packets_queued == 0
    await other.close()


async def test_in_plain_mode_they_wait_at_their_connection(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False)
    peer, raw = await raw_peer(server)
    await raw.send_frame(b"one")
    await raw.send_frame(b"two")
    await until(lambda: server.statistics.packets_queued == 2)
    assert server.get_peer(peer).statistics.packets_queued == 2
    await raw.close()
    await until(lambda: not server.has_peer(peer))
    assert server.get_peer(peer).get_packet() == b"one"
    assert server.statistics.packets_queued == 1
    assert server.get_peer(peer).statistics.packets_queued == 1


async def test_bytes_wait_for_who_does_not_read(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False, outbound_buffer_size=0)
    slow, raw = await stalled_peer(server)
    connection = server.get_peer(slow)
    assert server.statistics.bytes_queued == connection.statistics.bytes_queued == 0
    for _ in range(100):
        connection.put_packet(bytes(60_000))
    server.flush()
    waiting = server.statistics.bytes_queued
    assert 0 < waiting <= 100 * 60_004
    assert connection.statistics.bytes_queued == waiting
    assert connection.get_current_outbound_buffered_amount() == waiting
    await raw.close()


async def test_the_round_trip_time_of_all_is_that_of_the_slowest(drive: Drive) -> None:
    server = listening(drive, heartbeat_interval=0.05)
    first, raw = await raw_peer(server)
    await answer_ping(raw)
    await until(lambda: server.get_peer(first).statistics.round_trip_time is not None)
    assert server.statistics.round_trip_time == server.get_peer(first).round_trip_time
    await raw.close()
    await until(lambda: not server.has_peer(first))
    assert server.statistics.round_trip_time is None


def test_adding_keeps_the_longer_round_trip_time() -> None:
    total = Statistics()
    for time in (None, 0.25, 0.5, None, 0.125):
        total.add(Statistics(round_trip_time=time))
    assert total.round_trip_time == 0.5
    total = Statistics(packets_queued=1, bytes_queued=20)
    total.add(Statistics(packets_queued=2, bytes_queued=30))
    assert (total.packets_queued, total.bytes_queued) == (3, 50)


async def test_statistics_are_a_copy(drive: Drive) -> None:
    server = listening(drive)
    peer, raw = await raw_peer(server)
    for taken in (server.statistics, server.get_peer(peer).statistics):
        taken.drops["of mine"] += 1
        taken.packets_received += 1
    assert server.statistics.drops == server.get_peer(peer).statistics.drops == {}
    assert server.statistics.packets_received == 0
    await raw.close()
