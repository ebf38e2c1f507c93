"""Sockets, descriptors and threads: all are given back, whatever ends a peer."""

from __future__ import annotations

import gc
import math
import os
import socket
import subprocess
import sys
import threading
import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import ConnectionStatus, Node, SceneMultiplayer
from peers import WebSocketClient, WebSocketServer, connect, run, serve
from peers.sockets import name_lookup as resolver_module
from peers.testing import connected_pair
from peers.websocket.link import Link
from tests.driving import Drive, Recorder, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DESCRIPTORS = Path("/dev/fd")


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Counts descriptors and threads before and after a test."""
    if not DESCRIPTORS.exists():
        pytest.skip("this system does not tell which descriptors are open")
    gc.collect()
    before = (descriptors(), threading.active_count())
    yield
    gc.collect()
    assert descriptors() <= before[0]
    assert threading.active_count() <= before[1]  # an earlier test's look-up may have ended


def descriptors() -> int:
    return len(os.listdir(DESCRIPTORS))  # noqa: PTH208 - a path for each would open them


@pytest.mark.usefixtures("nothing_left")
def test_polled_peers_give_everything_back() -> None:
    for gd_mp_api in (True, False):
        with connected_pair(gd_mp_api) as pair:
            pair.poll()
    server = WebSocketServer()
    server.listen(0)
    server.stop()


@pytest.mark.usefixtures("nothing_left")
def test_running_peers_give_everything_back_also_when_cancelled() -> None:
    async def main() -> None:
        async with connected_pair():
            pass
        with trio.CancelScope() as scope:
            async with serve(0) as server:
                port = server.get_local_port()
                async with connect(f"ws://127.0.0.1:{port}"), connect(f"ws://127.0.0.1:{port}"):
                    scope.cancel()
                    await trio.sleep_forever()
        assert scope.cancelled_caught

    trio.run(main)


@pytest.mark.usefixtures("nothing_left")
def test_forgotten_peers_close_their_sockets_without_waiting_for_the_garbage_collector() -> None:
    gc.disable()
    try:
        with connected_pair() as pair:
            client = WebSocketClient()
            client.connect_to_url(f"ws://127.0.0.1:{pair.server.get_local_port()}", gd_mp_api=True)
            at_server = Recorder(pair.server)
            while client.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTED:
                client.poll()
                pair.poll()
            peer = client.get_unique_id()
            at_server.log.clear()
            del client
            pair.until(lambda: "client_disconnected" in at_server)
            assert at_server.log[0] == ("client_close_request", peer, 1000, "")
    finally:
        gc.enable()


@pytest.mark.usefixtures("nothing_left")
def test_forgotten_peers_with_listeners_of_their_own_are_collected() -> None:
    server = WebSocketServer()
    server.listen(0)
    # The listener holds the server that holds the listener.
    server.client_connected.connect(partial(print, server))
    port = server.get_local_port()
    del server
    gc.collect()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.parametrize("what", ["api", "peer"])
def test_what_is_run_is_held_with_the_api_above_it(what: str) -> None:
    async def main() -> None:
        async with serve(0) as server, trio.open_nursery() as nursery:
            client, api = WebSocketClient(), SceneMultiplayer(Node("root"))
            client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
            api.multiplayer_peer = client
            nursery.start_soon(run, api if what == "api" else client)
            held = weakref.ref(api)
            del api, client
            await until(server.get_peers)
            gc.collect()
            assert held() is not None
            assert server.get_peers()
            nursery.cancel_scope.cancel()

    trio.run(main)


def poll_until(server: WebSocketServer, condition: Callable[[], object]) -> None:
    for _ in range(100_000):
        server.poll()
        if condition():
            return
    raise AssertionError("did not come true")


def count_links() -> int:
    gc.collect()
    return sum(isinstance(each, Link) for each in gc.get_objects())


def test_polled_servers_keep_nothing_of_clients_whose_deadline_never_comes() -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.handshake_timeout = math.inf
    server.listen(0)
    before = count_links()
    for _ in range(300):
        with socket.create_connection(("127.0.0.1", server.get_local_port())):
            poll_until(server, lambda: server.endpoint.links)
        poll_until(server, lambda: not server.endpoint.links)
    assert count_links() < before + 100
    server.stop()


def test_a_process_that_ends_says_goodbye() -> None:
    program = """
import sys
from peers import WebSocketClient
client = WebSocketClient()
client.connect_to_url(sys.argv[1], gd_mp_api=True)
while client.get_connection_status() != 2:
    client.poll()
"""
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    at_server = Recorder(server)
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    with subprocess.Popen([sys.executable, "-c", program, url]) as process:
        try:
            while "client_disconnected" not in at_server:
                assert process.poll() in (None, 0)
                server.poll()
        finally:
            process.kill()
    assert [entry[2:] for entry in at_server.log if entry[0] == "client_close_request"] == [
        (1000, "")
    ]
    server.stop()


@pytest.mark.usefixtures("nothing_left")
def test_a_name_lookup_that_hangs_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    threads = threading.active_count()

    def hang(*args: object, **kwargs: object) -> list[object]:
        released.wait(10)
        return []

    monkeypatch.setattr(resolver_module.socket, "getaddrinfo", hang)
    client = WebSocketClient()
    client.handshake_timeout = 0.05
    client.connect_to_url("ws://hangs.invalid")
    while client.get_connection_status() != ConnectionStatus.CONNECTION_DISCONNECTED:
        client.poll()
    assert client.failure is not None
    assert client.failure.stage == "timeout"
    assert threading.active_count() == threads + 1
    released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("look up"):
            thread.join(10)


async def test_the_addresses_of_a_name_are_tried_in_turn(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    drive.add(server)
    closed = socket.create_server(("127.0.0.1", 0))
    dead_port = closed.getsockname()[1]
    closed.close()

    def two_addresses(host: str, port: int, **kwargs: object) -> list[object]:
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", dead_port)), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(resolver_module.socket, "getaddrinfo", two_addresses)
    client = WebSocketClient()
    at_client = Recorder(client)
    client.connect_to_url(f"ws://some.name.invalid:{server.get_local_port()}")
    drive.add(client)
    await until(lambda: at_client.log)
    assert at_client.log == [("connection_established", "")]


@pytest.mark.needs_sockets
async def test_a_name_that_does_not_resolve_is_a_failure(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: object, **kwargs: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(resolver_module.socket, "getaddrinfo", unknown)
    client = WebSocketClient()
    at_client = Recorder(client)
    client.connect_to_url("ws://nobody.invalid", gd_mp_api=True)
    drive.add(client)
    await until(lambda: len(at_client.log) == 2)
    assert at_client.log == [("connection_error",), ("connection_failed",)]
    assert client.failure is not None
    assert client.failure.stage == "dns"
    assert "nobody.invalid cannot be resolved" in client.failure.detail
