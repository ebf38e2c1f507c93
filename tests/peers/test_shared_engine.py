"""``SocketEngine``: several peers share one selector, and nothing else."""

from __future__ import annotations

import select
import selectors
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import ConnectionStatus, Error, MultiplayerError
from peers import SocketEngine, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.sockets import selector as selector_module
from peers.testing import Pair
from tests.drivers import Way
from tests.driving import DRIVES, PATIENCE, Recorder, pause, under_asyncio, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.driving import Drive

has_descriptor = pytest.mark.skipif(
    not hasattr(selectors.DefaultSelector, "fileno"), reason="the selector has no descriptor"
)

on_sockets = pytest.mark.parametrize("drive", DRIVES, indirect=True)

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED


class Peers:
    """Servers and clients that share an engine."""

    def __init__(self, add: Callable[[WebSocketMultiplayerPeer], object]) -> None:
        self.engine = SocketEngine()
        self._add = add

    def server(self) -> WebSocketServer:
        server = WebSocketServer()
        server.use_engine(self.engine)
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=True)
        self._add(server)
        return server

    def client(self, server: WebSocketServer) -> WebSocketClient:
        client = WebSocketClient()
        client.use_engine(self.engine)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
        self._add(client)
        return client

    @property
    def watched(self) -> int:
        """How many sockets the one selector waits for."""
        return len(self.engine._common.selector.sockets())


def descriptors(*peers: WebSocketMultiplayerPeer) -> set[int | None]:
    return {peer.endpoint.fileno() for peer in peers}


async def hears(server: WebSocketServer, client: WebSocketClient, packet: bytes) -> None:
    """Let the server send a packet that a client gets."""
    server.set_target_peer(client.get_unique_id())
    server.put_packet(packet)
    server.endpoint.wake()
    await until(client.get_available_packet_count)
    assert client.get_packet() == packet


async def asks(client: WebSocketClient, server: WebSocketServer, packet: bytes) -> None:
    client.set_target_peer(1)
    client.put_packet(packet)
    await until(server.get_available_packet_count)
    assert server.get_packet() == packet


