"""``MemoryNetwork``: the ordinary peers over pipes, in a time of their own."""

from __future__ import annotations

import gc
import os
import weakref
from dataclasses import replace

import pytest

from multiplayer import (
    ConnectionStatus,
    Dialect,
    Error,
    MultiplayerError,
    SceneMultiplayer,
    TransferMode,
    rpc,
)
from multiplayer.testing.simulation.chance import Chance
from peers import TLSOptions, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.driving import Recorder

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED
URL = "ws://game.example:9080"


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork(seed=7)


def serving(network: MemoryNetwork, *, gd_mp_api: bool = True) -> WebSocketServer:
    server = network.add(WebSocketServer())
    server.on_error = "raise"
    server.listen(9080, gd_mp_api=gd_mp_api)
    return server


def joined(
    network: MemoryNetwork, *, gd_mp_api: bool = True, address: str = "127.0.0.1"
) -> WebSocketClient:
    client = network.add(WebSocketClient(), address=address)
    client.on_error = "raise"
    client.connect_to_url(URL, gd_mp_api=gd_mp_api)
    network.settle()
    assert client.get_connection_status() == CONNECTED
    return client


def test_a_session_comes_up_and_packets_go_both_ways(network: MemoryNetwork) -> None:
    server = serving(network)
    heard = Recorder(server)
    one, other = joined(network), joined(network)
    assert server.get_peers() == sorted([one.get_unique_id(), other.get_unique_id()])
    assert one.get_peers() == [1, other.get_unique_id()]
    for sender, hearers in ((server, (one, other)), (one, (server, other))):
        sender.set_target_peer(0)
        sender.put_packet(b"to all")
        network.settle()
        for hearer in hearers:
            assert hearer.get_packet_peer() == sender.get_unique_id()
            assert hearer.get_packet() == b"to all"
    assert network.now == 0.0
    assert heard.names().count("peer_connected") == 2


def test_the_server_kicks_with_a_code(network: MemoryNetwork) -> None:
    server = serving(network)
    client = joined(network)
    heard = Recorder(client)
    server.disconnect_peer(client.get_unique_id(), 4001, "no cheating")
    network.settle()
    assert client.get_connection_status() == DISCONNECTED
    assert heard.of("server_close_request") == [(4001, "no cheating")]
    assert server.get_peers() == []


def test_an_address_is_seen_and_counted(network: MemoryNetwork) -> None:
    server = network.add(WebSocketServer())
    server.limits = replace(server.limits, max_peers_per_address=1)
    server.listen(9080, gd_mp_api=True)
    client = joined(network, address="10.0.0.2")
    assert server.get_peer_address(client.get_unique_id()) == "10.0.0.2"
    late = network.add(WebSocketClient(), address="10.0.0.2")
    late.connect_to_url(URL, gd_mp_api=True)
    network.settle()
    assert late.failure is not None
    assert "429" in late.failure.detail
    joined(network, address="10.0.0.3")


def test_nobody_listens(network: MemoryNetwork) -> None:
    client = network.add(WebSocketClient())
    client.connect_to_url(URL)
    network.settle()
    assert client.failure is not None
    assert (client.failure.stage, client.failure.detail) == (
        "tcp",
        "the connection was not accepted: Connection refused",
    )


def test_a_port_is_had_once_and_given_back(network: MemoryNetwork) -> None:
    first, second = serving(network), network.add(WebSocketServer())
    with pytest.raises(MultiplayerError) as caught:
        second.listen(9080)
    assert caught.value.code == Error.ERR_ALREADY_IN_USE
    first.stop()
    second.listen(9080)
    third = network.add(WebSocketServer())
    third.listen(0)
    assert third.get_local_port() not in (0, 9080)


def test_heartbeats_end_a_client_that_stands_still(network: MemoryNetwork) -> None:
    """45 seconds after the last word of it: ``heartbeat_interval`` is 15 on servers of sessions."""
    server = serving(network)
    client = joined(network)
    id_ = client.get_unique_id()
    network.advance(3600)
    assert server.has_peer(id_)
    network.pause(client)
    network.advance(44.9)
    assert server.has_peer(id_)
    network.advance(15.1)
    assert not server.has_peer(id_)


