"""One peer that floods, or does not read, among others: who is slowed, who is closed, who is not.

All over sockets with small buffers, so that what is not read waits in the server.
"""

from __future__ import annotations

import logging
import selectors
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import Limits
from multiplayer.endpoint.pressure import NEARLY_FULL
from multiplayer.endpoint.slices import SLICE
from peers import WebSocketClient
from peers.sockets import endpoint_sockets as sockets_module
from tests.driving import pause, until
from tests.peers.floods import ENVELOPES, FIRST, flooded
from tests.raw import CLOSE, close_body

if TYPE_CHECKING:
    from tests.driving import Drive
    from tests.peers.floods import Client, Session

pytestmark = pytest.mark.needs_sockets

BUFFER = 65535
"""``outbound_buffer_size``, in bytes, at first."""


@pytest.fixture(params=["epoll or kqueue", "select"])
def selector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "select":
        monkeypatch.setattr(sockets_module.selectors, "DefaultSelector", selectors.SelectSelector)


def numbered(count: int, size: int) -> list[bytes]:
    """So many payloads of so many bytes, all different."""
    return [b"%06d" % number + bytes(max(0, size - 6)) for number in range(count)]


def from_(sender: Client, reader: Client) -> list[bytes]:
    return [payload for source, payload in reader.heard if source == sender.own]


async def send_all(sender: Client, target: int, payloads: list[bytes]) -> None:
    await sender.send(b"".join(sender.said(target, payload) for payload in payloads))


def reached(session: Session) -> dict[str, int]:
    """Which limits were reached, but for who does not answer a close frame."""
    counts = session.server.statistics.limits_reached
    return {name: count for name, count in counts.items() if name != "close_timeout"}


def times_held(session: Session) -> int:
    return session.server.statistics.times_held