@pytest.fixture(params=["epoll or kqueue", "select"])
def selector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without a selector that has a descriptor."""
    if request.param == "select":
        monkeypatch.setattr(selector_module.selectors, "DefaultSelector", selectors.SelectSelector)


@on_sockets
@pytest.mark.usefixtures("selector")
async def test_two_servers_and_their_clients_on_one_engine(drive: Drive) -> None:
    peers = Peers(drive.add)
    first, second = peers.server(), peers.server()
    pairs = [(server, peers.client(server)) for server in (first, second, first, second, first)]
    await until(lambda: all(client.get_unique_id() > 1 for _, client in pairs))
    assert peers.watched == 2 + 2 * len(pairs)
    told = [Recorder(client) for _, client in pairs]
    for number, (server, client) in enumerate(pairs):
        await hears(server, client, b"down %d" % number)
        await asks(client, server, b"up %d" % number)
    assert len(first.get_peers()) == 3
    first.stop()
    ended = [client for server, client in pairs if server is first]
    await until(lambda: all(client.get_connection_status() == 0 for client in ended))
    await until(lambda: peers.watched == 1 + 2 * 2)
    for number, (server, client) in enumerate(pairs):
        if server is second:
            await hears(server, client, b"still %d" % number)
            await asks(client, server, b"still %d" % number)
    late = peers.client(second)
    await until(lambda: late.get_unique_id() > 1)
    await asks(late, second, b"late")
    for recorder, (server, _) in zip(told, pairs, strict=True):
        assert ("server_disconnected" in recorder.names()) is (server is first)


@pytest.mark.handlers_fail
@on_sockets
@pytest.mark.usefixtures("selector")
async def test_a_listener_that_raises_ends_nothing_of_others(drive: Drive) -> None:
    peers = Peers(drive.add)
    first, second = peers.server(), peers.server()
    one, other = peers.client(first), peers.client(second)
    await until(lambda: one.get_unique_id() > 1 and other.get_unique_id() > 1)
    failures: list[object] = []

    def fail(source: int) -> None:
        raise ZeroDivisionError

    first.peer_packet.connect(fail)
    first.handler_failed.connect(lambda *args: failures.append(args))
    one.set_target_peer(1)
    one.put_packet(b"x")
    await until(lambda: failures)
    await asks(other, second, b"not for the one that failed")
    assert first.get_packet() == b"x"
    await asks(one, first, b"nor is it over")


def test_a_poll_moves_what_is_its_own_and_leaves_the_rest() -> None:
    peers = Peers(lambda _: None)
    first, second = peers.server(), peers.server()
    one, other = peers.client(first), peers.client(second)
    everybody = (first, second, one, other)
    poll_until(lambda: one.get_unique_id() > 1 and other.get_unique_id() > 1, *everybody)
    one.set_target_peer(1)
    one.put_packet(b"first")
    other.set_target_peer(1)
    other.put_packet(b"second")
    before = second.statistics
    poll_until(first.get_available_packet_count, first)
    for _ in range(5):
        first.poll()
    after = second.statistics
    assert (after.packets_received, after.bytes_received) == (before.packets_received, 0)
    assert second.get_available_packet_count() == 0
    second.poll()
    assert second.get_packet() == b"second"
    for peer in everybody:
        peer.close()
    assert not peers.engine._common.selector.is_open


@has_descriptor
def test_what_nobody_polls_does_not_keep_the_selector_ready() -> None:
    peers = Peers(lambda _: None)
    server, still = peers.server(), peers.server()
    client, quiet = peers.client(server), peers.client(still)
    everybody = (server, still, client, quiet)
    poll_until(lambda: client.get_unique_id() > 1 and quiet.get_unique_id() > 1, *everybody)
    quiet.set_target_peer(1)
    quiet.put_packet(b"for one that is not polled")
    descriptor = peers.engine.fileno()
    assert descriptor is not None
    poll_until(lambda: not select.select([descriptor], [], [], 0.01)[0], server, client)
    client.set_target_peer(1)
    client.put_packet(b"for one that is")
    poll_until(server.get_available_packet_count, server, client)
    assert still.get_available_packet_count() == 0
    assert still.endpoint.next_deadline() < 0 < server.endpoint.next_deadline()
    still.poll()
    assert still.get_packet() == b"for one that is not polled"
    quiet.put_packet(b"again")
    poll_until(still.get_available_packet_count, still)
    assert still.get_packet() == b"again"
    for peer in everybody:
        peer.close()


def poll_until(condition: Callable[[], object], *peers: WebSocketMultiplayerPeer) -> None:
    Pair(peers[0], peers[-1]).until(
        lambda: ([peer.poll() for peer in peers[1:-1]], condition())[1], PATIENCE
    )


@has_descriptor
def test_one_descriptor_for_all() -> None:
    peers = Peers(lambda _: None)
    first, second = peers.server(), peers.server()
    assert descriptors(first, second) == {peers.engine.fileno()}
    other = WebSocketServer()
    other.listen(0)
    assert descriptors(first, other) == {peers.engine.fileno(), other.endpoint.fileno()}
    for server in (first, second, other):
        server.stop()
    assert not peers.engine._common.selector.is_open


@pytest.mark.usefixtures("selector")
async def test_whoever_waits_for_all_may_end_and_another_goes_on(way: Way) -> None:
    peers = Peers(lambda _: None)
    servers = [peers.server() for _ in range(3)]
    clients = [peers.client(server) for server in servers]
    scopes = [trio.CancelScope() for _ in range(6)]

    async def run(peer: WebSocketMultiplayerPeer, scope: trio.CancelScope) -> None:
        with scope:
            await way.run(peer)

    async with trio.open_nursery() as nursery:
        for peer, scope in zip([*servers, *clients], scopes, strict=True):
            nursery.start_soon(run, peer, scope)
        await until(lambda: all(client.get_unique_id() > 1 for client in clients))
        for number in range(2):
            watcher = peers.engine._common.watcher
            assert watcher is not None
            left = [peer for peer in (*servers, *clients) if peer.endpoint is watcher.waiter]
            index = [*servers, *clients].index(left[0]) % 3
            scopes[index].cancel()  # the server and its client: one of them waits for all
            await until(lambda index=index: clients[index].get_connection_status() == 0)
            scopes[3 + index].cancel()
            for each in range(3):
                if clients[each].get_connection_status() == CONNECTED:
                    await asks(clients[each], servers[each], b"%d" % number)
                    await hears(servers[each], clients[each], b"%d" % number)
        nursery.cancel_scope.cancel()
    assert not peers.engine._common.selector.is_open


@under_asyncio
async def test_trio_and_asyncio_drive_peers_of_one_engine(nursery: trio.Nursery) -> None:
    peers = Peers(lambda _: None)
    server, client = peers.server(), None
    nursery.start_soon(Way("trio").run, server)
    client = peers.client(server)
    nursery.start_soon(Way("asyncio").run, client)
    await until(lambda: client.get_unique_id() > 1)
    for number in range(10):
        await asks(client, server, b"%d" % number)
        await hears(server, client, b"%d" % number)
    server.begin_leaving()
    await until(lambda: client.get_connection_status() == server.get_connection_status() == 0)


async def test_nobody_is_woken_without_end_by_what_is_polled_by_hand() -> None:
    peers = Peers(lambda _: None)
    run, polled = peers.server(), peers.server()
    polls = 0
    poll = run.poll

    def counted() -> None:
        nonlocal polls
        polls += 1
        poll()

    run.poll = counted
    client = peers.client(polled)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Way("trio").run, run)
        while client.get_unique_id() <= 1:
            polled.poll()
            client.poll()
            await pause()
        client.set_target_peer(1)
        client.put_packet(b"waits")
        before = polls
        for _ in range(20):
            await pause()
        assert polls - before <= 4
        polled.poll()
        assert polled.get_packet() == b"waits"
        nursery.cancel_scope.cancel()
    for peer in (polled, client):
        peer.close()


def test_an_engine_is_used_from_the_beginning_or_not_at_all() -> None:
    engine = SocketEngine()
    server = WebSocketServer()
    with pytest.raises(MultiplayerError, match="make one with") as wrong:
        server.use_engine(None)  # type: ignore[arg-type]
    assert wrong.value.code == Error.ERR_INVALID_PARAMETER
    server.listen(0)
    with pytest.raises(MultiplayerError, match="is in use") as raised:
        server.use_engine(engine)
    assert raised.value.code == Error.ERR_ALREADY_IN_USE
    server.stop()
    server.use_engine(engine)
    with pytest.raises(MultiplayerError, match="has an engine"):
        server.use_engine(engine)
