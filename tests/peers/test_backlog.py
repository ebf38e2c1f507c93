"""What waits for a peer that reads too slowly: ``get_backlog`` and ``peer_drained``."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest
import trio

from multiplayer import Error, MultiplayerError, OfflineMultiplayerPeer, TransferMode
from multiplayer.endpoint.backlog import Backlogs
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from tests.driving import until
from tests.gd_mp_rows import JOINED
from tests.peers.floods import ENVELOPES, flooded
from tests.peers.sockets import narrow
from tests.raw import RawServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.driving import Drive
    from tests.peers.floods import Client, Session
    from tests.raw import Raw

BUFFER: Final = 1 << 18
PACKET: Final = bytes(8000)

each_envelope = pytest.mark.parametrize("envelope", ENVELOPES)
each_way = pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])


def put(
    session: Session, target: int, mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE
) -> None:
    """Send a packet to one client, or to all (0)."""
    server = session.server
    if session.envelope == "plain":
        for client in session.clients:
            if target in (0, client.own):
                server.get_peer(client.own).put_packet(PACKET)
    else:
        server.send_packet(PACKET, target, mode)
    server.flush()


def fill(session: Session, slow: Client, target: int) -> None:
    """Send until three quarters of the buffer wait."""
    for _ in range(1000):
        put(session, target)
        if session.server.get_backlog(slow.own) > 3 * BUFFER // 4:
            return
    pytest.fail("everything is taken")


@pytest.mark.needs_sockets
@each_way
@each_envelope
@pytest.mark.parametrize("to_all", [False, True], ids=["to one", "to all"])
async def test_who_has_stalled_and_reads_on_is_drained_once(
    drive: Drive, envelope: str, secure: bool, to_all: bool
) -> None:
    async with flooded(drive, envelope, buffer=BUFFER, secure=secure) as session:
        slow, quick = await session.join(narrowed=True), await session.join()
        server, drained = session.server, list[tuple[int, int]]()
        server.peer_drained.connect(lambda peer: drained.append((peer, server.get_backlog(peer))))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(quick.read)
            for _ in range(2):
                fill(session, slow, 0 if to_all else slow.own)
                await until(lambda: server.get_backlog(quick.own) == 0)
                assert drained == []
                assert 3 * BUFFER // 4 < server.get_backlog(slow.own) < BUFFER
                while not drained:
                    await slow.sip(1 << 16)
                ((peer, left),) = drained
                assert peer == slow.own
                assert left <= BUFFER // 4
                while server.get_backlog(slow.own):
                    await slow.sip(1 << 16)
                assert len(drained) == 1
                drained.clear()
            nursery.cancel_scope.cancel()
        assert session.left == []


@each_envelope
async def test_who_takes_everything_is_not_told_of(drive: Drive, envelope: str) -> None:
    async with flooded(drive, envelope, buffer=BUFFER) as session:
        quick = await session.join()
        drained: list[int] = []
        session.server.peer_drained.connect(drained.append)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(quick.read)
            for _ in range(200):
                put(session, quick.own)
                await until(lambda: session.server.get_backlog(quick.own) == 0)
            nursery.cancel_scope.cancel()
        assert drained == []


async def test_what_waits_for_the_next_poll_counts() -> None:
    """Of the fan-out each has a share; one packet is for one of them, another for the others."""
    async with flooded(None, "gd_mp") as session:
        server = session.server
        async with trio.open_nursery() as nursery:

            async def poll() -> None:
                while True:
                    server.poll()
                    await trio.lowlevel.checkpoint()

            nursery.start_soon(poll)
            first, other = await session.join(), await session.join()
            await until(lambda: not (server.get_backlog(100) or server.get_backlog(101)))
            nursery.cancel_scope.cancel()
        assert [server.get_backlog(each.own) for each in (first, other)] == [0, 0]
        frame = 2 + 9 + len(b"all")  # RFC 6455 section 5.2, then type and two ids
        server.send_packet(b"all", 0)
        assert [server.get_backlog(each.own) for each in (first, other)] == [frame, frame]
        server.send_packet(b"one", first.own)
        assert [server.get_backlog(each.own) for each in (first, other)] == [2 * frame, frame]
        server.send_packet(b"but", -first.own)
        assert [server.get_backlog(each.own) for each in (first, other)] == [2 * frame, 2 * frame]
        server.flush()
        assert [server.get_backlog(each.own) for each in (first, other)] == [0, 0]


async def test_what_is_unreliable_is_dropped_and_does_not_wait(drive: Drive) -> None:
    async with flooded(drive, "gd_mp", buffer=BUFFER) as session:
        slow = await session.join(narrowed=True)
        fill(session, slow, slow.own)
        before = session.server.get_backlog(slow.own)
        for _ in range(50):
            put(session, slow.own, TransferMode.TRANSFER_MODE_UNRELIABLE)
        assert session.server.get_backlog(slow.own) <= before
        assert session.server.get_peer(slow.own).statistics.drops["unreliable"] == 50


@pytest.mark.much
async def test_who_is_closed_for_it_is_not_drained(drive: Drive) -> None:
    async with flooded(drive, "gd_mp", buffer=BUFFER) as session:
        slow = await session.join(narrowed=True)
        drained: list[int] = []
        session.server.peer_drained.connect(drained.append)
        fill(session, slow, slow.own)
        session.server.disconnect_peer(slow.own)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow.read)
            await until(lambda: session.left == [slow.own])
            nursery.cancel_scope.cancel()
        assert drained == []
        assert session.server.get_backlog(slow.own) == 0


async def test_any_number_of_bytes_may_wait_and_half_of_godots_number_is_much(
    drive: Drive,
) -> None:
    async with flooded(drive, "gd_mp", buffer=0) as session:
        slow = await session.join(narrowed=True)
        drained: list[int] = []
        session.server.peer_drained.connect(drained.append)
        while session.server.get_backlog(slow.own) < 4 * 65535:
            put(session, slow.own)
        while not drained:
            await slow.sip(1 << 16)
        assert drained == [slow.own]
        assert session.server.get_backlog(slow.own) <= 65535 // 4


async def test_a_held_flooder_is_told_of_while_it_is_held(drive: Drive) -> None:
    """What it sends waits, what is sent to it does not."""
    async with flooded(drive, "gd_mp", buffer=BUFFER) as session:
        flooder, victim = await session.join(narrowed=True), await session.join(narrowed=True)
        server, drained = session.server, list[int]()
        server.peer_drained.connect(drained.append)
        async with trio.open_nursery() as nursery:

            async def flood() -> None:
                while not flooder.ended:
                    await flooder.send(flooder.said(victim.own, PACKET))

            nursery.start_soon(flood)
            held = lambda: server.get_peer(flooder.own).statistics.held  # noqa: E731
            await until(held)
            fill(session, flooder, flooder.own)
            while not drained:
                await flooder.sip(1 << 16)
            assert drained == [flooder.own]
            assert held()
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def client_of_a_stalled_server(
    drive: Drive, envelope: str
) -> AsyncIterator[tuple[WebSocketMultiplayerPeer, Raw]]:
    """Our client, and its server's end of the connection, which reads nothing more."""
    listener = await RawServer.listen()
    godot4 = envelope == "godot4"
    client = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
    client.outbound_buffer_size = BUFFER
    if isinstance(client, WebSocketClient):
        client.connect_to_url(listener.url, gd_mp_api=envelope == "gd_mp")
    else:
        client.create_client(listener.url)
    drive.add(client)
    raw = await listener.upgraded()
    greeting = {"gd_mp": JOINED, "godot4": ((77).to_bytes(4, "little"),), "plain": ()}
    for message in greeting[envelope]:
        await raw.send_frame(message)
    await until(lambda: client.get_connection_status() == client.CONNECTION_CONNECTED)
    narrow(client, 1)
    try:
        yield client, raw
    finally:
        client.close()
        with trio.CancelScope(shield=True):
            await raw.close()
            await listener.close()


