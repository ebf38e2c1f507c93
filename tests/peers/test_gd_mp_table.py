"""The rows of the gd_mp envelope over sockets: signals, counters, and that nobody is cut off."""

from __future__ import annotations

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.wire.envelopes.godot3 import Drop, Joined, Left, Received, Violation
from tests.driving import Drive, Recorder, until
from tests.gd_mp_rows import (
    ADD,
    CLIENT_ROWS,
    DEL,
    FIRST,
    JOINED,
    LAST,
    NOT_YET,
    PUTS,
    SELF,
    SERVER_ROWS,
    ClientRow,
    Relayed,
    ServerRow,
    about,
    game,
    message,
)
from tests.peers.sessions import client_of, fenced, listening, payloads, three_clients
from tests.raw import CLOSE

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED


# ------------------------------------------------------------------ client


def expected_signals(row: ClientRow) -> list[tuple[object, ...]]:
    match row.ours:
        case Received(source, _, _):
            return [("peer_packet", source)]
        case Joined(peer, True):
            return [("peer_connected", peer), ("connection_succeeded",)]
        case Joined(peer, False):
            return [("peer_connected", peer)]
        case Left(peer):
            return [("peer_disconnected", peer)]
        case _:
            return []


@pytest.mark.parametrize("row", CLIENT_ROWS, ids=lambda row: row.name)
async def test_what_a_client_does_with_a_message(drive: Drive, row: ClientRow) -> None:
    async with client_of(drive, row.before) as (client, raw):
        status = client.get_connection_status()
        heard = Recorder(client)
        await raw.send_frame(row.message)
        assert await fenced(raw) == []
        assert heard.log == expected_signals(row)
        violations: dict[str, int] = {}
        if isinstance(row.ours, Violation):
            violations = {row.ours: 1}
        elif isinstance(row.ours, Received):
            assert client.get_packet_peer() == row.ours.source
            assert client.get_packet() == row.ours.payload
            violations = {} if row.ours.announced else {"unannounced_sender": 1}
        elif isinstance(row.ours, Joined) and row.ours.completes:
            status = CONNECTED
        assert dict(client.statistics.violations) == violations
        assert client.get_available_packet_count() == 0
        assert client.get_connection_status() == status
        # The session goes on from where it was.
        await raw.send_frame(about(ADD, 12))
        await fenced(raw)
        joins = [] if client.get_unique_id() == 0 else [(12,)]
        assert heard.of("peer_connected")[-1:] == joins or row.ours == Violation.IMPOSSIBLE_ID


async def test_a_client_never_closes_its_server_for_violations(drive: Drive) -> None:
    async with client_of(drive) as (client, raw):
        for _ in range(40):
            await raw.send_frame(message(9, 1, 0))
            await raw.send_frame(game(0, 0))
        assert await fenced(raw) == []
        assert client.statistics.violations == {"unknown_type": 40, "impossible_sender": 40}
        assert client.get_connection_status() == CONNECTED
        await raw.send_frame(game(1, SELF))
        await until(client.get_available_packet_count)


@pytest.mark.parametrize("target", [0, 1, FIRST, -FIRST, 999])
async def test_a_client_sends_everything_to_the_server(drive: Drive, target: int) -> None:
    async with client_of(drive) as (client, raw):
        client.set_target_peer(target)
        client.put_packet(b"\x04x")
        client.put_packet(b"")
        assert await payloads(raw) == [game(SELF, target)]


# ------------------------------------------------------------------ server


