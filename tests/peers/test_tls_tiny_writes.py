"""Encrypted connections whose sockets take one byte at a time end cleanly for both sides.

Whoever has both close frames first is gone before the other has written its last record, that of
TLS's own goodbye. Nothing is lost by that.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from multiplayer import ConnectionStatus
from peers.sockets import endpoint_sockets as sockets_module
from peers.sockets.tcp import send
from tests.driving import PATIENCE, Recorder
from tests.peers.tls_sessions import secure_client, secure_server, url_of

if TYPE_CHECKING:
    import socket

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


class Sockets:
    """Stands for ``peers.sockets.tcp.send``: some sockets take a byte every other time."""

    def __init__(self) -> None:
        self.narrow_ports: set[int] = set()
        self._full: set[socket.socket] = set()

    def send(self, sock: socket.socket, pieces: list[bytes | memoryview]) -> int:
        if sock.getsockname()[1] not in self.narrow_ports:
            return send(sock, pieces)
        if sock in self._full:
            self._full.discard(sock)
            raise BlockingIOError
        self._full.add(sock)
        return sock.send(bytes(pieces[0][:1]))


@pytest.mark.parametrize("narrow", ["client", "server", "client and server"])
@pytest.mark.parametrize("closing", ["client", "server", "client and server"])
def test_both_sides_end_cleanly(narrow: str, closing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sockets = Sockets()
    monkeypatch.setattr(sockets_module, "send", sockets.send)
    for seed in range(12):
        turns = random.Random(seed)
        server, client = secure_server(), secure_client()
        at_server, at_client = Recorder(server), Recorder(client)
        client.connect_to_url(url_of(server), gd_mp_api=True)
        patience = time.monotonic() + PATIENCE
        while client.get_connection_status() != CONNECTED:
            assert time.monotonic() < patience
            client.poll()
            server.poll()
        (peer,) = server.get_peers()
        if "server" in narrow:
            sockets.narrow_ports.add(server.get_local_port())
        if "client" in narrow:
            sockets.narrow_ports.add(server.get_peer_port(peer))
        if "client" in closing:
            client.disconnect_peer(1)
        if "server" in closing:
            server.disconnect_peer(peer)
        often = turns.random()
        while client.get_connection_status() != DISCONNECTED or server.endpoint.links:
            assert time.monotonic() < patience
            (client if turns.random() < often else server).poll()
        assert at_client.of("connection_closed") == [(True,)], seed
        assert at_server.of("client_disconnected") == [(peer, True)], seed
        assert (client.failure, server.get_peer(peer).failure) == (None, None)
        server.stop()
        sockets.narrow_ports.clear()
