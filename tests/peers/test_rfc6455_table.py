"""What each frame of RFC 6455 does: the close code sent, the signals, that the connection ends.

Each row names what Godot 3.2.3 does, and where we differ, why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import ConnectionStatus
from tests.driving import Drive, Recorder, until
from tests.gd_mp_rows import DEL, FIRST, SELF, about, game
from tests.peers.sessions import client_of, fenced, listening, payloads, three_clients
from tests.peers.streams import wire_frame
from tests.raw import BINARY, CLOSE, CONT, PING, PONG, TEXT, Frame, Raw, close_body

if TYPE_CHECKING:
    from peers import WebSocketServer

ZOMBIE = "close frame, then deaf: still connected"
NO_ZOMBIES = "the TCP connection is closed, and a peer that was told to close is gone"
IN_PLACE = "RFC 6455 section 5.5: a protocol error like the others, so close 1002"


@dataclass(frozen=True)
class Wrong:
    """Frames after which the connection is over.

    Attributes:
        name: what it is.
        frames: payload, opcode and what is odd about each frame.
        code: the code of the close frame that is sent.
        engine: what the engine does.
        why: why we differ.
    """

    name: str
    frames: list[tuple[bytes, int, dict[str, Any]]]
    code: int
    engine: str = ZOMBIE
    why: str = NO_ZOMBIES

    def sent_by(self, raw: Raw) -> bytes:
        stream = b""
        for payload, op, odd in self.frames:
            right = not odd.get("wrong_mask")
            rest = {name: value for name, value in odd.items() if name != "wrong_mask"}
            stream += wire_frame(payload, op, masked=raw.is_client is right, **rest)
        return stream


WRONG = [
    Wrong("the wrong masking", [(b"x", BINARY, {"wrong_mask": 1})], 1002),
    Wrong("RSV1", [(b"x", BINARY, {"rsv": 4})], 1002),
    Wrong("RSV3", [(b"x", BINARY, {"rsv": 1})], 1002),
    Wrong("opcode 3", [(b"x", 3, {})], 1002),
    Wrong("opcode 11", [(b"x", 11, {})], 1002),
    Wrong("a lone continuation", [(b"x", CONT, {})], 1002),
    Wrong("a message in a message", [(b"x", BINARY, {"fin": 0}), (b"y", BINARY, {})], 1002),
    Wrong("a fragmented ping", [(b"x", PING, {"fin": 0})], 1002),
    Wrong("invalid text", [(b"a\xff", TEXT, {})], 1007),
    Wrong("a packet as text that is no UTF-8", [(game(255, 0), TEXT, {})], 1007),
    Wrong("text cut off in a character", [(b"\xe2\x82", TEXT, {})], 1007),
    Wrong("a close reason that is no UTF-8", [(b"\x0f\xa0\xff", CLOSE, {})], 1007),
    Wrong("close 999", [(close_body(999), CLOSE, {})], 1002),
    Wrong("close 1005", [(close_body(1005), CLOSE, {})], 1002),
    Wrong("close 1006", [(close_body(1006), CLOSE, {})], 1002),
    Wrong("close 5000", [(close_body(5000), CLOSE, {})], 1002),
    Wrong("65537 bytes", [(bytes(65537), BINARY, {})], 1009),
    Wrong("65537 bytes, only announced", [(b"", BINARY, {"length": 65537})], 1009),
    Wrong(
        "65537 bytes in fragments",
        [(bytes(40000), BINARY, {"fin": 0}), (bytes(25537), CONT, {})],
        1009,
    ),
    Wrong(
        "65536 bytes",
        [(bytes(65536), BINARY, {})],
        1009,
        engine="dropped with an error in the log",
        why="the longest message is 65535 bytes, and nothing is dropped silently",
    ),
    Wrong(
        "a ping of 126 bytes",
        [(bytes(126), PING, {})],
        1002,
        engine="TCP closed at once",
        why=IN_PLACE,
    ),
    Wrong(
        "a close body of one byte",
        [(b"\x03", CLOSE, {})],
        1002,
        engine="close request with code 0, answered with an empty body",
        why=IN_PLACE,
    ),
]


def codes(frames: list[Frame]) -> list[int]:
    """The close codes in what was received until the end, which must be nothing else."""
    assert all(received.op == CLOSE for received in frames)
    return [int.from_bytes(received.payload[:2]) for received in frames]


async def undisturbed(server: WebSocketServer, first: Raw, last: Raw) -> None:
    """The other clients have heard of the leave, and of nothing else; they go on."""
    for raw in (first, last):
        assert await payloads(raw) == [about(DEL, SELF)]
    await first.send_frame(game(FIRST, 0))
    assert await fenced(first) == []
    assert await payloads(last) == [game(FIRST, 0)]
    assert server.get_packet_peer() == FIRST


@pytest.mark.much
@pytest.mark.parametrize("row", WRONG, ids=lambda row: row.name)
async def test_a_client_that_breaks_the_rules_is_told_and_gone(drive: Drive, row: Wrong) -> None:
    server = listening(drive, close_timeout=0.05)
    async with three_clients(server) as (first, sender, last):
        heard = Recorder(server)
        await sender.send(sender.frame(game(SELF, 1)) + row.sent_by(sender))
        assert codes(await sender.receive_end()) == [row.code]
        await until(lambda: len(heard.log) == 3)
        assert heard.log == [
            ("peer_packet", SELF),
            ("peer_disconnected", SELF),
            ("client_disconnected", SELF, False),
        ]
        assert server.get_packet() == b"\x04x"
        assert server.statistics.violations == {f"rfc6455_{row.code}": 1}
        await undisturbed(server, first, last)
        # Its end stays open, and the server does not wait for it beyond close_timeout.
        await until(lambda: len(server.endpoint.links) == 2)


@pytest.mark.much
@pytest.mark.parametrize("row", WRONG, ids=lambda row: row.name)
async def test_a_server_that_breaks_the_rules_is_told_and_gone(drive: Drive, row: Wrong) -> None:
    async with client_of(drive, close_timeout=0.05) as (client, raw):
        heard = Recorder(client)
        await raw.send(raw.frame(game(1, SELF)) + row.sent_by(raw))
        assert codes(await raw.receive_end()) == [row.code]
        await until(lambda: "connection_closed" in heard)
        assert heard.log == [
            ("peer_packet", 1),
            ("peer_disconnected", FIRST),
            ("peer_disconnected", 1),
            ("server_disconnected",),
            ("connection_closed", False),
        ]
        assert client.failure is not None
        assert client.failure.stage == "protocol"
        assert client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
        assert client.get_packet() == b"\x04x"
        await until(lambda: client.endpoint.links == [])


# ------------------------------------------------------------------ proper closes


CLOSES = [
    # the body that comes, the code and reason that are told, the body of the answer
    pytest.param(b"", 1005, "", b"", id="without a code (engine: told as 0)"),
    pytest.param(close_body(1000), 1000, "", close_body(1000), id="1000"),
    pytest.param(close_body(1001, "x"), 1001, "x", close_body(1001, "x"), id="1001"),
    pytest.param(close_body(4000, "é"), 4000, "é", close_body(4000, "é"), id="4000"),
    pytest.param(
        close_body(4001, "bye\0"),
        4001,
        "bye",
        close_body(4001, "bye"),
        id="with Godot's NUL (engine: echoed)",
    ),
]


@pytest.mark.parametrize("eof", [False, True], ids=["waits", "EOF at once"])
@pytest.mark.parametrize(("body", "code", "reason", "answer"), CLOSES)
async def test_a_client_that_closes(
    drive: Drive, body: bytes, code: int, reason: str, answer: bytes, eof: bool
) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, last):
        heard = Recorder(server)
        await sender.send_frame(body, CLOSE)
        if eof:
            await sender.close()
        else:
            (closing,) = await sender.receive_end()
            assert (closing.op, closing.payload) == (CLOSE, answer)
        await until(lambda: "client_disconnected" in heard)
        assert heard.log == [
            ("client_close_request", SELF, code, reason),
            ("peer_disconnected", SELF),
            ("client_disconnected", SELF, True),
        ]
        assert server.get_peer(SELF).get_close_code() == code
        assert server.get_peer(SELF).get_close_reason() == reason
        assert server.statistics.violations == {}
        await undisturbed(server, first, last)


@pytest.mark.parametrize("eof", [False, True], ids=["waits", "EOF at once"])
@pytest.mark.parametrize(("body", "code", "reason", "answer"), CLOSES)
async def test_a_server_that_closes(
    drive: Drive, body: bytes, code: int, reason: str, answer: bytes, eof: bool
) -> None:
    async with client_of(drive) as (client, raw):
        heard = Recorder(client)
        await raw.send_frame(body, CLOSE)
        if eof:
            await raw.close()
        else:
            (closing,) = await raw.receive_end()
            assert (closing.op, closing.payload) == (CLOSE, answer)
        await until(lambda: "connection_closed" in heard)
        assert heard.log == [
            ("server_close_request", code, reason),
            ("peer_disconnected", FIRST),
            ("peer_disconnected", 1),
            ("server_disconnected",),
            ("connection_closed", True),
        ]
        assert client.failure is None
        assert client.get_peer(1).get_close_code() == code


# ------------------------------------------------------------------ ends without a close


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_just_ends(drive: Drive, how: str) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, last):
        heard = Recorder(server)
        await getattr(sender, how)()
        await until(lambda: "client_disconnected" in heard)
        assert heard.log == [
            ("peer_disconnected", SELF),
            ("client_disconnected", SELF, False),
        ]
        assert server.get_peer(SELF).get_close_code() == -1
        await undisturbed(server, first, last)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_server_that_just_ends(drive: Drive, how: str) -> None:
    async with client_of(drive) as (client, raw):
        heard = Recorder(client)
        await getattr(raw, how)()
        await until(lambda: "connection_closed" in heard)
        assert heard.names() == [
            "peer_disconnected",
            "peer_disconnected",
            "server_disconnected",
            "connection_closed",
        ]
        assert heard.of("connection_closed") == [(False,)]
        assert client.failure is not None
        assert client.failure.stage == "tcp"


# ------------------------------------------------------------------ what is allowed


async def test_a_fragmented_packet_with_a_ping_between(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, _):
        packet = game(SELF, 0, b"\x04 in three")
        await sender.send_frame(packet[:5], fin=False)
        await sender.send_frame(b"hi", PING)
        await sender.send_frame(packet[5:10], CONT, fin=False)
        await sender.send_frame(b"unasked", PONG)
        await sender.send_frame(packet[10:], CONT)
        (pong,) = await fenced(sender)
        assert (pong.op, pong.payload, pong.masked) == (PONG, b"hi", False)
        assert server.get_packet() == b"\x04 in three"
        assert await payloads(first) == [packet]


async def test_a_packet_may_come_as_text_and_is_relayed_as_binary(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, _):
        await sender.send_frame(game(SELF, 0, "é".encode()), TEXT)
        assert await fenced(sender) == []
        assert server.get_packet() == "é".encode()
        (relayed,) = await fenced(first)
        assert (relayed.op, relayed.payload) == (BINARY, game(SELF, 0, "é".encode()))


async def test_the_longest_message_is_relayed_in_one_frame(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, last):
        longest = game(SELF, FIRST, bytes(65526))
        await sender.send_frame(longest)
        assert await fenced(sender) == []
        assert await payloads(first) == [longest]
        assert await payloads(last) == []


async def test_a_plain_client_takes_text_binary_empty_and_fragmented_messages(
    drive: Drive,
) -> None:
    async with client_of(drive, (), gd_mp_api=False) as (client, raw):
        heard = Recorder(client)
        await raw.send_frame("héllo".encode(), TEXT)
        await raw.send_frame(b"\x00\xff")
        await raw.send_frame(b"")
        await raw.send_frame(b"", TEXT)
        await raw.send_frame(b"ab", fin=False)
        await raw.send_frame(b"p" * 125, PING)
        await raw.send_frame(b"cd", CONT)
        (pong,) = await fenced(raw)
        assert (pong.op, pong.payload, pong.masked) == (PONG, b"p" * 125, True)
        assert heard.log == [("data_received",)] * 5
        peer, got = client.get_peer(1), []
        while peer.get_available_packet_count():
            got.append((peer.get_packet(), peer.was_string_packet()))
        assert got == [
            ("héllo".encode(), True),
            (b"\x00\xff", False),
            (b"", False),
            (b"", True),
            (b"abcd", False),
        ]
