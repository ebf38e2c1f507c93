"""``SimulatedNetwork``: sessions of peers in a box, and the sentences for what makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    GODOT_3,
    GODOT_4,
    NATIVE,
    ConnectionStatus,
    Dialect,
    Error,
    Limits,
    MultiplayerError,
    SceneMultiplayer,
    TransferMode,
)
from multiplayer.testing import MOBILE_3G, SimulatedNetwork, check_multiplayer_peer
from tests.driving import Recorder
from tests.multiplayer.testing.simulation.games import call, game

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.testing import SimulatedClient, SimulatedServer

CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED
WAYS = [("gd_mp", NATIVE), ("godot4", NATIVE), ("godot4", GODOT_4), ("gd_mp", GODOT_3)]


@pytest.fixture
def network() -> SimulatedNetwork:
    return SimulatedNetwork(seed=7)


def test_a_session_comes_up_and_packets_go_both_ways(network: SimulatedNetwork) -> None:
    server = network.create_server()
    heard = Recorder(server)
    one, other = network.create_client(server), network.create_client(server)
    network.settle()
    assert server.get_peers() == sorted([one.get_unique_id(), other.get_unique_id()])
    assert one.get_peers() == [1, other.get_unique_id()]
    one.set_target_peer(other.get_unique_id())
    one.put_packet(b"to the other")
    server.put_packet(b"to all")
    network.settle()
    assert [one.get_packet()] == [b"to all"]
    assert {other.get_packet(), other.get_packet()} == {b"to the other", b"to all"}
    one.close()
    network.settle()
    assert heard.names()[-2:] == ["peer_disconnected", "client_disconnected"]


@pytest.mark.parametrize(("envelope", "dialect"), WAYS)
def test_calls_reach_everybody(network: SimulatedNetwork, envelope: str, dialect: Dialect) -> None:
    network.conditions = MOBILE_3G
    server, one, other = game(network, 2, envelope, dialect)
    call(one, "say", 0, "hello")
    call(server, "say", other.id, [1, 2])
    network.settle()
    assert server.arena.heard == [(one.id, "hello")]
    assert other.arena.heard == [(1, [1, 2]), (one.id, "hello")]
    assert one.arena.heard == []


def test_a_call_is_answered(network: SimulatedNetwork) -> None:
    server, client = game(network, 1)
    pending = client.arena.double.call_id(1, 21)
    network.settle()
    assert pending.result() == 42
    assert server.peer.statistics.handler_errors == 0


def test_the_plain_envelope(network: SimulatedNetwork) -> None:
    server = network.create_server(envelope="plain")
    client = network.create_client(server)
    network.settle()
    (peer,) = server._server_role.clients.members
    server.get_peer(peer).put_packet(b"down")
    client.get_peer(1).put_packet(b"up")
    network.settle()
    assert client.get_peer(1).get_packet() == b"down"
    assert server.get_peer(peer).get_packet() == b"up"


def test_two_closes_cross_and_codes_arrive(network: SimulatedNetwork) -> None:
    server = network.create_server()
    client = network.create_client(server)
    network.settle()
    heard, at_server = Recorder(client), Recorder(server)
    server.get_peer(client.get_unique_id())
    client.disconnect_from_host(4001, "bye")
    network.settle()
    assert client.get_connection_status() == DISCONNECTED
    assert heard.names() == ["peer_disconnected", "server_disconnected", "connection_closed"]
    assert "client_close_request" in at_server.names()
    assert client.failure is None


def test_a_silent_peer_is_given_up(network: SimulatedNetwork) -> None:
    server = network.create_server(heartbeat_interval=1.0)
    client = network.create_client(server)
    network.settle()
    network.advance(10)
    assert server.get_peers() == [client.get_unique_id()]
    network.half_open(client)
    network.advance(1.5)
    assert server.get_peers() == [client.get_unique_id()]
    network.advance(2.5)
    assert server.get_peers() == []


def test_refusals(network: SimulatedNetwork) -> None:
    server = network.create_server()
    server.refuse_new_connections = True
    client = network.create_client(server)
    heard = Recorder(client)
    network.settle()
    assert heard.names() == ["connection_error", "connection_failed"]
    assert str(client.failure) == "http: 403: this server refuses new connections"
    assert server.statistics.failed_handshakes == 1
    nobody = network.create_client(4)
    network.settle()
    assert str(nobody.failure) == "tcp: nobody listens at port 4 of this network"


def test_a_client_can_connect_again(network: SimulatedNetwork) -> None:
    server = network.create_server()
    client = network.create_client(server)
    network.settle()
    first = client.get_unique_id()
    client.close()
    network.settle()
    client.connect_to_server(server)
    network.settle()
    assert server.get_peers() == [client.get_unique_id()] != [first]


def test_a_full_buffer_blocks_and_modes_are_dropped(network: SimulatedNetwork) -> None:
    server = network.create_server()
    client = network.create_client(server)
    network.settle()
    network.link(client).conditions = network.conditions.changed(buffer=1000)
    network.pause(client)
    for number in range(100):
        server.send_packet(b"%050d" % number, 0, TransferMode.TRANSFER_MODE_UNRELIABLE)
        network.advance(0.01)
    assert server.statistics.drops["unreliable"] > 50
    network.resume(client)
    network.settle()
    assert 10 < client.get_available_packet_count() < 50


def test_settings_are_those_of_the_peer(network: SimulatedNetwork) -> None:
    server = network.create_server(outbound_buffer_size=100)
    with pytest.raises(MultiplayerError) as caught:
        server.put_packet(bytes(200))
    assert caught.value.code == Error.ERR_OUT_OF_MEMORY
    for setting in ("colour", "poll", "peer_connected", "number", "envelope_name", "statistics"):
        with pytest.raises(MultiplayerError, match=f"simulated server has no setting '{setting}'"):
            network.create_server(**{setting: 1})


def test_limits_are_kept(network: SimulatedNetwork) -> None:
    limits = Limits(packets_per_second=10, max_violations=3, max_peers=2)
    server = network.create_server(limits=limits, inbound_buffer_size=500)
    one, other = network.create_client(server), network.create_client(server)
    network.settle()
    third = network.create_client(server)
    network.settle()
    assert str(third.failure) == "http: 503: this server is full"
    for _ in range(25):
        one.put_packet(b"much")
    network.settle()
    assert server.statistics.drops["rate"] > 0
    other.put_packet(bytes(1000))
    at_server = Recorder(server)
    network.settle()
    assert at_server.names() == ["peer_disconnected", "client_disconnected"]
    assert other.get_peer(1).get_close_code() == 1009
    assert server.statistics.limits_reached["inbound_buffer_size"] == 1


def test_a_slow_reader_is_closed_as_over_sockets(network: SimulatedNetwork) -> None:
    server = network.create_server(outbound_buffer_size=2000)
    client = network.create_client(server)
    network.settle()
    network.link(client).down.conditions = network.conditions.changed(buffer=1000)
    network.slow_reader(client, 0)
    for _ in range(10):
        server.put_packet(bytes(900))
        network.advance(0.1)
    assert server.statistics.limits_reached["outbound_buffer_size"] == 1
    network.slow_reader(client, None)
    network.settle()
    assert client.get_peer(1).get_close_code() == 4013
    assert server.get_peers() == []


def test_who_does_not_fetch_is_not_read_on(network: SimulatedNetwork) -> None:
    server = network.create_server(max_queued_packets=10)
    client = network.create_client(server)
    network.settle()
    for number in range(30):
        client.put_packet(b"%d" % number)
    network.settle()
    assert server.get_available_packet_count() == 10
    numbers: list[int] = []
    while server.get_available_packet_count():
        numbers.append(int(server.get_packet()))
        network.settle()
    assert numbers == [*range(30)]


def test_run_loop_is_a_game(network: SimulatedNetwork) -> None:
    network.conditions = MOBILE_3G
    server, client = game(network, 1)
    count = iter(range(1000))

    def step(seconds: float) -> None:
        assert seconds == pytest.approx(1 / 30)
        server.arena.say.rpc(next(count))

    assert network.run_loop(step, hz=30, seconds=2) == 60
    network.settle()
    assert client.arena.heard == [(1, number) for number in range(60)]


# ---------------------------------------------------------------- what makes no sense


def test_what_makes_no_sense(network: SimulatedNetwork) -> None:
    server = network.create_server()
    one, other = network.create_client(server), network.create_client(server)
    stranger = SimulatedNetwork().create_server()
    api = SceneMultiplayer()
    ways: dict[str, Callable[[], Any]] = {
        "is not a peer of this network": lambda: network.pause(stranger),
        "give its multiplayer_peer": lambda: network.pause(SceneMultiplayer()),  # type: ignore[arg-type]
        "is a server of another network": lambda: one.connect_to_server(stranger),
        "have no link": lambda: network.partition(one, other),
        "there is no envelope 'udp'": lambda: network.create_server(envelope="udp"),
        "another peer is called 'server'": lambda: network.create_server(name="server"),
        "listens at port": lambda: network.create_server(server.get_local_port()),
        "set one of this network first": lambda: network.attach(api),
        "no unreliable packet": lambda: network.replay_late(server, one),
        "is a server with a connection to each": lambda: network.half_open(server),
        "'yonder' is not a peer": lambda: network.create_client("yonder"),  # type: ignore[arg-type]
        "no preset 'moon'": lambda: SimulatedNetwork(conditions="moon"),
        "bytes_per_second must be": lambda: network.slow_reader(one, -1),
        "does not go backwards": lambda: network.advance(-0.1),
        "keeps no trace": lambda: SimulatedNetwork(trace=False).trace(),
    }
    for sentence, way in ways.items():
        with pytest.raises(MultiplayerError, match=sentence):
            way()


def test_a_network_that_never_settles_says_what_is_under_way(network: SimulatedNetwork) -> None:
    server = network.create_server()
    client = network.create_client(server)
    network.settle()
    server.peer_packet.connect(lambda _: server.put_packet(server.get_packet()))
    client.peer_packet.connect(lambda _: client.put_packet(client.get_packet()))
    client.put_packet(b"ball")
    network.most_steps = 500
    with pytest.raises(
        MultiplayerError, match=r"under way: #\d+ from (server|client 1) to"
    ) as caught:
        network.settle()
    assert caught.value.code == Error.ERR_TIMEOUT
    assert "use advance() or run_until()" in caught.value.message


def test_settle_does_not_wait_for_heartbeats(network: SimulatedNetwork) -> None:
    server = network.create_server(heartbeat_interval=1.0)
    network.create_client(server)
    network.settle()
    assert network.now < 0.001


# ---------------------------------------------------------------- the contract of all peers


@pytest.mark.parametrize("conditions", [None, "lan"])
@pytest.mark.parametrize("envelope", ["gd_mp", "godot4"])
def test_simulated_peers_do_what_all_peers_do(envelope: str, conditions: str | None) -> None:
    networks: dict[int, SimulatedNetwork] = {}

    def pair() -> tuple[SimulatedServer, SimulatedClient, Callable[[float], None]]:
        network = SimulatedNetwork(seed=1, conditions=conditions)
        server = network.create_server(envelope=envelope)
        networks[id(server)] = network
        return server, another(server), network.advance

    def another(server: SimulatedServer) -> SimulatedClient:
        return networks[id(server)].create_client(None, envelope=envelope)

    def connect(server: SimulatedServer, client: SimulatedClient) -> None:
        client.connect_to_server(server)

    has_modes = envelope == "gd_mp"
    done = check_multiplayer_peer(
        pair, connect=connect, another=another, modes=has_modes, channels=has_modes
    )
    assert len(done) > 20


def test_one_direction_takes_the_name_of_a_preset(network: SimulatedNetwork) -> None:
    client = network.create_client(network.create_server())
    link = network.link(client)
    up: Any = link.up
    up.conditions = "mobile_3g"
    assert link.up.conditions == MOBILE_3G != link.down.conditions
    for wrong, code in (("5g", Error.ERR_DOES_NOT_EXIST), (5, Error.ERR_INVALID_PARAMETER)):
        with pytest.raises(MultiplayerError) as caught:
            up.conditions = wrong
        assert caught.value.code == code
    assert link.up.conditions == MOBILE_3G
    network.settle()
    assert client.get_peers() == [1]


def test_what_is_refused_leaves_nobody_behind(network: SimulatedNetwork) -> None:
    server, wrong = network.create_server(), network
    anything: Any = wrong
    for refused in (
        lambda: network.create_client(server, conditions="5g"),
        lambda: network.create_client(server, conditions=anything),
        lambda: network.create_client(server, name="a\nb"),
        lambda: network.create_client(server, name=anything),
        lambda: network.create_client(server, heartbeat_interval=-1),
        lambda: network.attach(anything),
        lambda: SimulatedNetwork(anything),
        lambda: network.run_until(anything),
        lambda: network.run_loop(anything),
        lambda: network.follow(anything),
        lambda: MOBILE_3G.behind(anything),
    ):
        with pytest.raises(MultiplayerError):
            refused()
    assert network.peers == [server]
    assert network.create_client(server).name == "client 1"