@pytest.mark.much
@each_envelope
async def test_a_client_tells_what_waits_for_its_server(drive: Drive, envelope: str) -> None:
    async with client_of_a_stalled_server(drive, envelope) as (client, raw):
        drained: list[int] = []
        client.peer_drained.connect(drained.append)
        through = client.get_peer(1) if envelope == "plain" else client
        assert client.get_backlog(1) == 0
        while client.get_backlog(1) < 3 * BUFFER // 4:
            through.put_packet(PACKET)
        assert client.get_backlog(1) == client.get_peer(1).get_current_outbound_buffered_amount()
        assert client.get_backlog(5) == client.get_backlog(1)
        assert drained == []
        while not drained:
            assert await raw.stream.receive_some(1 << 16)
        assert drained == [1]
        assert client.get_backlog(1) <= BUFFER // 4
    assert client.get_backlog(1) == 0


async def test_ids_that_left_have_no_backlog_and_ids_that_never_were_raise(drive: Drive) -> None:
    async with flooded(drive, "gd_mp") as session:
        client = await session.join()
        await client.raw.reset()
        await until(lambda: session.left == [client.own])
        server = session.server
        assert server.get_backlog(client.own) == 0
        assert "departed" not in server.statistics.drops
        with pytest.raises(MultiplayerError) as raised:
            server.get_backlog(12345)
        assert raised.value.code == Error.ERR_DOES_NOT_EXIST