# ------------------------------------------------------------------ who floods


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize(("count", "size"), [(9000, 25), (1000, 300), (75, 4000)])
@pytest.mark.parametrize("floods", [1, 3])
async def test_a_flood_slows_who_floods_and_closes_nobody(
    drive: Drive, envelope: str, count: int, size: int, floods: int
) -> None:
    # What the system takes of it differs by tens of kB between connections.
    limits, buffer = Limits(max_outbox_packets=20_000), 200_000
    async with (
        flooded(drive, envelope, limits, buffer=buffer) as session,
        trio.open_nursery() as nursery,
    ):
        readers = [await session.join(narrowed=True) for _ in range(8)]
        senders = [await session.join() for _ in range(floods)]
        payloads = numbered(count // floods, size)
        for sender in senders:
            nursery.start_soon(sender.read)
            nursery.start_soon(send_all, sender, 0, payloads)
        await until(lambda: session.server.statistics.held)
        for reader in readers:
            nursery.start_soon(partial(reader.read, 8192, paced=True))
        for reader in readers:
            for sender in senders:
                await until(lambda s=sender, r=reader: len(from_(s, r)) >= len(payloads))
                assert from_(sender, reader) == payloads
        assert session.left == []
        assert reached(session) == {}
        await until(lambda: not session.kept)
        assert session.server.statistics.held == 0
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_a_flood_of_tiny_packets_closes_nobody_for_their_number(
    drive: Drive, envelope: str
) -> None:
    async with flooded(drive, envelope) as session, trio.open_nursery() as nursery:
        reader, sender = await session.join(narrowed=True), await session.join()
        payloads = numbered(12_000, 6)
        nursery.start_soon(send_all, sender, 0, payloads)
        await until(lambda: session.server.statistics.held)
        nursery.start_soon(partial(reader.read, 8192, paced=True))
        await until(lambda: len(reader.heard) >= len(payloads))
        assert from_(sender, reader) == payloads
        assert session.left == []
        nursery.cancel_scope.cancel()


async def test_it_is_the_same_without_a_selector_of_its_own(drive: Drive, selector: None) -> None:
    await test_a_flood_slows_who_floods_and_closes_nobody(drive, "gd_mp", 1000, 300, 1)


async def test_it_is_the_same_with_tls(drive: Drive) -> None:
    async with flooded(drive, "gd_mp", secure=True) as session, trio.open_nursery() as nursery:
        reader = await session.join(narrowed=True)
        sender = await session.join()
        nursery.start_soon(sender.read)
        payloads = numbered(600, 300)
        nursery.start_soon(send_all, sender, 0, payloads)
        await until(lambda: session.server.statistics.held)
        nursery.start_soon(partial(reader.read, 8192, paced=True))
        await until(lambda: len(reader.heard) >= len(payloads))
        assert from_(sender, reader) == payloads
        assert session.left == []
        await until(lambda: not session.kept)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_a_flood_to_one_of_many_closes_it_as_little(drive: Drive, envelope: str) -> None:
    async with flooded(drive, envelope) as session, trio.open_nursery() as nursery:
        reader = await session.join(narrowed=True)
        others = [await session.join() for _ in range(8)]
        sender = others[0]
        for other in others:
            nursery.start_soon(other.read)
        payloads = numbered(600, 300)
        await send_all(sender, 0, [b"a word to all"])
        nursery.start_soon(send_all, sender, reader.own, payloads)
        await until(lambda: session.server.statistics.held)
        nursery.start_soon(partial(reader.read, 8192, paced=True))
        await until(lambda: len(reader.heard) > len(payloads))
        assert from_(sender, reader) == [b"a word to all", *payloads]
        assert session.left == []
        nursery.cancel_scope.cancel()


async def test_who_is_held_is_told_of_once_and_not_taken_for_dead(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(relayed_bytes_per_second=1)
    with caplog.at_level(logging.INFO, "peers.websocket.link"):
        async with flooded(drive, "gd_mp", limits) as session, trio.open_nursery() as nursery:
            session.server.heartbeat_interval = 0.02
            # What holds is decided when a server begins to listen.
            session.server.stop()
            session.server.listen(0, gd_mp_api=True)
            reader, sender = await session.join(), await session.join()
            nursery.start_soon(reader.read)
            nursery.start_soon(sender.read)
            for payload in (b"one", b"two", b"three"):
                await sender.send(sender.said(0, payload))
                await until(lambda: session.server.get_peer(sender.own).statistics.times_held or 1)
            await until(lambda: session.server.statistics.held == 1)
            started = trio.current_time()
            await until(lambda: trio.current_time() > started + 0.2)  # ten heartbeats
            assert session.left == []
            counted = session.server.get_peer(sender.own).statistics
            assert (counted.held, counted.times_held) == (1, 1)
            assert counted.limits_reached == {"relayed_bytes_per_second": 1}
            assert session.server.get_peer(reader.own).statistics.held == 0
            nursery.cancel_scope.cancel()
    lines = [record.getMessage() for record in caplog.records if "held" in record.getMessage()]
    assert len(lines) == 1
    assert "relayed_bytes_per_second" in lines[0]


@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_who_sets_off_too_much_goes_on_when_that_time_has_passed(
    drive: Drive, envelope: str
) -> None:
    limits = Limits(relayed_bytes_per_second=10_000)
    async with flooded(drive, envelope, limits) as session, trio.open_nursery() as nursery:
        readers = [await session.join() for _ in range(4)]
        sender = await session.join()
        for client in session.clients:
            nursery.start_soon(client.read)
        payloads = numbered(20, 1000)  # 80 kB at the readers
        await send_all(sender, 0, payloads[:10])
        await until(lambda: all(len(reader.heard) == 10 for reader in readers))
        await send_all(sender, 0, payloads[10:])
        await until(lambda: session.server.statistics.held)
        assert len(readers[0].heard) == 10
        while any(len(reader.heard) < 20 for reader in readers):
            session.put_forward(0.1)
            await pause()
        # 30 kB too many by the first ten; what has been sent since then, after them.
        assert session.server.ahead > 2.5
        for reader in readers:
            assert from_(sender, reader) == payloads
        assert session.left == []
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_two_that_talk_to_each_other_go_on_whoever_else_is_held(
    drive: Drive, envelope: str
) -> None:
    limits = Limits(stall_timeout=0)
    async with flooded(drive, envelope, limits) as session, trio.open_nursery() as nursery:
        pair = [await session.join() for _ in range(2)]
        deaf = [await session.join(narrowed=True) for _ in range(2)]
        for one in pair:
            nursery.start_soon(one.read)
        for one, other in (deaf, deaf[::-1]):
            nursery.start_soon(send_all, one, other.own, numbered(1000, 2000))
        clients = session.server._role.clients
        links = {each.own: clients.link_of(each.own) for each in (*pair, *deaf)}
        await until(lambda: all(links[one.own].held for one in deaf))
        for one in deaf:  # the program fills what is left, and nobody is charged for that
            missing = (NEARLY_FULL + 1) / 2 * BUFFER - links[one.own].outbox.load
            for _ in range(int(missing / 1000)):
                session.send(one, bytes(1000))
        for payload in numbered(10, 20):
            for speaker, listener in (pair, pair[::-1]):
                await send_all(speaker, listener.own, [payload])
                await until(lambda: from_(speaker, listener)[-1:] == [payload])  # noqa: B023
        assert [links[one.own].statistics.times_held for one in pair] == [0, 0]
        assert reached(session) == {}
        nursery.cancel_scope.cancel()


# ------------------------------------------------------------------ who does not read


@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_one_that_sips_holds_nobody_up_and_is_closed(drive: Drive, envelope: str) -> None:
    async with flooded(drive, envelope) as session, trio.open_nursery() as nursery:
        sipper = await session.join(narrowed=True)
        others = [await session.join() for _ in range(20)]
        for other in others:
            nursery.start_soon(other.read)
        nursery.start_soon(partial(sipper.read, 1, paced=True))
        payloads = numbered(20, 500)
        for sender in others:
            nursery.start_soon(send_all, sender, 0, payloads)
        for reader in others:
            for sender in others:
                if sender is not reader:
                    await until(lambda s=sender, r=reader: len(from_(s, r)) >= len(payloads))
                    assert from_(sender, reader) == payloads
        await until(lambda: sipper.own in session.left)
        assert session.left == [sipper.own] * len(session.left)
        assert times_held(session) == 0
        assert reached(session) == {"outbound_buffer_size": 1}
        await until(lambda: not session.kept)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_one_that_is_behind_and_takes_too_little_in_time_is_closed_with_4013(
    drive: Drive, envelope: str
) -> None:
    async with flooded(drive, envelope) as session, trio.open_nursery() as nursery:
        sipper = await session.join(narrowed=True)
        others = [await session.join() for _ in range(4)]
        for other in others:
            nursery.start_soon(other.read)
        sender = others[0]
        while not session.server.endpoint.holding.stalls.terms:
            await sender.send(sender.said(0, bytes(500)))
            await pause()
        assert session.server.get_peer(sipper.own).get_current_outbound_buffered_amount() < BUFFER
        while sipper.own not in session.left:
            if not reached(session):
                session.put_forward(0.1)
            await sipper.sip(8192 if reached(session) else 1)
            await pause()
        assert 4.5 < session.server.ahead < 10.0
        assert sipper.closed_with == 4013
        assert reached(session) == {"stall_timeout": 1}
        assert {*session.left} == {sipper.own}
        assert times_held(session) == 0
        nursery.cancel_scope.cancel()


# Time goes on here with each turn of the test; beside asyncio, turns are not shared out evenly.
@pytest.mark.parametrize("drive", ["polled", "run"], indirect=True)
@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_two_that_flood_each_other_and_read_nothing_both_end_in_bounded_time(
    drive: Drive, envelope: str
) -> None:
    async with flooded(drive, envelope) as session, trio.open_nursery() as nursery:
        both = [await session.join(narrowed=True) for _ in range(2)]
        honest = [await session.join() for _ in range(2)]
        for client in honest:
            nursery.start_soon(client.read)
        flood = numbered(5000, 500)
        nursery.start_soon(send_all, both[0], both[1].own, flood)
        nursery.start_soon(send_all, both[1], both[0].own, flood)
        await until(lambda: session.server.statistics.held == 2)
        ids = {client.own for client in both}
        number = 0
        # Of the second little may wait, once nobody sends it anything: it holds nobody up then.
        while not session.left or session.server.statistics.held:
            session.put_forward(0.1)
            number += 1
            await honest[0].send(honest[0].said(honest[1].own, b"%d" % number))
            await until(lambda n=number: len(honest[1].heard) == n)
        assert session.server.ahead <= 10.0 + 1.0  # twice stall_timeout, and close_timeout
        assert {*session.left} <= ids
        assert session.server.statistics.limits_reached["stall_timeout"] >= 1
        await until(lambda: not session.kept)
        nursery.cancel_scope.cancel()


async def test_who_sends_itself_what_it_does_not_read_is_closed_too(drive: Drive) -> None:
    """What a program answers is charged to who asked."""
    async with flooded(drive, "plain") as session, trio.open_nursery() as nursery:
        server = session.server
        server.data_received.disconnect(session._pass_on)

        @server.data_received.connect
        def echo(sender: int) -> None:
            peer = server.get_peer(sender)
            peer.put_packet(peer.get_packet())

        client = await session.join(narrowed=True)
        nursery.start_soon(send_all, client, 0, numbered(2000, 500))
        await until(lambda: session.server.statistics.held == 1)
        assert server.get_peer(client.own).get_current_outbound_buffered_amount() < BUFFER
        while client.own not in session.left:
            session.put_forward(0.1)
            await pause()
        assert reached(session) == {"stall_timeout": 1}
        nursery.cancel_scope.cancel()


async def test_a_client_that_is_held_does_not_take_its_server_for_stalled(drive: Drive) -> None:
    limits = Limits(relayed_bytes_per_second=1)
    async with flooded(drive, "gd_mp", limits) as session, trio.open_nursery() as nursery:
        reader = await session.join()
        nursery.start_soon(reader.read)
        client = WebSocketClient()
        client.outbound_buffer_size = 1 << 20
        client.connect_to_url(f"ws://127.0.0.1:{session.server.get_local_port()}", gd_mp_api=True)
        drive.add(client)
        await until(lambda: client.get_connection_status() == client.CONNECTION_CONNECTED)
        while 2 * client.get_peer(1).get_current_outbound_buffered_amount() < 1 << 20:
            client.put_packet(bytes(20_000))
            await pause()
        assert not client.endpoint.holding.stalls.terms
        nursery.cancel_scope.cancel()


async def test_what_the_program_sends_by_itself_closes_who_is_behind_as_ever(drive: Drive) -> None:
    async with flooded(drive, "gd_mp") as session:
        reader = await session.join(narrowed=True)
        while not session.server.statistics.drops["overflow"]:
            session.server.set_target_peer(reader.own)
            session.server.put_packet(bytes(5000))
            await pause()
        assert times_held(session) == 0
        assert reached(session) == {"outbound_buffer_size": 1}


# ------------------------------------------------------------------ what ends while one is held


async def held(session: Session, nursery: trio.Nursery) -> tuple[Client, Client, list[bytes]]:
    """One that is held, one that it floods and that reads nothing yet, and what it has sent."""
    reader = await session.join(narrowed=True)
    sender = await session.join()
    payloads = numbered(400, 300)
    nursery.start_soon(send_all, sender, 0, payloads)
    await until(lambda: session.server.statistics.held == 1)
    return sender, reader, payloads


@pytest.mark.parametrize("ending", ["close frame", "end of the stream"])
@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_what_one_has_sent_that_leaves_while_it_is_held_arrives_before_its_leaving(
    drive: Drive, envelope: str, ending: str
) -> None:
    async with flooded(drive, envelope) as session, trio.open_nursery() as nursery:
        reader = await session.join(narrowed=True)
        sender = await session.join()
        payloads = numbered(400, 300)
        data = b"".join(sender.said(0, payload) for payload in payloads)
        if ending == "close frame":
            data += sender.raw.frame(close_body(1000), CLOSE)
        await sender.send(data)
        await until(lambda: session.server.statistics.held == 1)
        if ending == "end of the stream":
            await sender.raw.stream.send_eof()
        nursery.start_soon(partial(reader.read, 4096, paced=True))
        await until(lambda: sender.own in session.left)
        await until(lambda: len(reader.heard) == len(payloads))
        assert from_(sender, reader) == payloads
        await until(lambda: not session.kept)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_one_that_is_held_goes_on_when_who_did_not_read_has_left(
    drive: Drive, envelope: str
) -> None:
    async with flooded(drive, envelope) as session, trio.open_nursery() as nursery:
        sender, reader, _ = await held(session, nursery)
        other = await session.join()
        nursery.start_soon(other.read)
        await reader.raw.reset()
        await until(lambda: not session.server.statistics.held)
        await sender.send(sender.said(other.own, b"still here"))
        await until(lambda: (sender.own, b"still here") in other.heard)
        await until(lambda: not session.kept)
        assert {*session.left} == {reader.own}
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("force", [False, True])
async def test_one_that_is_disconnected_while_it_is_held_is_gone(drive: Drive, force: bool) -> None:
    async with flooded(drive, "gd_mp") as session, trio.open_nursery() as nursery:
        sender, reader, _ = await held(session, nursery)
        session.server.disconnect_peer(sender.own, force)
        nursery.start_soon(sender.read)
        await until(lambda: sender.closed_with == 1000)
        await until(lambda: sender.own not in session.server.get_peers())
        assert sender.own in session.left or force
        nursery.start_soon(reader.read)
        await until(lambda: not session.kept)
        assert session.server.get_peers() == [reader.own]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("how", ["begin_leaving", "stop", "end_at_once"])
async def test_a_server_ends_while_somebody_is_held(drive: Drive, how: str) -> None:
    async with flooded(drive, "gd_mp") as session, trio.open_nursery() as nursery:
        sender, reader, _ = await held(session, nursery)
        server = session.server
        if how == "end_at_once":
            server.end_at_once(1001)
        elif how == "stop":
            server.stop()
        else:
            server.begin_leaving(1001)
        nursery.start_soon(sender.read)
        nursery.start_soon(reader.read)
        await until(lambda: not server.endpoint.links)
        await until(lambda: sender.ended)
        assert session.kept == []
        assert not server.endpoint.pressing
        nursery.cancel_scope.cancel()


# ------------------------------------------------------------------ the budget of a poll


@pytest.mark.parametrize("envelope", ENVELOPES)
async def test_a_burst_is_worked_off_in_slices_and_others_have_their_turn_between(
    nursery: trio.Nursery, envelope: str
) -> None:
    async with flooded(None, envelope) as session, trio.open_nursery() as reading:
        server = session.server

        async def joined() -> Client:
            with trio.CancelScope() as scope:
                nursery.start_soon(poll_until_cancelled, scope)
                client = await session.join()
                scope.cancel()
            return client

        async def poll_until_cancelled(scope: trio.CancelScope) -> None:
            while not scope.cancel_called:
                server.poll()
                await pause()

        burster, other, reader = await joined(), await joined(), await joined()
        for client in (burster, other, reader):
            reading.start_soon(client.read)
        burst = numbered(2500, 6)
        await send_all(burster, 0, burst)
        await send_all(other, 0, [b"one word"])
        received = server.statistics.packets_received
        counts: list[int] = []
        while not counts or sum(counts) < len(burst) + 1:
            server.poll()
            before, received = received, server.statistics.packets_received
            counts.append(received - before)
            assert len(counts) < len(burst) // SLICE + 3
            if len(counts) == 1:
                assert server.get_peer(other.own).statistics.packets_received == 1
            if received < FIRST:
                assert server.endpoint.next_deadline() < 0
        assert max(counts) <= SLICE + 1
        await until(lambda: len(reader.heard) == len(burst) + 1)
        assert from_(burster, reader) == burst
        await until(lambda: len(other.heard) == len(burst))
        assert from_(burster, other) == burst
        assert from_(burster, other) == burst
        assert from_(other, reader) == [b"one word"]
        assert session.kept == []
        reading.cancel_scope.cancel()
