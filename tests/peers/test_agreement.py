"""Who agrees on transfer modes and channels, and what then is sent, passed on and believed."""

from __future__ import annotations

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError, TransferMode
from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketClient
from tests.driving import Drive, Recorder, everywhere, until
from tests.gd_mp_rows import FIRST, JOINED, LAST, SELF, game, message
from tests.peers.sessions import client_of, fenced, listening, payloads, three_clients
from tests.peers.sockets import AGREED
from tests.raw import Raw

UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
CONNECTED = ConnectionStatus.CONNECTION_CONNECTED

MARKED = [(ORDERED, 0), (UNRELIABLE, 0), (RELIABLE, 5), (UNRELIABLE, 255)]
NONE: tuple[str, ...] = ()

HEADERS = [
    (AGREED, True),
    (("gdpeers:1",), True),
    (("Gdpeers: 2",), True),
    (("Gdpeers: 1234567890123",), True),
    (NONE, False),
    *(
        ((f"Gdpeers: {value}",), False)
        for value in ("0", "-1", "+1", "1.0", "one", "", "1, 1", "1 1", "\xb2")
    ),
    (("Gdpeers: 1", "Gdpeers: 1"), False),
]
"""Header lines, and whether they say yes to version 1."""


# ------------------------------------------------------------------ the headers


@pytest.mark.parametrize(("lines", "agreed"), HEADERS)
async def test_a_server_agrees_with_a_client_that_asks(
    drive: Drive, lines: tuple[str, ...], agreed: bool
) -> None:
    server = listening(drive, SELF)
    raw = await Raw.connect(server.get_local_port(), headers=lines)
    answered = [line for line in raw.head.split("\r\n") if "gdpeers" in line.lower()]
    assert answered == ["Gdpeers: 1"] * agreed
    await fenced(raw)
    await raw.send_frame(gd_mp.packet(SELF, 1, b"x", UNRELIABLE, 3))
    await fenced(raw)
    assert server.get_available_packet_count() == agreed
    violations = {} if agreed else {"system_packet_from_client": 1}
    assert server.statistics.violations == violations
    await raw.close()


async def test_a_plain_server_agrees_to_nothing(drive: Drive) -> None:
    server = listening(drive, gd_mp_api=False)
    raw = await Raw.connect(server.get_local_port(), headers=AGREED)
    assert "gdpeers" not in raw.head.lower()
    await raw.close()


@pytest.mark.parametrize(("lines", "agreed"), HEADERS)
async def test_a_client_sends_what_its_server_agreed_to(
    drive: Drive, lines: tuple[str, ...], agreed: bool
) -> None:
    async with client_of(drive, headers=lines) as (client, raw):
        client.set_target_peer(FIRST)
        for client.transfer_mode, client.transfer_channel in MARKED:
            client.put_packet(b"xy")
        expected = [gd_mp.packet(SELF, FIRST, b"xy", *marks) for marks in MARKED]
        assert await payloads(raw) == (expected if agreed else [game(SELF, FIRST, b"xy")] * 4)
        await raw.send_frame(gd_mp.packet(1, SELF, b"x", UNRELIABLE, 3))
        await fenced(raw)
        assert client.get_available_packet_count() == agreed
        assert client.statistics.violations == ({} if agreed else {"unknown_type": 1})


async def test_a_plain_client_does_not_mind_the_header(drive: Drive) -> None:
    async with client_of(drive, (), gd_mp_api=False, headers=AGREED) as (client, raw):
        await raw.send_frame(b"\x20anything")
        await until(client.get_peer(1).get_available_packet_count)
        assert client.get_peer(1).get_packet() == b"\x20anything"
        assert client.get_connection_status() == CONNECTED


# ------------------------------------------------------------------ between our peers


@everywhere
async def test_channel_and_mode_arrive_between_our_peers(drive: Drive) -> None:
    server = listening(drive, FIRST, LAST)
    clients = [WebSocketClient(), WebSocketClient()]
    for client in clients:
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
        drive.add(client)
        connected = Recorder(client)
        await until(lambda connected=connected: "connection_succeeded" in connected)
    first, last = clients
    everybody = {1: server, first.get_unique_id(): first, last.get_unique_id(): last}
    for sender_id, sender in everybody.items():
        for sender.transfer_mode, sender.transfer_channel in [(RELIABLE, 0), *MARKED]:
            sender.put_packet(b"hello")
        for receiver_id, receiver in everybody.items():
            if receiver is sender:
                continue
            await until(lambda receiver=receiver: receiver.get_available_packet_count() == 5)
            for mode, channel in [(RELIABLE, 0), *MARKED]:
                assert receiver.get_packet_mode() is mode, (sender_id, receiver_id)
                assert receiver.get_packet_channel() == channel
                assert receiver.get_packet_peer() == sender_id
                assert receiver.get_packet() == b"hello"
    for peer in everybody.values():
        assert peer.statistics.violations == {}
        assert peer.statistics.drops == {}