@pytest.mark.parametrize("peer", [OfflineMultiplayerPeer(), WebSocketMultiplayerPeer()])
def test_without_a_connection_nothing_waits(
    peer: OfflineMultiplayerPeer | WebSocketMultiplayerPeer,
) -> None:
    assert peer.get_backlog(1) == 0
    with pytest.raises(MultiplayerError) as raised:
        peer.get_backlog(True)
    assert raised.value.code == Error.ERR_INVALID_PARAMETER


@pytest.mark.parametrize("godot4", [False, True], ids=["gd_mp", "godot4"])
def test_in_memory_a_peer_that_is_paused_is_drained_when_it_goes_on(godot4: bool) -> None:
    network = MemoryNetwork(seed=1)
    if godot4:
        server, client = (network.add(WebSocketMultiplayerPeer()) for _ in range(2))
    else:
        server, client = network.add(WebSocketServer()), network.add(WebSocketClient())
    server.outbound_buffer_size = BUFFER
    drained: list[int] = []
    server.peer_drained.connect(drained.append)
    if isinstance(server, WebSocketServer) and isinstance(client, WebSocketClient):
        server.listen(9080, gd_mp_api=True)
        client.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)
    else:
        server.create_server(9080)
        client.create_client("ws://127.0.0.1:9080")
    network.advance(0.1)
    (peer,) = server.get_peers()
    network.pause(client)
    sent = 0
    while server.get_backlog(peer) <= 3 * BUFFER // 4:
        server.send_packet(PACKET, 0)
        server.flush()
        sent += 1
    network.advance(1.0)
    assert drained == []
    network.resume(client)
    network.advance(0.1)
    assert drained == [peer]
    assert server.get_backlog(peer) == 0
    assert client.get_available_packet_count() == sent


class Line:
    """A connection for which so many bytes wait."""

    buffer_size = 1000

    def __init__(self) -> None:
        self.waiting = 0


def test_full_is_more_than_half_and_drained_a_quarter_or_less() -> None:
    told: list[object] = []
    backlogs, line = Backlogs(told.append), Line()
    for waiting, full, times in (
        (500, False, 0),
        (501, True, 0),
        (251, True, 0),
        (900, True, 0),
        (250, False, 1),
        (251, False, 1),
        (501, True, 1),
        (0, False, 2),
    ):
        line.waiting = waiting
        backlogs.note(line)
        assert (line in backlogs.full) is full
        assert told == [line] * times


def test_after_an_interrupt_nobody_is_told_of_twice() -> None:
    told: list[object] = []
    backlogs, lines = Backlogs(told.append), [Line(), Line(), Line()]
    for line in lines:
        line.waiting = 600
        backlogs.note(line)
    here, was_told, _gone = lines
    backlogs.keep({here, was_told}, {was_told})
    assert [*backlogs.full] == [here]
