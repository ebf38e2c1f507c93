"""What a network in memory does to the bytes of a connection: cuts, stalls, resets, half an end."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError
from peers import WebSocketClient, WebSocketServer
from peers.memory import MemoryNetwork
from peers.memory.stream import MemorySocket
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.driving import Recorder

if TYPE_CHECKING:
    from peers.memory.chopping import Chop

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
PACKETS = [bytes([size & 255]) * size for size in (1, 125, 126, 2000, 50_000)]


def session(
    network: MemoryNetwork, *, secure: bool = False
) -> tuple[WebSocketServer, WebSocketClient]:
    server, client = network.add(WebSocketServer()), network.add(WebSocketClient())
    if secure:
        leaf = certificate("localhost")
        server.private_key, server.tls_certificate = key_of(leaf), chain_of(leaf)
        client.trusted_tls_certificate = anchor()
    server.listen(9080, gd_mp_api=True)
    client.connect_to_url(f"ws{'s' if secure else ''}://localhost:9080", gd_mp_api=True)
    network.settle()
    assert client.get_connection_status() == CONNECTED
    return server, client


def sizes_of(chop: Chop, seed: int = 0) -> tuple[list[int], list[int]]:
    """How many bytes each read returned, and each write took, of a session with packets."""
    gc.collect()  # peers of other tests that are still there say farewell now, and not meanwhile
    read, written = list[int](), list[int]()
    recv, send = MemorySocket.recv, MemorySocket.send

    def noting_recv(self: MemorySocket, size: int) -> bytes:
        data = recv(self, size)
        read.append(len(data))
        return data

    def noting_send(self: MemorySocket, data: bytes | memoryview) -> int:
        written.append(send(self, data))
        return written[-1]

    with (
        mock.patch.object(MemorySocket, "recv", noting_recv),
        mock.patch.object(MemorySocket, "send", noting_send),
    ):
        network = MemoryNetwork(seed=seed, chop=chop)
        server, client = session(network)
        client.set_target_peer(1)
        for packet in PACKETS:
            client.put_packet(packet)
        network.settle()
        assert [server.get_packet() for _ in PACKETS] == PACKETS
    return read, written


def test_one_byte_at_a_time_is_one_byte() -> None:
    read, written = sizes_of("bytes")
    assert {*read} == {*written} == {1}


def test_cut_anywhere_is_different_for_each_seed_and_the_same_for_one() -> None:
    read, written = sizes_of("random", seed=1)
    assert sizes_of("random", seed=1) == (read, written)
    assert sizes_of("random", seed=2) != (read, written)
    for sizes in (read, written):
        assert min(sizes) == 1
        assert len({*sizes}) > 10
    assert max(read) > len(PACKETS[-2])  # what was written in pieces is read together, too


def test_uncut_a_read_returns_all_that_has_come() -> None:
    assert len(sizes_of("")[1]) < 12


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_what_is_stalled_comes_later_in_order(secure: bool) -> None:
    network = MemoryNetwork(chop="random")
    server, client = session(network, secure=secure)
    network.hold(client)
    client.put_packet(b"there")
    for number in range(3):
        server.put_packet(b"%d" % number)
    network.advance(5)
    assert server.get_packet() == b"there"
    assert client.get_available_packet_count() == 0
    network.release(client)
    network.settle()
    assert [client.get_packet() for _ in range(3)] == [b"0", b"1", b"2"]


def test_one_of_several_connections_can_be_stalled() -> None:
    network = MemoryNetwork()
    server, client = session(network)
    other = network.add(WebSocketClient())
    other.connect_to_url("ws://localhost:9080", gd_mp_api=True)
    network.settle()
    network.hold(server, client)
    for each in (client, other):
        each.set_target_peer(1)
        each.put_packet(b"hello")
    network.settle()
    assert server.get_packet_peer() == other.get_unique_id()
    assert server.get_available_packet_count() == 1


def test_who_is_stalled_for_too_long_is_given_up() -> None:
    """``heartbeat_interval`` is 15 on servers of sessions; the third miss is the last."""
    network = MemoryNetwork()
    server, client = session(network)
    heard = Recorder(server)
    network.hold(server)
    network.hold(client)
    network.advance(61)
    assert heard.of("client_disconnected") == [(client.get_unique_id(), False)]


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_a_reset_ends_both_sides(secure: bool) -> None:
    network = MemoryNetwork(chop="bytes")
    server, client = session(network, secure=secure)
    at_server, at_client = Recorder(server), Recorder(client)
    id_ = client.get_unique_id()
    network.reset(client)
    network.settle()
    assert at_server.of("client_disconnected") == [(id_, False)]
    assert at_client.of("connection_closed") == [(False,)]
    assert "Connection reset" in str(client.failure)
    assert server.endpoint.links == client.endpoint.links == []


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("by", ["server", "client"])
def test_half_an_end_ends_both_sides(by: str, secure: bool) -> None:
    network = MemoryNetwork(chop="random", seed=2)
    server, client = session(network, secure=secure)
    at_server, at_client = Recorder(server), Recorder(client)
    (server if by == "client" else client).put_packet(b"on its way")
    network.half_close(server if by == "server" else client)
    network.advance(10)
    assert at_server.of("client_disconnected") == [(at_server.of("peer_disconnected")[0][0], False)]
    assert at_client.of("connection_closed") == [(False,)]
    assert server.endpoint.links == client.endpoint.links == []


def test_how_bytes_cannot_be_cut() -> None:
    with pytest.raises(MultiplayerError, match='"bytes" or "random"') as caught:
        MemoryNetwork(chop="words")  # type: ignore[arg-type]
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
