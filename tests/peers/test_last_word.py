"""What was sent arrives before the close frame does, also at who reads both at once.

A Godot 4.6 engine loses the messages that it reads in the same poll as a close frame;
``tests.engine_like`` plays it.
"""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import ConnectionStatus
from multiplayer.wire.envelopes.godot4 import id_message
from peers import WebSocketMultiplayerPeer, WebSocketServer, connect, serve
from peers.websocket.events import ReadyState
from tests.driving import PATIENCE, Recorder, until
from tests.engine_like import EngineLike
from tests.peers import sessions, test_godot4_peer
from tests.peers.sockets import narrow
from tests.peers.test_serve_godot4 import SERVE, posix
from tests.peers.test_serve_godot4 import listening as relay_port
from tests.programs import started
from tests.raw import BINARY, CLOSE, PING, Raw, RawServer, close_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.driving import Drive

DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED
WORDS = [b"one", b"two", b"the last word"]


class Side:
    """One of our peers, and the other side of its connection, which plays an engine."""

    def __init__(self, peer: WebSocketMultiplayerPeer, other: int, raw: Raw) -> None:
        self.peer = peer
        self.other = other
        self.raw = raw
        self.engine = EngineLike(raw)
        self.connection = peer.get_peer(other)

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            if self.peer.is_plain():
                self.connection.put_packet(packet)
            else:
                self.peer.set_target_peer(self.other)
                self.peer.put_packet(packet)

    async def all_is_sent(self) -> None:
        """Wait until nothing more leaves before the other side answers something."""
        self.peer.flush()
        await until(lambda: self.connection.get_ready_state() != ReadyState.STATE_OPEN)
        await until(lambda: not self.connection.get_current_outbound_buffered_amount())


@asynccontextmanager
async def side_of(drive: Drive, what: str) -> AsyncIterator[Side]:
    """``what``: which of ours, in which mode."""
    ours, mode = what.split()
    if ours == "server":
        if mode == "plain":
            server = sessions.listening(drive, 5, gd_mp_api=False, close_timeout=30.0)
        else:
            server = test_godot4_peer.serving(drive, 5, close_timeout=30.0)
        raw = await Raw.connect(server.get_local_port())
        if mode == "godot4":
            assert await raw.receive_message() == id_message(5)
        await until(lambda: 5 in server._role.clients.members)
        try:
            yield Side(server, 5, raw)
        finally:
            await raw.close()
    elif mode == "plain":
        async with sessions.client_of(drive, (), gd_mp_api=False, close_timeout=30.0) as (
            client,
            raw,
        ):
            yield Side(client, 1, raw)
    else:
        async with test_godot4_peer.client_of(drive, close_timeout=30.0) as (client, raw, heard):
            await raw.send_frame(id_message(5))
            await until(lambda: "connection_succeeded" in heard)
            yield Side(client, 1, raw)