@pytest.mark.parametrize("row", SERVER_ROWS, ids=lambda row: row.name)
async def test_what_a_server_does_with_a_message(drive: Drive, row: ServerRow) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, last):
        heard = Recorder(server)
        await sender.send_frame(row.message)
        assert await fenced(sender) == []
        receivers: list[int] = []
        if isinstance(row.ours, Relayed):
            receivers = row.ours.receivers
        for_server = isinstance(row.ours, Relayed) and row.ours.for_server
        assert heard.log == [("peer_packet", SELF)] * for_server
        if for_server:
            assert server.get_packet_peer() == SELF
            assert server.get_packet() == row.message[9:]
        assert server.get_available_packet_count() == 0
        for raw, id_ in ((first, FIRST), (last, LAST)):
            assert await payloads(raw) == [row.message] * (id_ in receivers)
        seen = server.statistics
        assert seen.violations == ({row.ours: 1} if isinstance(row.ours, Violation) else {})
        assert seen.drops == ({row.ours: 1} if isinstance(row.ours, Drop) else {})
        # Nobody is cut off for one wrong packet.
        await sender.send_frame(game(SELF, 0, b"\x04still here"))
        await fenced(sender)
        assert heard.of("peer_packet")[-1:] == [(SELF,)]
        for raw in (first, last):
            assert await payloads(raw) == [game(SELF, 0, b"\x04still here")]


@pytest.mark.parametrize(("target", "receivers"), PUTS)
async def test_who_gets_what_the_server_puts(
    drive: Drive, target: int, receivers: list[int] | None
) -> None:
    server = listening(drive)
    async with three_clients(server) as clients:
        server.set_target_peer(target)
        if receivers is None:
            with pytest.raises(MultiplayerError) as caught:
                server.put_packet(b"\x04x")
            assert caught.value.code == Error.FAILED
            receivers = []
        else:
            server.put_packet(b"\x04x")
            server.put_packet(b"")
        for raw, id_ in zip(clients, (FIRST, SELF, LAST), strict=True):
            assert await payloads(raw) == [game(1, target)] * (id_ in receivers)


async def test_sixteen_violations_within_a_minute_end_a_connection_with_1008(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (first, sender, last):
        heard = Recorder(server)
        for _ in range(15):
            await sender.send_frame(game(FIRST, 0))
        assert await fenced(sender) == []
        await sender.send_frame(b"short")
        body = await sender.receive_close()
        assert body[:2] == (1008).to_bytes(2)
        assert body[2:].endswith(b"short_packet")
        await sender.send_frame(body, CLOSE)
        assert await sender.receive_end() == []
        await until(lambda: "client_disconnected" in heard)
        assert heard.log == [("peer_disconnected", SELF), ("client_disconnected", SELF, True)]
        assert server.statistics.violations == {"forged_sender": 15, "short_packet": 1}
        for raw in (first, last):
            assert await payloads(raw) == [about(DEL, SELF)]


async def test_whoever_ignores_the_1008_is_cut_off_after_close_timeout(drive: Drive) -> None:
    server = listening(drive)
    server_heard = Recorder(server)
    async with three_clients(server) as (first, sender, last):
        for _ in range(16):
            await sender.send_frame(b"short")
        await sender.receive_close()
        await sender.send_frame(game(SELF, 0, b"too late"))
        assert await sender.receive_end() == []
        await until(lambda: "client_disconnected" in server_heard)
        assert server_heard.of("client_disconnected") == [(SELF, False)]
        assert server_heard.of("peer_packet") == []
        for raw in (first, last):
            assert await payloads(raw) == [about(DEL, SELF)]


async def test_violations_count_for_a_minute_only(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (_first, sender, _last):
        for _ in range(3):
            for _ in range(15):
                await sender.send_frame(b"short")
            assert await fenced(sender) == []
            server.ahead += 61
        assert server.statistics.violations == {"short_packet": 45}
        assert server.has_peer(SELF)


async def test_drops_are_nobodys_fault(drive: Drive) -> None:
    server = listening(drive)
    async with three_clients(server) as (_first, sender, _last):
        for _ in range(40):
            await sender.send_frame(game(SELF, 999))
        assert await fenced(sender) == []
        assert server.statistics.drops == {"unknown_target": 40}


def test_the_rows_cover_each_violation_and_each_drop() -> None:
    seen = {row.ours for row in (*CLIENT_ROWS, *SERVER_ROWS) if isinstance(row.ours, str)}
    # Who is held back is for test_held_peers.py, a server that does not relay for
    # test_server_relay.py.
    assert seen == {*Violation, *Drop} - {Drop.NOT_ADMITTED, Drop.NOT_RELAYED}
    assert {row.before for row in CLIENT_ROWS} >= {NOT_YET, JOINED}
