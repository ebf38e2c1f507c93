"""A client that has lost its connection, and a server of which every byte is scripted.

What ``docs/protocol/resume.md`` says of clients; the server shares nothing with our code.
"""

from __future__ import annotations

import json
import logging
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError, TransferMode
from peers import Resume, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from tests.driving import Recorder, until
from tests.gd_mp_rows import ADD, DEL, FIRST, ID, JOINED, LAST, SELF, about, game
from tests.peers.sockets import AGREED
from tests.raw import CLOSE, PING, PONG, TEXT, Raw, RawServer, close_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.driving import Drive

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE


class Seats:
    """A server that gives seats, one client at a time."""

    def __init__(self, listener: RawServer) -> None:
        self.listener = listener
        self.asked: list[dict[str, str]] = []
        self.raws: list[Raw] = []

    async def next(self) -> Raw:
        """The next connection, after its upgrade; what its query asked for is in ``asked``."""
        raw = await self.listener.dialled()
        self.raws.append(raw)
        head = await raw.accept(further=AGREED)
        target = head.split(" ")[1]
        fields = parse_qs(target.partition("?")[2], strict_parsing=True)
        self.asked.append({name: value for name, (value,) in fields.items()})
        return raw

    async def first(self, messages: tuple[bytes, ...] = JOINED) -> Raw:
        raw = await self.next()
        assert self.asked[-1] == {"resume": "1"}
        await say(raw, resume=1, seat="one", grace=30.0, received=0, next=1)
        for message in messages:
            await raw.send_frame(message)
        return raw

    async def again(self, received: int, following: int, *, replayed: bool = True) -> Raw:
        raw = await self.next()
        await greet(raw, received, following, replayed=replayed)
        return raw


async def say(raw: Raw, **word: object) -> None:
    await raw.send_frame(json.dumps(word).encode(), TEXT)


async def greet(raw: Raw, received: int, following: int, *, replayed: bool = True) -> None:
    token = f"after-{received}-{following}"
    await say(
        raw, resume=1, seat=token, grace=30.0, received=received, next=following, replayed=replayed
    )


async def packets(raw: Raw, least: int = 0) -> list[bytes]:
    """The binary messages until now: so many at least, and then no more."""
    found: list[bytes] = []
    fenced = False
    while True:
        if len(found) >= least and not fenced:
            fenced = True
            await raw.send_frame(b"fence", PING)
        frame = await raw.receive_frame()
        assert frame is not None
        if frame.op == PONG:
            return found
        if frame.op != TEXT:
            found.append(frame.payload)


@asynccontextmanager
async def seats() -> AsyncIterator[Seats]:
    server = Seats(await RawServer.listen())
    try:
        yield server
    finally:
        await server.listener.close()
        for raw in server.raws:
            await raw.close()


class Quick(WebSocketClient):
    """Its chance is on its side: it waits for nothing before it tries again."""

    def randbits(self, bits: int) -> int:
        return super().randbits(bits) if bits < 32 else 0


def coming_back(drive: Drive, server: Seats, resume: Resume | None = None) -> WebSocketClient:
    client = Quick()
    client.resume = Resume() if resume is None else resume
    client.close_timeout = 0.2
    client.connect_to_url(server.listener.url, gd_mp_api=True)
    return drive.add(client)


