"""``connected_session``: a server and clients, one of which can be cut off or stalled."""

from __future__ import annotations

import asyncio

import pytest
import trio
import trio.testing

import peers
from multiplayer import ConnectionStatus, Error, MultiplayerError
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.testing import ConnectedSession, connected_session
from tests.driving import Recorder, until

DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


@pytest.mark.parametrize("godot4", [False, True])
def test_all_are_there_and_all_hear(godot4: bool) -> None:
    made = connected_session(3, godot4=True) if godot4 else connected_session(3)
    with made as session:
        server, clients = session.server, session.clients
        kind = WebSocketMultiplayerPeer if godot4 else WebSocketClient
        assert [type(client) for client in clients] == [kind] * 3
        assert server.get_peers() == sorted(client.get_unique_id() for client in clients)
        server.send_packet(b"to all", 0)
        session.until(lambda: all(client.get_available_packet_count() for client in clients))
        assert [client.get_packet() for client in clients] == [b"to all"] * 3
    assert {peer.get_connection_status() for peer in (server, *clients)} == {DISCONNECTED}


def test_without_a_session_they_are_plain_peers() -> None:
    with connected_session(2, gd_mp_api=False) as session:
        heard = Recorder(session.server)
        for client in session.clients:
            client.get_peer(1).put_packet(b"plain")
        session.until(lambda: len(heard.of("data_received")) == 2)
        for (peer,) in heard.of("data_received"):
            assert session.server.get_peer(peer).get_packet() == b"plain"


def test_a_server_of_ones_own_is_used() -> None:
    server = WebSocketServer()
    heard = Recorder(server)
    with connected_session(1, server=server) as session:
        assert session.server is server
    assert heard.names().count("peer_connected") == 1


def test_what_is_cut_is_gone_for_both_sides_and_for_nobody_else() -> None:
    with connected_session(2) as session:
        cut_off, other = session.clients
        gone = cut_off.get_unique_id()
        session.cut(cut_off)
        session.until(lambda: gone not in session.server.get_peers())
        session.until(lambda: cut_off.get_connection_status() == DISCONNECTED)
        assert cut_off.failure is not None
        assert session.server.get_peers() == [other.get_unique_id()]
        with pytest.raises(MultiplayerError) as caught:
            session.cut(cut_off)
        assert caught.value.code == Error.ERR_UNCONFIGURED


def test_a_stalled_reader_reads_nothing_until_it_goes_on_and_still_sends() -> None:
    with connected_session(2) as session:
        stalled, other = session.clients
        session.stall(stalled)
        session.server.send_packet(b"to all", 0)
        stalled.send_packet(b"sends", 1)
        session.until(other.get_available_packet_count)
        session.until(session.server.get_available_packet_count)
        assert session.server.get_packet() == b"sends"
        assert stalled.get_available_packet_count() == 0
        session.go_on(stalled)
        session.until(stalled.get_available_packet_count)
        assert stalled.get_packet() == b"to all"


def test_what_is_for_a_stalled_reader_piles_up_at_the_server() -> None:
    with connected_session(1) as session:
        (client,) = session.clients
        session.stall(client)
        there = session.server.get_peer(client.get_unique_id())

        def more() -> bool:
            session.server.send_packet(bytes(60_000), client.get_unique_id())
            return there.get_current_outbound_buffered_amount() > 0

        session.until(more)
        session.go_on(client)
        session.until(lambda: there.get_current_outbound_buffered_amount() == 0)


async def test_under_trio_all_run_by_themselves() -> None:
    async with connected_session(2) as session:
        await play(session)


def test_under_asyncio_too() -> None:
    async def main() -> None:
        async with connected_session(2) as session:
            stalled, other = session.clients
            session.stall(stalled)
            session.server.send_packet(b"to all", 0)
            await peers.asyncio.fired(other.peer_packet)
            assert not stalled.get_available_packet_count()
            session.cut(other)
            await peers.asyncio.fired(session.server.peer_disconnected)
            assert session.server.get_peers() == [stalled.get_unique_id()]
            session.go_on(stalled)  # or leaving would wait for it

    asyncio.run(main())


async def play(session: ConnectedSession[WebSocketServer, WebSocketClient]) -> None:
    stalled, other = session.clients
    session.stall(stalled)
    session.server.send_packet(b"to all", 0)
    await until(other.get_available_packet_count)
    assert not stalled.get_available_packet_count()
    await trio.testing.wait_all_tasks_blocked()  # a stalled reader does not keep its task busy
    session.go_on(stalled)
    await until(stalled.get_available_packet_count)
    session.cut(other)
    await until(lambda: session.server.get_peers() == [stalled.get_unique_id()])


@pytest.mark.parametrize("clients", [-1, 1001, True, 2.0, None])
def test_what_is_no_number_of_clients_is_refused(clients: int) -> None:
    with pytest.raises(MultiplayerError, match="clients must be an int from 0 to 1000") as caught:
        connected_session(clients)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_a_stranger_is_not_cut() -> None:
    with connected_session(0) as session:
        with pytest.raises(MultiplayerError, match="is not a client of this session") as caught:
            session.stall(WebSocketClient())
        assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_two_modes_at_once_are_refused() -> None:
    with pytest.raises(MultiplayerError) as caught:
        connected_session(1, False, godot4=True)  # type: ignore[call-overload]
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
