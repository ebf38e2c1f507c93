"""Small packets leave at once (TCP_NODELAY), whether or not a listening socket passes that on."""

from __future__ import annotations

import socket

import pytest

from peers import WebSocketServer
from peers.sockets.endpoint_sockets import EndpointSockets

OPTION = socket.IPPROTO_TCP, socket.TCP_NODELAY


def listen(server: WebSocketServer, *, passed_on: bool) -> socket.socket:
    """The listening socket, on a system that passes TCP_NODELAY on, or one that does not."""
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    engine = server.endpoint.engine
    assert isinstance(engine, EndpointSockets)
    listener = engine._listener.sock
    assert listener is not None
    listener.setsockopt(*OPTION, passed_on)
    return listener


def accepted(server: WebSocketServer) -> int:
    """The option of somebody who comes now."""
    engine = server.endpoint.engine
    before = engine.channels
    with socket.create_connection(("127.0.0.1", server.get_local_port())):
        while not (new := [each for each in engine.channels if each not in before]):
            server.poll()
        sock = engine.connections[new[0]].sock
        assert sock is not None
        return sock.getsockopt(*OPTION)


@pytest.mark.parametrize("passed_on", [True, False])
def test_who_is_accepted_gets_small_packets_at_once(passed_on: bool) -> None:
    server = WebSocketServer()
    listen(server, passed_on=passed_on)
    assert [bool(accepted(server)) for _ in range(3)] == [True] * 3
    server.stop()


@pytest.mark.skipif("sys.platform != 'linux'", reason="where an option is known to be passed on")
def test_only_the_first_of_each_listener_is_asked() -> None:
    server = WebSocketServer()
    listener = listen(server, passed_on=True)
    assert accepted(server)
    listener.setsockopt(*OPTION, 0)
    assert not accepted(server)
    server.stop()
    listen(server, passed_on=False)
    assert accepted(server)
    server.stop()
