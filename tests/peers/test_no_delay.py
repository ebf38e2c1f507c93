"""Small packets leave at once (TCP_NODELAY), whether or not a listening socket passes that on."""

from __future__ import annotations

import socket

import pytest

from peers import WebSocketServer
from peers.sockets import endpoint_sockets
from peers.sockets.tcp import PASSES_ON_NO_DELAY

OPTION = socket.IPPROTO_TCP, socket.TCP_NODELAY


@pytest.mark.parametrize("passed_on", sorted({PASSES_ON_NO_DELAY, False}))
def test_who_is_accepted_gets_small_packets_at_once(
    passed_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_sockets, "PASSES_ON_NO_DELAY", passed_on)
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    engine = server.endpoint.engine
    assert isinstance(engine, endpoint_sockets.EndpointSockets)
    if not passed_on:
        listener = engine._listener.sock
        assert listener is not None
        listener.setsockopt(*OPTION, 0)
    with socket.create_connection(("127.0.0.1", server.get_local_port())):
        while not engine.connections:
            server.poll()
        (connection,) = engine.connections.values()
        assert connection.sock is not None
        assert connection.sock.getsockopt(*OPTION)
    server.stop()