def test_a_closing_handshake_without_an_answer_ends_in_time(network: MemoryNetwork) -> None:
    server = serving(network)
    client = joined(network)
    network.pause(client)
    server.disconnect_peer(client.get_unique_id())
    network.advance(2.9)
    assert not server.endpoint.idle
    heard = Recorder(server)
    network.advance(0.2)
    assert heard.of("client_disconnected") == [(client.get_unique_id(), False)]


def test_who_does_not_read_fills_the_pipe_and_is_closed_with_4013(network: MemoryNetwork) -> None:
    server = serving(network)
    client = joined(network)
    heard = Recorder(client)
    network.pause(client)
    server.set_target_peer(client.get_unique_id())
    for _ in range(40):
        server.put_packet(bytes(10_000))
        network.settle()
        if not server.has_peer(client.get_unique_id()):
            break
    peer = server.get_peer(client.get_unique_id())
    assert peer.statistics.limits_reached["outbound_buffer_size"] == 1
    network.resume(client)
    network.advance(10)
    assert [code for code, _ in heard.of("server_close_request")] == [4013]


def test_unreliable_packets_are_dropped_where_the_pipe_is_full() -> None:
    network = MemoryNetwork(buffer_size=1000)
    server = serving(network)
    client = joined(network)
    network.pause(client)
    server.transfer_mode = TransferMode.TRANSFER_MODE_UNRELIABLE
    for _ in range(20):
        server.put_packet(bytes(500))
        network.settle()
    assert server.statistics.drops["unreliable"] > 10
    network.resume(client)
    network.settle()
    assert client.get_available_packet_count() == 20 - server.statistics.drops["unreliable"]


def test_plain_mode_and_text(network: MemoryNetwork) -> None:
    server = serving(network, gd_mp_api=False)
    heard = Recorder(server)
    client = joined(network, gd_mp_api=False)
    client.get_peer(1).send_text("héllo")
    network.settle()
    ((id_,),) = heard.of("data_received")
    peer = server.get_peer(id_)
    assert peer.get_packet().decode() == "héllo"
    assert peer.was_string_packet()


def test_tls(network: MemoryNetwork) -> None:
    leaf = certificate("game.example")
    server, client = (network.add(WebSocketMultiplayerPeer()) for _ in range(2))
    server.create_server(9080, "*", TLSOptions.server(key_of(leaf), chain_of(leaf)))
    client.create_client("wss://game.example:9080", TLSOptions.client(anchor()))
    network.settle()
    assert client.get_connection_status() == CONNECTED
    client.put_packet(b"secret")
    network.settle()
    assert server.get_packet() == b"secret"


class Greeter:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @rpc("any_peer")
    def greet(self, name: str) -> str:
        self.heard.append(name)
        return f"hello {name}"


@pytest.mark.parametrize("dialect", [Dialect.NATIVE, Dialect.GODOT_4, Dialect.GODOT_3])
def test_calls(network: MemoryNetwork, dialect: Dialect) -> None:
    greeters: list[Greeter] = []
    apis: list[SceneMultiplayer] = []
    for serving_ in (True, False):
        api, greeter = SceneMultiplayer(dialect=dialect), Greeter()
        api.on_error = "raise"
        api.add("Main", greeter)
        peer: WebSocketMultiplayerPeer
        if dialect is Dialect.GODOT_4:
            peer = network.add(WebSocketMultiplayerPeer(), polled_by=api)
            if serving_:
                peer.create_server(9080)
            else:
                peer.create_client(URL)
        elif serving_:
            peer = network.add(WebSocketServer(), polled_by=api)
            peer.listen(9080, gd_mp_api=True)
        else:
            peer = network.add(WebSocketClient(), polled_by=api)
            peer.connect_to_url(URL, gd_mp_api=True)
        api.multiplayer_peer = peer
        greeters.append(greeter)
        apis.append(api)
    network.settle()
    assert apis[1].get_peers() == [1]
    greeters[1].greet.rpc_id(1, "Ada")
    network.settle()
    assert greeters[0].heard == ["Ada"]