async def test_a_session_goes_on_after_a_reset(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        client.put_packet(b"1")
        client.put_packet(b"2")
        assert await packets(raw, 2) == [game(SELF, 0, b"1"), game(SELF, 0, b"2")]
        recorder = Recorder(client)
        await raw.reset()
        raw = await server.next()
        assert server.asked[-1] == {
            "resume": "1", "seat": "one", "received": "3", "next": "3", "lost": "0"
        }  # fmt: skip
        assert recorder.log == [("session_suspended",)]
        assert client.get_connection_status() is CONNECTED
        assert client.get_peers() == [1, FIRST]
        client.put_packet(b"3")
        assert client.get_backlog(1) > 0
        await greet(raw, received=1, following=4)
        await raw.send_frame(game(1, SELF, b"hello"))
        assert await packets(raw, 2) == [game(SELF, 0, b"2"), game(SELF, 0, b"3")]
        await until(client.get_available_packet_count)
        assert recorder.log == [
            ("session_suspended",), ("session_resumed", True), ("peer_packet", 1)
        ]  # fmt: skip
        assert client.get_packet() == b"hello"
        assert client.failure is None
        await raw.reset()  # and any number of times
        raw = await server.next()
        assert server.asked[-1] == {
            "resume": "1", "seat": "after-1-4", "received": "4", "next": "5", "lost": "0"
        }  # fmt: skip
        await greet(raw, received=4, following=9)
        client.put_packet(b"4")
        assert await packets(raw, 1) == [game(SELF, 0, b"4")]


async def test_a_seat_works_with_no_packet_sent_and_an_answer_may_be_lost(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        recorder = Recorder(client)
        await raw.close()
        for _ in range(3):
            raw = await server.next()
            assert server.asked[-1]["seat"] == "one"
            assert server.asked[-1]["received"] == "3"
            await raw.reset()
        raw = await server.again(0, 4)
        await until(lambda: "session_resumed" in recorder)
        assert recorder.log == [("session_suspended",), ("session_resumed", True)]


async def test_unreliable_packets_are_not_kept(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        client.transfer_mode = UNRELIABLE
        client.put_packet(b"1")
        assert len(await packets(raw, 1)) == 1  # number 1, which is not in the ring
        await raw.reset()
        raw = await server.next()
        assert server.asked[-1]["next"] == "2"
        client.put_packet(b"2")
        client.transfer_mode = TransferMode.TRANSFER_MODE_RELIABLE
        client.put_packet(b"3")
        await greet(raw, received=0, following=4)
        assert await packets(raw, 1) == [game(SELF, 0, b"3")]
        assert client.statistics.drops == {"adrift": 1}


async def test_much_that_waits_leaves_in_order(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        assert client.outbound_buffer_size < 40 * 5000
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        await raw.reset()
        raw = await server.next()
        expected = [game(SELF, 0, bytes([number]) * 5000) for number in range(40)]
        for message in expected:
            client.put_packet(message[9:])
        await greet(raw, received=0, following=4)
        client.put_packet(b"behind")
        assert await packets(raw, 41) == [*expected, game(SELF, 0, b"behind")]


@pytest.mark.parametrize("code", [1001, 4012, 4013, None])
async def test_a_client_comes_back_after_codes_that_say_so(drive: Drive, code: int | None) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        recorder = Recorder(client)
        await raw.send_frame(b"" if code is None else close_body(code), CLOSE)
        await raw.receive_end()
        await raw.close()
        raw = await server.again(0, 4)
        await until(lambda: "session_resumed" in recorder)
        assert recorder.log == [("session_suspended",), ("session_resumed", True)]


@pytest.mark.parametrize("code", [1000, 1008, 4000, 4001, 4009])
async def test_other_codes_end_the_session(drive: Drive, code: int) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        recorder = Recorder(client)
        await raw.send_frame(close_body(code, "why"), CLOSE)
        await raw.receive_end()
        await until(lambda: client.get_connection_status() is DISCONNECTED)
        assert recorder.names() == [
            "server_close_request", "peer_disconnected", "peer_disconnected",
            "server_disconnected", "connection_closed",
        ]  # fmt: skip
        assert client.get_peer(1).get_close_code() == code


async def test_a_seat_that_is_gone_ends_the_session(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        recorder = Recorder(client)
        await raw.reset()
        raw = await server.next()
        await raw.send_frame(close_body(4003, "your seat is gone"), CLOSE)
        await raw.receive_end()
        await until(lambda: client.get_connection_status() is DISCONNECTED)
        assert recorder.names() == [
            "session_suspended", "peer_disconnected", "peer_disconnected",
            "server_disconnected", "connection_closed",
        ]  # fmt: skip
        assert str(client.failure) == ("id: not let back: closed with 4003 'your seat is gone'")
        assert client.get_peer(1).get_close_code() == 4003


async def test_a_mistake_of_the_server_while_it_comes_back_does_not_end_it(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        recorder = Recorder(client)
        await raw.reset()
        raw = await server.next()
        await raw.send_frame(close_body(1011), CLOSE)
        await raw.receive_end()
        await raw.close()
        await server.again(0, 4)
        await until(lambda: "session_resumed" in recorder)
        assert recorder.log == [("session_suspended",), ("session_resumed", True)]


async def test_a_client_gives_up_in_time(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server, Resume(give_up_after=0.05))
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        recorder = Recorder(client)
        await server.listener.close()
        await raw.reset()
        await until(lambda: client.get_connection_status() is DISCONNECTED)
        assert recorder.names() == [
            "session_suspended", "peer_disconnected", "peer_disconnected",
            "server_disconnected", "connection_closed",
        ]  # fmt: skip
        assert str(client.failure).startswith("timeout: not back within 0.05 s: ")


async def test_a_client_that_leaves_while_it_is_away_tries_no_more(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        recorder = Recorder(client)
        await raw.reset()
        await until(lambda: "session_suspended" in recorder)
        client.begin_leaving()
        await until(lambda: client.get_connection_status() is DISCONNECTED)
        assert recorder.names()[-1] == "connection_closed"


async def test_close_while_it_is_away_is_silent(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        await raw.reset()
        raw = await server.next()
        recorder = Recorder(client)
        client.close()
        assert client.get_connection_status() is DISCONNECTED
        await raw.receive_end()
        assert recorder.log == []
        assert client.get_backlog(1) == 0


async def test_a_session_that_begins_anew_tells_only_what_has_changed(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first((*JOINED, about(ADD, 20)))
        await until(lambda: client.get_peers() == [1, FIRST, 20])
        recorder = Recorder(client)
        await raw.reset()
        raw = await server.next()
        client.put_packet(b"lost")
        await greet(raw, received=0, following=5, replayed=False)
        for message in (about(ID, SELF), about(ADD, 1), about(ADD, LAST), about(ADD, 20)):
            await raw.send_frame(message)
        await say(raw, roster=True)
        assert await packets(raw) == []
        await until(lambda: client.get_peers() == [1, LAST, 20])
        assert recorder.log == [
            ("session_suspended",), ("session_resumed", False),
            ("peer_connected", LAST), ("peer_disconnected", FIRST),
        ]  # fmt: skip
        assert client.statistics.violations == {}
        client.put_packet(b"new")
        await raw.send_frame(about(DEL, 20))
        assert await packets(raw, 1) == [game(SELF, 0, b"new")]
        await until(lambda: client.get_peers() == [1, LAST])
        await raw.reset()
        raw = await server.next()
        assert (server.asked[-1]["next"], server.asked[-1]["lost"]) == ("2", "0")


async def test_what_the_ring_cannot_hold_is_said_to_be_lost(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server, Resume(ring_packets=2))
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        for number in range(4):
            client.put_packet(b"%d" % number)
        assert len(await packets(raw, 4)) == 4
        await raw.reset()
        raw = await server.next()
        assert (server.asked[-1]["next"], server.asked[-1]["lost"]) == ("5", "2")
        for number in range(3):
            client.put_packet(b"%d" % number)
        await raw.reset()
        raw = await server.next()
        assert (server.asked[-1]["next"], server.asked[-1]["lost"]) == ("5", "5")


async def test_arrivals_are_acknowledged_and_acknowledgements_empty_the_ring(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        for _ in range(64):
            await raw.send_frame(game(1, SELF, b"x"))
        await until(lambda: client.get_available_packet_count() == 64)
        client.put_packet(b"1")
        client.put_packet(b"2")
        acknowledged: object = None
        binary = 0
        while binary < 2 or acknowledged is None:
            frame = await raw.receive_frame()
            assert frame is not None
            if frame.op == TEXT:
                acknowledged = json.loads(frame.payload)
            else:
                binary += 1
        assert acknowledged == {"ack": 64}
        await say(raw, ack=2)
        await packets(raw)
        await raw.reset()
        raw = await server.again(2, 70)
        assert await packets(raw) == []


async def test_another_who_knows_nothing_any_more_is_reported_in_order(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        recorder = Recorder(client)
        await raw.send_frame(game(FIRST, SELF, b"before"))
        await say(raw, renewed=FIRST)
        await raw.send_frame(game(FIRST, SELF, b"behind"))
        await until(lambda: client.get_available_packet_count() == 2)
        assert recorder.log == [
            ("peer_packet", FIRST), ("peer_resumed", FIRST, False), ("peer_packet", FIRST)
        ]  # fmt: skip
        await raw.reset()
        raw = await server.next()
        assert server.asked[-1]["received"] == "6"  # the word has a number, too


@pytest.mark.parametrize(
    "word", [b"{}", b"[1]", b'{"ack":7}', b'{"ack":-1}', b'{"renewed":1}', b"\xc3\xa9", b"{" * 900]
)
async def test_words_that_are_none_are_counted(drive: Drive, word: bytes) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await raw.send_frame(word, TEXT)
        await raw.send_frame(game(1, SELF, b"x"))
        await until(client.get_available_packet_count)
        assert client.statistics.violations == {"unknown_word": 1}


async def test_a_server_that_knows_nothing_of_it_makes_it_have_no_effect(
    drive: Drive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.next()
        for message in JOINED:
            await raw.send_frame(message)
        await until(lambda: client.get_peers() == [1, FIRST])
        assert "resume has no effect" in caplog.text
        recorder = Recorder(client)
        client.put_packet(b"x")
        assert await packets(raw, 1) == [game(SELF, 0, b"x")]
        await raw.reset()
        await until(lambda: client.get_connection_status() is DISCONNECTED)
        assert "session_suspended" not in recorder
        assert recorder.names()[-1] == "connection_closed"


async def test_a_server_that_has_forgotten_all_of_it_ends_the_session(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        raw = await server.first()
        await until(lambda: client.get_peers() == [1, FIRST])
        await raw.reset()
        raw = await server.next()
        await raw.send_frame(about(ID, SELF))
        await until(lambda: client.get_connection_status() is DISCONNECTED)
        assert str(client.failure) == (
            "id: not let back: the server does not know of the session any more"
        )


async def test_a_connection_that_is_lost_before_the_session_is_up_fails(drive: Drive) -> None:
    async with seats() as server:
        client = coming_back(drive, server)
        recorder = Recorder(client)
        raw = await server.first(())
        await until(lambda: "connection_established" in recorder)
        await raw.reset()
        await until(lambda: client.get_connection_status() is DISCONNECTED)
        assert recorder.names()[-2:] == ["connection_error", "connection_failed"]


async def test_a_client_of_godot_4_s_protocol_comes_back(drive: Drive) -> None:
    async with seats() as server:
        client = WebSocketMultiplayerPeer()
        client.resume = Resume()
        client.create_client(f"{server.listener.url}/room?level=3")
        drive.add(client)
        raw = await server.next()
        assert server.asked[-1] == {"level": "3", "resume": "1"}
        await say(raw, resume=1, seat="one", grace=30.0, received=0, next=1)
        await raw.send_frame(struct.pack("<i", SELF))
        await until(lambda: client.get_peers() == [1])
        recorder = Recorder(client)
        client.put_packet(b"1")
        await raw.reset()
        raw = await server.next()
        client.put_packet(b"2")
        await greet(raw, received=0, following=2)
        assert await packets(raw, 2) == [b"1", b"2"]
        await raw.reset()
        raw = await server.again(3, 2, replayed=False)
        await raw.send_frame(struct.pack("<i", SELF))
        await raw.send_frame(b"packet")
        await until(client.get_available_packet_count)
        assert recorder.log == [
            ("session_suspended",), ("session_resumed", True),
            ("session_suspended",), ("session_resumed", False), ("peer_packet", 1),
        ]  # fmt: skip


def test_resume_makes_sense_or_raises() -> None:
    for arguments in ({"give_up_after": 0}, {"ring_bytes": -1}, {"ring_packets": 1.5}):
        with pytest.raises(MultiplayerError) as raised:
            Resume(**arguments)  # type: ignore[arg-type]
        assert raised.value.code is Error.ERR_INVALID_PARAMETER
    server, client = WebSocketServer(), WebSocketClient()
    with pytest.raises(MultiplayerError, match="resume is for clients"):
        server.resume = Resume()
    with pytest.raises(MultiplayerError, match="resume must be a Resume"):
        client.resume = 30.0  # type: ignore[assignment]
    client.resume = Resume()
    with pytest.raises(MultiplayerError, match="resume is for sessions"):
        client.connect_to_url("ws://127.0.0.1:1")
