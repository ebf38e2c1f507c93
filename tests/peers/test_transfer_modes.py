"""What becomes of packets of each mode while a real socket takes no more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from multiplayer import TransferMode
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient
from tests.driving import Drive, Recorder, pause, until
from tests.gd_mp_rows import JOINED, SELF
from tests.peers.sessions import fenced
from tests.peers.sockets import AGREED, listening, narrow, raw_peer, stalled_peer
from tests.raw import CLOSE, RawServer, close_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from peers import WebSocketServer
    from tests.raw import Raw

UNRELIABLE: Final = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED: Final = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE

LAST_WORD: Final = b"that is all"
FILLER: Final = bytes(500)

agreeing = pytest.mark.parametrize("headers", [(), AGREED], ids=["Godot", "agreed"])
"""For a receiver that understands Godot's bytes only, and for one of ours."""


def numbered(letter: str, count: int) -> list[bytes]:
    return [f"{letter}{number}".encode() for number in range(count)]


async def fill(put: Callable[[], object], waiting: Callable[[], int]) -> None:
    """Put until the socket takes no more, and then a while nothing."""
    while True:
        before = waiting()
        for _ in range(5):
            await pause()
        if before == waiting() > 5000:
            return
        put()


async def block(server: WebSocketServer, peer: int) -> None:
    """Send to a stalled peer until its socket is blocked; further packets go to it too."""
    server.set_target_peer(peer)
    server.transfer_mode = RELIABLE

    def put() -> None:
        server.put_packet(FILLER)
        server.flush()

    await fill(put, server.get_peer(peer).get_current_outbound_buffered_amount)


def put(server: WebSocketServer, mode: TransferMode, *packets: bytes) -> None:
    server.transfer_mode = mode
    for packet in packets:
        server.put_packet(packet)
        server.flush()


async def read(raw: Raw, *, last: bytes = LAST_WORD) -> list[bytes]:
    """The payloads of all packets up to ``last``, without announcements and fillers."""
    packets: list[bytes] = []
    while not packets or packets[-1] != last:
        message = await raw.receive_message()
        if message[0] & 3 == 0 and gd_mp.payload_of(message) != FILLER:
            packets.append(gd_mp.payload_of(message))
    return packets[:-1]


# ------------------------------------------------------------------ the rows


@agreeing
async def test_reliable_packets_all_arrive_in_order(drive: Drive, headers: tuple[str, ...]) -> None:
    server = listening(drive)
    peer, raw = await stalled_peer(server, headers)
    await block(server, peer)
    sent = numbered("r", 1000)
    put(server, RELIABLE, *sent, LAST_WORD)
    await raw.read_head()
    assert await read(raw) == sent
    assert server.statistics.drops == {}
    await raw.close()


@agreeing
async def test_unreliable_packets_are_dropped_and_not_delayed(
    drive: Drive, headers: tuple[str, ...]
) -> None:
    server = listening(drive)
    peer, raw = await stalled_peer(server, headers)
    await block(server, peer)
    sent_before = server.get_peer(peer).statistics.packets_sent
    waiting = server.get_peer(peer).get_current_outbound_buffered_amount()
    put(server, UNRELIABLE, *numbered("u", 1000))
    assert server.get_peer(peer).get_current_outbound_buffered_amount() == waiting
    assert server.get_peer(peer).statistics.drops == {"unreliable": 1000}
    assert server.statistics.drops == {"unreliable": 1000}
    assert server.get_peer(peer).statistics.packets_sent == sent_before
    put(server, RELIABLE, LAST_WORD)
    await raw.read_head()
    assert await read(raw) == []
    # As soon as the socket takes everything again, they arrive.
    put(server, UNRELIABLE, b"fresh")
    put(server, RELIABLE, LAST_WORD)
    assert await read(raw) == [b"fresh"]
    assert server.statistics.drops == {"unreliable": 1000}
    await raw.close()


@agreeing
async def test_unreliable_ordered_packets_keep_their_order_and_the_oldest_are_lost(
    drive: Drive, headers: tuple[str, ...]
) -> None:
    server = listening(drive, max_unreliable_ordered=10)
    peer, raw = await stalled_peer(server, headers)
    await block(server, peer)
    ordered, reliable = numbered("o", 100), numbered("r", 10)
    for number, packet in enumerate(reliable):
        put(server, ORDERED, *ordered[10 * number : 10 * number + 5])
        put(server, RELIABLE, packet)
        put(server, ORDERED, *ordered[10 * number + 5 : 10 * number + 10])
    put(server, RELIABLE, LAST_WORD)
    assert server.get_peer(peer).statistics.drops == {"unreliable_ordered": 90}
    assert server.statistics.drops == {"unreliable_ordered": 90}
    await raw.read_head()
    # The last ten, each in its place among the reliable ones.
    assert await read(raw) == [*reliable[:9], *ordered[90:95], reliable[9], *ordered[95:]]
    await raw.close()


async def test_by_default_64_unreliable_ordered_packets_wait(drive: Drive) -> None:
    server = listening(drive)
    assert server.max_unreliable_ordered == 64
    peer, raw = await stalled_peer(server)
    await block(server, peer)
    sent = numbered("o", 65)
    put(server, ORDERED, *sent)
    put(server, RELIABLE, LAST_WORD)
    await raw.read_head()
    assert await read(raw) == sent[1:]
    await raw.close()