def told(seed: int) -> tuple[list[int], list[tuple[float, bytes]]]:
    network = MemoryNetwork(seed=seed)
    server = serving(network)
    heard: list[tuple[float, bytes]] = []
    server.peer_packet.connect(lambda _: heard.append((network.now, server.get_packet())))
    clients = [joined(network) for _ in range(5)]
    for step in range(20):
        for at, client in enumerate(clients):
            client.set_target_peer(1)
            client.put_packet(bytes((step, at)))
        network.advance(0.05)
    return server.get_peers(), heard


def test_one_seed_gives_one_run_and_another_other_ids() -> None:
    assert told(3) == told(3)
    assert told(3)[0] != told(4)[0]
    assert told(3)[1] == told(4)[1]


def test_chance_is_the_published_generator() -> None:
    """The seed is mixed by SplitMix64, whose first output for 0 is published with it."""
    chance = Chance(0)
    assert chance._state == 0xE220A8397B1DCDAF
    assert [Chance(1).bits(31) for _ in range(2)] == [Chance(1).bits(31)] * 2
    long = Chance(5).bits(200)
    assert 0 <= long < 1 << 200
    assert long & (1 << 64) - 1 == Chance(5).bits(64)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), "1"])
def test_times_that_are_none(network: MemoryNetwork, seconds: float) -> None:
    with pytest.raises(MultiplayerError) as caught:
        network.advance(seconds)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_what_cannot_be_added(network: MemoryNetwork) -> None:
    listening = WebSocketServer()
    listening.bind_ip = "127.0.0.1"
    listening.listen(0)
    added = network.add(WebSocketClient())
    for peer in (listening, added):
        with pytest.raises(MultiplayerError) as caught:
            network.add(peer)
        assert caught.value.code == Error.ERR_ALREADY_IN_USE
    listening.stop()
    with pytest.raises(MultiplayerError, match="polled_by= for its API") as caught:
        network.add(SceneMultiplayer())  # type: ignore[type-var]
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    with pytest.raises(MultiplayerError):
        MemoryNetwork(buffer_size=0)


def test_two_that_answer_each_other_for_ever_are_noticed(network: MemoryNetwork) -> None:
    server = serving(network)
    client = joined(network)
    server.peer_packet.connect(lambda _: server.put_packet(server.get_packet()))
    client.peer_packet.connect(lambda _: client.put_packet(client.get_packet()))
    network.most_rounds = 1000
    client.put_packet(b"ball")
    with pytest.raises(MultiplayerError, match="does not settle") as caught:
        network.settle()
    assert caught.value.code == Error.ERR_TIMEOUT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_of_a_fork_goes_on_with_a_network_of_its_own(network: MemoryNetwork) -> None:
    server = serving(network)
    client = joined(network)
    child = os.fork()
    if not child:
        client.put_packet(b"from the child")
        network.settle()
        os._exit(server.get_available_packet_count())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    client.put_packet(b"from the parent")
    network.settle()
    assert server.get_packet() == b"from the parent"


def test_an_api_that_polls_is_not_kept_alive_either(network: MemoryNetwork) -> None:
    api = SceneMultiplayer()
    peer = network.add(WebSocketServer(), polled_by=api)
    peer.listen(9080, gd_mp_api=True)
    api.multiplayer_peer = peer
    network.settle()
    gone = weakref.ref(api), weakref.ref(peer)
    del api, peer
    gc.collect()
    assert [each() for each in gone] == [None, None]
    network.settle()


def test_nothing_is_left_of_a_peer_that_nobody_holds(network: MemoryNetwork) -> None:
    server = serving(network)
    client = joined(network)
    id_ = client.get_unique_id()
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    network.settle()
    assert not server.has_peer(id_)  # it was closed, as a socket is
    server.stop()
    network.advance(10)
    assert server.endpoint.idle