@pytest.mark.parametrize("channel", [0, 7])
async def test_the_channel_byte_counts_for_the_longest_packet(drive: Drive, channel: int) -> None:
    async with client_of(drive, headers=AGREED) as (client, raw):
        client.transfer_channel = channel
        longest = client.outbound_buffer_size - 9 - bool(channel)
        with pytest.raises(MultiplayerError, match=str(longest)) as caught:
            client.put_packet(bytes(longest + 1))
        assert caught.value.code == Error.ERR_OUT_OF_MEMORY
        client.put_packet(bytes(longest))
        assert len(await raw.receive_message()) == client.outbound_buffer_size


# ------------------------------------------------------------------ with others


@pytest.mark.parametrize(("mode", "channel"), MARKED)
async def test_a_relayed_packet_is_rewritten_for_those_that_did_not_agree(
    drive: Drive, mode: TransferMode, channel: int
) -> None:
    server = listening(drive)
    async with three_clients(server, AGREED, AGREED, NONE) as (first, sender, last):
        for target in (0, FIRST, LAST, -1):
            marked = gd_mp.packet(SELF, target, b"xy", mode, channel)
            await sender.send_frame(marked)
            await fenced(sender)
            assert await payloads(first) == [marked] * (target != LAST), "byte for byte"
            assert await payloads(last) == [game(SELF, target, b"xy")] * (target != FIRST)
        assert server.get_available_packet_count() == 1
        assert (server.get_packet_mode(), server.get_packet_channel()) == (mode, channel)
        assert server.get_packet() == b"xy"
        assert server.statistics.violations == {}


async def test_unusual_bytes_are_relayed_as_they_are(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server, AGREED, AGREED, NONE) as (first, sender, last):
        channel_zero = message(0x40, SELF, -1, b"\0xy")
        await sender.send_frame(channel_zero)
        await fenced(sender)
        assert await payloads(first) == [channel_zero]
        assert await payloads(last) == [game(SELF, -1, b"xy")]


@pytest.mark.parametrize(("mode", "channel"), [(RELIABLE, 0), *MARKED])
async def test_what_the_server_puts_is_plain_for_those_that_did_not_agree(
    drive: Drive, mode: TransferMode, channel: int
) -> None:
    server = listening(drive)
    server.transfer_mode, server.transfer_channel = mode, channel
    async with three_clients(server, AGREED, NONE, AGREED) as (first, plain, last):
        server.put_packet(b"xy")
        marked = gd_mp.packet(1, 0, b"xy", mode, channel)
        assert await payloads(first) == await payloads(last) == [marked]
        assert await payloads(plain) == [game(1, 0, b"xy")]
        server.set_target_peer(SELF)
        server.put_packet(b"xy")
        assert await payloads(plain) == [game(1, SELF, b"xy")]


async def test_a_packet_of_who_did_not_agree_is_reliable_on_channel_0(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server, AGREED, NONE, NONE) as (first, sender, _last):
        await sender.send_frame(game(SELF, 0, b"xy"))
        await fenced(sender)
        assert await payloads(first) == [game(SELF, 0, b"xy")]
        assert (server.get_packet_mode(), server.get_packet_channel()) == (RELIABLE, 0)
        assert server.get_packet() == b"xy"


WRONG = [
    (NONE, 0x10, b"xy", "system_packet_from_client"),
    (NONE, 0x40, b"\x05xy", "system_packet_from_client"),
    (AGREED, 0x30, b"xy", "unknown_type"),
    (AGREED, 0x04, b"xy", "unknown_type"),
    (AGREED, 0x80, b"xy", "unknown_type"),
    (AGREED, 0x21, b"1234", "system_packet_from_client"),
    (AGREED, 0x40, b"", "short_packet"),
]


@pytest.mark.parametrize(("headers", "first_byte", "rest", "violation"), WRONG)
async def test_wrong_bits_are_counted_and_the_packet_is_dropped(
    drive: Drive, headers: tuple[str, ...], first_byte: int, rest: bytes, violation: str
) -> None:
    server = listening(drive)
    async with three_clients(server, AGREED, headers, NONE) as (first, sender, last):
        await sender.send_frame(message(first_byte, SELF, 0, rest))
        assert await fenced(sender) == []
        assert await payloads(first) == await payloads(last) == []
        assert server.get_available_packet_count() == 0
        assert server.get_peer(SELF).statistics.violations == {violation: 1}
        await sender.send_frame(game(SELF, 0, b"still here"))
        await fenced(sender)
        assert await payloads(last) == [game(SELF, 0, b"still here")]


async def test_a_client_counts_wrong_bits_of_a_server_that_agreed(drive: Drive) -> None:
    async with client_of(drive, JOINED, headers=AGREED) as (client, raw):
        for first_byte in (0x30, 0x84, 0x13):
            await raw.send_frame(message(first_byte, 1, 0, b"1234"))
        await raw.send_frame(message(0x50, 1, 0))
        await fenced(raw)
        assert client.statistics.violations == {"unknown_type": 3, "short_packet": 1}
        assert client.get_available_packet_count() == 0
        assert client.get_connection_status() == CONNECTED