@pytest.mark.parametrize("mode", [UNRELIABLE, ORDERED])
async def test_nothing_is_dropped_that_was_put_in_one_tick_for_a_free_socket(
    drive: Drive, mode: TransferMode
) -> None:
    server = listening(drive, max_unreliable_ordered=1)
    peer, raw = await raw_peer(server)
    await fenced(raw)
    server.set_target_peer(peer)
    server.transfer_mode = mode
    sent = numbered("x", 2000)
    for packet in sent:
        server.put_packet(packet)
    server.transfer_mode = RELIABLE
    server.put_packet(LAST_WORD)
    assert await read(raw) == sent
    assert server.statistics.drops == {}
    await raw.close()


# ------------------------------------------------------------------ memory, and the others


async def test_memory_stays_bounded_and_the_others_notice_nothing(drive: Drive) -> None:
    server = listening(drive, max_unreliable_ordered=8)
    slow, raw = await stalled_peer(server)
    await block(server, slow)
    quick, other = await raw_peer(server)
    await fenced(other)
    waiting = server.get_peer(slow).get_current_outbound_buffered_amount
    bound = waiting() + 200 * (len(b"r999") + 11) + 8 * (1000 + 13) + 100
    server.set_target_peer(0)
    for number in range(200):
        sent = [b"%d" % number + bytes(990), b"%d" % number + bytes(900), b"r%d" % number]
        for packet, server.transfer_mode in zip(sent, (UNRELIABLE, ORDERED, RELIABLE), strict=True):
            server.put_packet(packet)
        server.flush()
        assert [(await other.receive_message())[9:] for _ in sent] == sent
        assert waiting() < bound
    assert server.get_peer(slow).statistics.drops == {"unreliable": 200, "unreliable_ordered": 192}
    assert server.get_peer(quick).statistics.drops == {}
    assert server.has_peer(slow)
    await raw.read_head()
    arrived = await read(raw, last=b"r199")
    assert [packet for packet in arrived if packet[:1] == b"r"] == numbered("r", 199)
    ordered = [int(packet.rstrip(b"\0")) for packet in arrived if packet[:1] != b"r"]
    assert ordered == [*range(192, 200)]
    await raw.close()
    await other.close()


async def test_only_reliable_packets_overflow(drive: Drive) -> None:
    server = listening(drive, outbound_buffer_size=20_000)
    at_server = Recorder(server)
    peer, raw = await stalled_peer(server)
    await block(server, peer)
    put(server, ORDERED, *(bytes(1000) for _ in range(100)))
    put(server, UNRELIABLE, *(bytes(1000) for _ in range(100)))
    assert server.get_peer(peer).get_current_outbound_buffered_amount() > 64_000
    assert server.statistics.drops == {"unreliable_ordered": 36, "unreliable": 100}
    while server.statistics.drops["overflow"] == 0:
        put(server, RELIABLE, bytes(1000))
    await raw.read_head()
    assert (await raw.receive_close())[:2] == (4013).to_bytes(2)
    await raw.send_frame(close_body(4013), CLOSE)
    await until(lambda: "client_disconnected" in at_server)
    await raw.close()


# ------------------------------------------------------------------ relaying, and our client


async def test_a_relay_keeps_to_the_mode_that_the_sender_chose(drive: Drive) -> None:
    server = listening(drive, max_unreliable_ordered=3)
    slow, raw = await stalled_peer(server, AGREED)
    await block(server, slow)
    sender, ours = await raw_peer(server, AGREED)
    other_sender, godot = await raw_peer(server)
    for mode, letter in ((UNRELIABLE, "u"), (ORDERED, "o"), (RELIABLE, "r")):
        for packet in numbered(letter, 20):
            await ours.send_frame(gd_mp.packet(sender, slow, packet, mode, 4))
    await fenced(ours)
    for packet in (*numbered("g", 20), LAST_WORD):
        await godot.send_frame(gd_mp.packet(other_sender, slow, packet))
    await fenced(godot)
    # Whose fault it is: the receiver's.
    assert server.get_peer(slow).statistics.drops == {"unreliable": 20, "unreliable_ordered": 17}
    assert server.get_peer(sender).statistics.drops == {}
    await raw.read_head()
    reliable, from_godot = numbered("r", 20), numbered("g", 20)
    assert await read(raw) == [*numbered("o", 20)[17:], *reliable, *from_godot]
    for end in (raw, ours, godot):
        await end.close()


@agreeing
async def test_a_client_does_the_same_while_its_server_stalls(
    drive: Drive, headers: tuple[str, ...]
) -> None:
    listener = await RawServer.listen(receive_buffer=4096)
    client = WebSocketClient()
    client.max_unreliable_ordered = 5
    connected = Recorder(client)
    client.connect_to_url(listener.url, gd_mp_api=True)
    drive.add(client)
    raw = await listener.upgraded(headers)
    for announcement in JOINED:
        await raw.send_frame(announcement)
    await until(lambda: "connection_succeeded" in connected)
    narrow(client, 1)
    waiting = client.get_peer(1).get_current_outbound_buffered_amount
    await fill(lambda: client.put_packet(FILLER), waiting)
    for mode, letter in ((UNRELIABLE, "u"), (ORDERED, "o"), (RELIABLE, "r")):
        client.transfer_mode = mode
        for packet in numbered(letter, 50):
            client.put_packet(packet)
    client.put_packet(LAST_WORD)
    assert client.statistics.drops == {"unreliable": 50, "unreliable_ordered": 45}
    assert client.get_peer(1).statistics.drops == client.statistics.drops
    assert await read(raw) == [*numbered("o", 50)[45:], *numbered("r", 50)]
    assert client.get_unique_id() == SELF
    await raw.close()
    await listener.close()