WAYS: dict[str, Callable[[Side], object]] = {
    "disconnect_peer": lambda side: side.peer.disconnect_peer(side.other),
    "get_peer().close": lambda side: side.connection.close(4001, "bye"),
    "begin_leaving": lambda side: side.peer.begin_leaving(),
    "expel_peer": lambda side: side.peer.expel_peer(side.other, "out"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", ["server godot4", "server plain", "client godot4", "client plain"])
async def test_the_last_word_arrives(drive: Drive, what: str, way: str) -> None:
    async with side_of(drive, what) as side:
        side.send(*WORDS)
        WAYS[way](side)
        side.send(b"too late")
        await side.all_is_sent()
        await side.engine.play()
        assert side.engine.packets == WORDS
        assert side.engine.lost == []
        assert side.engine.close is not None
        await until(lambda: side.connection.get_ready_state() == ReadyState.STATE_CLOSED)
        assert side.connection.failure is None
        assert side.connection.statistics.drops == {"closing": 1}


@pytest.mark.parametrize("what", ["server godot4", "client plain"])
async def test_much_that_the_socket_does_not_take_at_once_arrives_too(
    drive: Drive, what: str
) -> None:
    async with side_of(drive, what) as side:
        narrow(side.peer, side.other)
        packets = [bytes([number]) * 60_000 for number in range(30)]
        for packet in packets:
            side.send(packet)
            side.peer.flush()
            if side.connection.get_current_outbound_buffered_amount():
                break
        sent = packets[: packets.index(packet) + 1]
        side.peer.disconnect_peer(side.other)
        await side.engine.play()
        assert side.engine.packets == sent
        assert side.engine.lost == []


async def test_a_broadcast_arrives_before_the_close_frames(drive: Drive) -> None:
    server = test_godot4_peer.serving(drive, close_timeout=30.0)
    engines = [EngineLike(await Raw.connect(server.get_local_port())) for _ in range(3)]
    await until(lambda: len(server.get_peers()) == 3)
    server.set_target_peer(0)
    server.put_packet(b"this room closes")
    server.begin_leaving()
    members = server._role.clients.members
    await until(lambda: all(each.channel.outbox.waiting == 0 for each in members.values()))
    async with trio.open_nursery() as nursery:
        for engine in engines:
            nursery.start_soon(engine.play)
    assert [engine.packets[1:] for engine in engines] == [[b"this room closes"]] * 3
    await until(lambda: server.get_connection_status() == DISCONNECTED)


@pytest.mark.parametrize("what", ["server godot4", "client godot4", "client plain"])
async def test_by_force_and_at_once_nothing_is_waited_for(drive: Drive, what: str) -> None:
    async with side_of(drive, what) as side:
        side.send(b"lost at an engine")
        if what == "server godot4":
            side.peer.disconnect_peer(side.other, force=True)
        else:
            side.peer.close()
        side.peer.flush()
        frames = [(each.op, each.payload) for each in await two(side.raw)]
        assert frames == [(BINARY, b"lost at an engine"), (CLOSE, close_body(1000))]


async def two(raw: Raw) -> list[object]:
    return [await raw.receive_frame(), await raw.receive_frame()]


@pytest.mark.parametrize("what", ["server plain", "client godot4"])
async def test_who_stops_while_waiting_says_the_code_that_was_asked_for(
    drive: Drive, what: str
) -> None:
    async with side_of(drive, what) as side:
        side.send(b"word")
        side.connection.close(4001, "bye")
        side.peer.close()
        frames = [(each.op, each.payload[:6]) for each in await side.raw.receive_end()]
        assert frames[0] == (BINARY, b"word")
        assert frames[-1] == (CLOSE, close_body(4001, "bye")[:6])


@pytest.mark.parametrize("what", ["server godot4", "client plain"])
async def test_a_close_frame_meanwhile_is_answered_at_once(drive: Drive, what: str) -> None:
    async with side_of(drive, what) as side:
        side.send(b"word")
        side.connection.close(4001, "ours")
        ping = (await two(side.raw))[1]
        assert ping.op == PING
        await side.raw.send_frame(close_body(4002, "theirs"), CLOSE)
        assert await side.raw.receive_close() == close_body(4002, "theirs")
        assert await side.raw.receive_end() == []
        await until(lambda: side.connection.get_ready_state() == ReadyState.STATE_CLOSED)
        assert side.connection.get_close_code() == 4002
        assert side.connection.failure is None


async def test_a_violation_meanwhile_is_answered_and_told(drive: Drive) -> None:
    async with side_of(drive, "server plain") as side:
        heard = Recorder(side.peer)
        side.send(b"word")
        side.connection.close(4001, "ours")
        await two(side.raw)
        await side.raw.send_frame(b"", 3)
        assert (await side.raw.receive_close())[:2] == close_body(1002)
        await until(lambda: heard.of("client_disconnected") == [(5, False)])
        assert side.connection.failure is not None
        assert side.connection.failure.stage == "protocol"


@pytest.mark.parametrize("what", ["server godot4", "client plain"])
async def test_without_a_pong_it_closes_all_the_same(drive: Drive, what: str) -> None:
    async with side_of(drive, what) as side:
        peer = side.peer
        assert isinstance(peer, test_godot4_peer.FixedIds | sessions.WebSocketClient)
        side.send(b"word")
        side.connection.close(4001, "bye")
        assert [each.op for each in await two(side.raw)] == [BINARY, PING]
        link = side.connection._link
        assert link is not None
        link.wait_until(peer.now())  # as if close_timeout were over
        peer.wake()
        assert await side.raw.receive_close() == close_body(4001, "bye")
        link.wait_until(peer.now())
        peer.wake()
        await until(lambda: side.connection.get_ready_state() == ReadyState.STATE_CLOSED)
        assert str(side.connection.failure) == "timeout: no answer to our close within 30 s"


async def test_a_gd_mp_client_that_never_polls_again_still_leaves_cleanly() -> None:
    """Its close frame needs no pong: Godot 3, and we, deliver what comes with it."""
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    client = sessions.WebSocketClient()
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
    while client.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTED:
        server.poll()
        client.poll()
    heard = Recorder(server)
    peer = client.get_unique_id()
    client.put_packet(b"the last word")
    client.disconnect_from_host(4001, "bye")
    with trio.fail_after(PATIENCE):
        while "client_disconnected" not in heard:
            server.poll()
            await trio.lowlevel.checkpoint()
    assert heard.log == [
        ("peer_packet", peer),
        ("client_close_request", peer, 4001, "bye"),
        ("peer_disconnected", peer),
        ("client_disconnected", peer, True),
    ]
    client.close()
    server.stop()


# ------------------------------------------------------------------ blocks and programs


@pytest.mark.parametrize("mode", ["godot4", "plain"])
async def test_the_end_of_a_connect_block_waits_for_the_last_word(mode: str) -> None:
    listener = await RawServer.listen()
    engines: list[EngineLike] = []

    async def play() -> None:
        raw = await listener.upgraded()
        if mode == "godot4":
            await raw.send_frame(id_message(7))
        engines.append(EngineLike(raw))
        await said.wait()
        await engines[0].play()

    said = trio.Event()
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(play)
            if mode == "godot4":
                async with connect(listener.url, peer=WebSocketMultiplayerPeer()) as client:
                    client.put_packet(b"word")
                    said.set()
            else:
                async with connect(listener.url, gd_mp_api=False) as plain:
                    plain.get_peer(1).put_packet(b"word")
                    said.set()
    assert engines[0].packets == [b"word"]
    assert engines[0].close == close_body(1000)
    await listener.close()


async def test_the_end_of_a_serve_block_waits_for_the_last_word_of_all_at_once() -> None:
    with trio.fail_after(PATIENCE):
        async with (
            trio.open_nursery() as nursery,
            serve(0, peer=WebSocketMultiplayerPeer()) as server,
        ):
            raws = [await Raw.connect(server.get_local_port()) for _ in range(5)]
            engines = [EngineLike(raw) for raw in raws]
            await until(lambda: len(server.get_peers()) == 5)
            server.set_target_peer(0)
            server.put_packet(b"this room closes")
            for engine in engines:
                nursery.start_soon(engine.play)
    assert [engine.packets[1:] for engine in engines] == [[b"this room closes"]] * 5
    assert {engine.close for engine in engines} == {close_body(1000)}


@pytest.mark.filterwarnings("ignore:a socket is waited for under a clock that jumps")
async def test_who_answers_nothing_holds_up_nobody_for_more_than_twice_close_timeout(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """300 of them, all at once, by trio's clock."""
    del autojump_clock

    class Timed(WebSocketMultiplayerPeer):
        def now(self) -> float:
            return trio.current_time()

    server = Timed()
    raws: list[Raw] = []
    async with serve(0, peer=server):
        for _ in range(300):
            raws.append(await Raw.connect(server.get_local_port()))
            await raws[-1].receive_message()
        assert len(server.get_peers()) == 300
        server.set_target_peer(0)
        server.put_packet(b"word")
        begun = trio.current_time()
    assert 6.0 <= trio.current_time() - begun < 6.5
    assert server.get_connection_status() == DISCONNECTED
    assert server.statistics.limits_reached == {"close_timeout": 300}
    for raw in raws:
        ops = [each.op for each in await raw.receive_end()]
        assert ops == [BINARY, PING, CLOSE]
        await raw.close()


@posix
async def test_a_relay_that_is_told_to_stop_waits_for_the_last_word() -> None:
    with started(*SERVE) as relay:
        port = await relay_port(relay)
        engine = EngineLike(await Raw.connect(port))
        assert await engine.poll()
        relay.process.send_signal(signal.SIGTERM)
        await engine.play()
        assert engine.close == close_body(1001)
        await trio.to_thread.run_sync(relay.rest)
        assert relay.status() == 0


@posix
async def test_a_second_signal_ends_a_relay_at_once() -> None:
    with started(*SERVE) as relay:
        raw = await Raw.connect(await relay_port(relay))
        await raw.receive_message()
        relay.process.send_signal(signal.SIGTERM)
        ping = await raw.receive_frame()
        assert ping is not None
        assert ping.op == PING
        relay.process.send_signal(signal.SIGTERM)
        assert await raw.receive_close() == close_body(1001)
        assert await raw.receive_end() == []
        await trio.to_thread.run_sync(relay.rest)
        assert relay.status() == 0
        await raw.close()
