"""A system that has run out of something: each of our calls to it may fail, and all is told."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError
from peers import WebSocketClient
from peers.sockets import endpoint_sockets as sockets_module
from peers.sockets import name_lookup as resolver_module
from peers.sockets import selector as selector_module
from peers.sockets.selector import Selector
from tests.driving import PATIENCE, Recorder
from tests.peers.sessions import FixedServer

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED
MOST_CALLS = 100
"""More than the session below makes."""


class System:
    """Counts the calls of this process to sockets and selectors, and lets one of them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, code: int, fails: int) -> None:
        self.calls: list[str] = []
        self._code, self._fails = code, fails
        counted = self.count
        selector_class = type(selectors.DefaultSelector())

        class Socket(socket.socket):
            def __init__(self, *args: Any, **options: Any) -> None:
                if len(args) < 4 and "fileno" not in options:  # else it is there already
                    counted("socket")
                super().__init__(*args, **options)

            def connect(self, address: Any) -> None:
                counted("connect")
                super().connect(address)

            def accept(self) -> tuple[socket.socket, Any]:
                counted("accept")
                return super().accept()

            def getsockopt(self, *args: Any) -> Any:
                counted("getsockopt")
                return super().getsockopt(*args)

            def getpeername(self) -> Any:
                counted("getpeername")
                return super().getpeername()

            def setsockopt(self, *args: Any) -> None:
                counted("setsockopt")
                super().setsockopt(*args)

            def recv(self, size: int, flags: int = 0) -> bytes:
                counted("recv")
                return super().recv(size, flags)

            def send(self, data: Any, flags: int = 0) -> int:
                counted("send")
                return super().send(data, flags)

        class Counted(selector_class):
            def __init__(self) -> None:
                counted("selector")
                super().__init__()

            def register(self, *args: Any) -> Any:
                counted("register")
                return super().register(*args)

            def modify(self, *args: Any) -> Any:
                counted("modify")
                return super().modify(*args)

        socketpair = socket.socketpair

        def counted_pair() -> Any:
            counted("socketpair")
            return socketpair()

        def two_addresses(host: str, port: int, **kwargs: object) -> list[object]:
            kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
            return [(*kind, ("127.0.0.1", port))]

        monkeypatch.setattr(sockets_module.socket, "socket", Socket)
        monkeypatch.setattr(sockets_module.socket, "socketpair", counted_pair)
        monkeypatch.setattr(selector_module.selectors, "DefaultSelector", Counted)
        monkeypatch.setattr(resolver_module.socket, "getaddrinfo", two_addresses)

    def recover(self) -> None:
        """Let no call fail any more."""
        self._fails = -1

    def count(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self._fails + 1:
            raise OSError(self._code, f"{name} cannot be had")


def listen(server: FixedServer) -> MultiplayerError | None:
    """Listen; return what is raised, which can be one thing only."""
    try:
        server.listen(0, gd_mp_api=True)
    except MultiplayerError as error:
        return error
    return None


def play(server: FixedServer, host: str) -> WebSocketClient:
    """Connect, exchange a packet and part, as far as that goes; return the client."""
    client = WebSocketClient()
    told = Recorder(client)
    client.connect_to_url(f"ws://{host}:{server.get_local_port()}", gd_mp_api=True)
    patience = time.monotonic() + PATIENCE

    def poll_until(condition: Callable[[], object]) -> None:
        while not condition():
            assert time.monotonic() < patience, told.log
            server.ahead += 0.01
            client.poll()
            server.poll()

    poll_until(lambda: client.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTING)
    if client.get_connection_status() == CONNECTED:
        client.put_packet(b"hello")
        server.set_target_peer(client.get_unique_id())
        poll_until(lambda: client.failure or server.get_available_packet_count())
        while server.get_available_packet_count():
            server.get_packet()
        client.disconnect_peer(1)
        poll_until(lambda: client.get_connection_status() == DISCONNECTED)
    elif client.failure is None:
        raise AssertionError("it is not told why")
    assert told.log[-1][0] in ("connection_failed", "connection_closed", "server_disconnected")
    poll_until(lambda: not server.get_peers() and not server.endpoint.links)
    return client


@pytest.mark.parametrize("host", ["127.0.0.1", "some.name.invalid"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.ENOBUFS], ids=["ENOSPC", "ENOBUFS"])
def test_each_call_may_fail_and_all_goes_on(host: str, code: int) -> None:
    failures: list[str] = []
    names: set[str] = set()
    for fails in range(MOST_CALLS):
        with pytest.MonkeyPatch.context() as monkeypatch:
            server = FixedServer()
            server.bind_ip = "127.0.0.1"
            system = System(monkeypatch, code, fails)
            refused = listen(server)
            if refused is not None:
                assert refused.code == Error.ERR_CANT_CREATE
                failures.append("listen")
                assert listen(server) is None
            first = play(server, host)
            if first.failure is not None:
                failures.append(first.failure.stage)
            calls = [*system.calls]
            system.recover()
            assert play(server, host).failure is None
            server.stop()
            if len(calls) <= fails:  # none has failed
                break
            names.add(calls[fails])
    else:
        raise AssertionError(f"more calls than {MOST_CALLS}")
    assert {"selector", "register", "modify", "socket", "connect", "accept", "recv"} <= names
    assert {"listen", "tcp"} <= {*failures}
    assert host == "127.0.0.1" or "dns" in failures


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENOBUFS, errno.ENOMEM])
def test_no_socket_to_dial_with_is_a_failure_that_is_told(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = WebSocketClient()
    at_client = Recorder(client)

    def exhausted(*args: object, **kwargs: object) -> None:
        raise OSError(code, "none left")

    with monkeypatch.context() as patched:
        patched.setattr(sockets_module.socket, "socket", exhausted)
        client.connect_to_url("ws://127.0.0.1:9", gd_mp_api=True)
        client.poll()
    assert at_client.names() == ["connection_error", "connection_failed"]
    assert client.failure is not None
    assert client.failure.stage == "tcp"
    assert "none left" in client.failure.detail
    assert client.get_connection_status() == DISCONNECTED


def test_a_server_that_cannot_watch_newcomers_rests_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = FixedServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    tried: list[object] = []

    def full(*args: object) -> None:
        tried.append(args)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, socket.socket() as newcomer:
        patched.setattr(Selector, "register", full)
        newcomer.connect(("127.0.0.1", server.get_local_port()))
        while not tried:
            server.poll()
        assert server.endpoint.next_deadline() > server.now()
        for _ in range(5):  # the listener itself cannot be watched again
            server.ahead += 0.2
            server.poll()
        assert len(tried) == 6
    assert play(server, "127.0.0.1").failure is None
    said = [
        record.getMessage() for record in caplog.records if record.name == "peers.sockets.engine"
    ]
    why = "tcp: the connection cannot be waited for: No space left on device"
    assert said == [
        f"no connection can be accepted for now: {why}",
        "connections are accepted again after 6 rests",
    ]
    server.stop()
