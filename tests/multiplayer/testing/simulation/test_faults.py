"""What a simulated network can do to peers and links, and that all heals."""

from __future__ import annotations

from typing import Any

import pytest

from multiplayer import ConnectionStatus, Error, MultiplayerError, TransferMode
from multiplayer.testing import (
    FAULTS,
    HEALING,
    LAN,
    MOBILE_3G,
    SATELLITE,
    TERRIBLE,
    Conditions,
    Fault,
    Schedule,
    SimulatedClient,
    SimulatedNetwork,
    SimulatedServer,
)
from tests.driving import Recorder
from tests.multiplayer.testing.simulation.games import Player, call, game

RELIABLE = TransferMode.TRANSFER_MODE_RELIABLE
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
DISCONNECTED = ConnectionStatus.CONNECTION_DISCONNECTED


@pytest.fixture
def network() -> SimulatedNetwork:
    return SimulatedNetwork(seed=3, conditions=Conditions(latency=0.05))


def pair(network: SimulatedNetwork, **settings: object) -> tuple[SimulatedServer, SimulatedClient]:
    server = network.create_server(**settings)  # type: ignore[arg-type]
    client = network.create_client(server)
    network.settle()
    return server, client


def heard(peer: SimulatedServer | SimulatedClient) -> list[bytes]:
    return [peer.get_packet() for _ in range(peer.get_available_packet_count())]


def test_a_partition_cuts_one_direction_and_delays_what_is_reliable(
    network: SimulatedNetwork,
) -> None:
    server, client = pair(network)
    network.partition(client, server)
    client.put_packet(b"reliable")
    client.send_packet(b"lost", 1, UNRELIABLE)
    client.send_packet(b"lost, too", 1, ORDERED)
    server.put_packet(b"the other way")
    network.advance(1)
    assert heard(client) == [b"the other way"]
    assert heard(server) == []
    network.heal(client, server)
    client.put_packet(b"after it")
    network.settle()
    assert heard(server) == [b"reliable", b"after it"]
    whats = [event.what for event in network.trace() if event.text.startswith("4 bytes")]
    assert whats == ["sent", "cut"]


def test_what_is_held_comes_later_and_in_its_order(network: SimulatedNetwork) -> None:
    server, client = pair(network)
    server.put_packet(b"under way")
    network.advance(0.01)
    network.hold(server, client)
    for number in range(3):
        server.send_packet(b"%d" % number, 0, TransferMode(number))
        network.advance(0.2)
    assert heard(client) == []
    network.settle()  # does not wait for what is held
    network.release(server, client)
    server.put_packet(b"later")
    network.settle()
    assert heard(client) == [b"under way", b"0", b"1", b"2", b"later"]


def test_nothing_overtakes_what_is_sent_again_after_a_partition(
    network: SimulatedNetwork,
) -> None:
    server, client = pair(network)
    network.partition(server, client)
    server.put_packet(b"0")
    network.advance(0.2)
    server.put_packet(b"1")  # under way when the other one is sent again
    network.advance(0.01)
    network.link(client).conditions = Conditions(latency=0.5)
    network.heal(server, client)
    network.hold(server, client)
    network.release(server, client)
    for number in range(2, 4):
        server.put_packet(b"%d" % number)
        network.advance(0.05)
    network.settle()
    assert heard(client) == [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_overtakes_under_faults_that_overlap(seed: int) -> None:
    network = SimulatedNetwork(seed=seed, conditions=MOBILE_3G)
    server, client = pair(network)
    network.schedule(count=30, seconds=4)
    for number in range(60):
        server.put_packet(b"%d" % number)
        client.put_packet(b"%d" % number)
        network.advance(0.1)
    network.quiet()
    network.settle()
    assert [*map(int, heard(client))] == [*map(int, heard(server))] == [*range(60)]


def test_each_direction_has_conditions_of_its_own(network: SimulatedNetwork) -> None:
    server, client = pair(network)
    network.link(client).up.conditions = Conditions(latency=0.5)
    times: dict[str, float] = {}
    server.peer_packet.connect(lambda _: times.update(up=network.now))
    client.peer_packet.connect(lambda _: times.update(down=network.now))
    begun = network.now
    client.put_packet(b"up")
    server.put_packet(b"down")
    network.settle()
    assert times["up"] - begun == pytest.approx(0.5)
    assert times["down"] - begun == pytest.approx(0.05)
    network.conditions = LAN
    assert network.link(server, client).up.conditions == LAN == network.link(client).conditions


def test_a_half_open_link_is_found_out_by_heartbeats_alone(network: SimulatedNetwork) -> None:
    server, client = pair(network, heartbeat_interval=1.0)
    at_server, at_client = Recorder(server), Recorder(client)
    network.half_open(client)
    server.put_packet(b"into nothing")
    network.advance(2)
    assert (at_server.log, at_client.log) == ([], [])
    network.advance(2.5)
    assert at_server.names() == ["peer_disconnected", "client_disconnected"]
    assert client.get_connection_status() == CONNECTED  # it has no heartbeat, and says nothing
    client.close()
    client.connect_to_server(server)
    network.settle()
    assert server.get_peers() == [client.get_unique_id()]


def test_a_late_replay_brings_an_old_unreliable_packet_again(network: SimulatedNetwork) -> None:
    server, client = pair(network)
    for mode in (RELIABLE, UNRELIABLE):
        server.send_packet(f"{mode.name}".encode(), 0, mode)
    network.settle()
    assert heard(client) == [b"TRANSFER_MODE_RELIABLE", b"TRANSFER_MODE_UNRELIABLE"]
    network.advance(60)
    network.replay_late(server, client)
    network.settle()
    assert heard(client) == [b"TRANSFER_MODE_UNRELIABLE"]
    server.send_packet(b"1", 0, ORDERED)
    server.send_packet(b"2", 0, ORDERED)
    network.settle()
    assert heard(client) == [b"1", b"2"]
    network.replay_late(server, client)
    network.settle()
    assert heard(client) == []  # a later one has come
    assert [event.what for event in network.trace()][-1] == "overtaken"


def test_unreliable_ordered_packets_never_come_out_of_order() -> None:
    network = SimulatedNetwork(seed=1, conditions=TERRIBLE.changed(reordering=0.5, jitter=0.05))
    server, client = pair(network)
    for number in range(400):
        server.send_packet(b"%d" % number, 0, ORDERED)
        network.advance(0.01)
    network.settle()
    numbers = [*map(int, heard(client))]
    assert numbers == sorted({*numbers})
    assert 100 < len(numbers) < 380


def test_a_stopped_process_finds_its_clock_has_jumped(network: SimulatedNetwork) -> None:
    server, client = pair(network)
    network.pause(client)
    server.put_packet(b"waits")
    begun = client.now()
    network.advance(10)
    assert client.get_available_packet_count() == 0
    times: list[float] = []
    client.peer_packet.connect(lambda _: times.append(client.now()))
    network.resume(client)
    network.settle()
    assert heard(client) == [b"waits"]
    assert times[0] - begun >= 10


def test_a_killed_process_says_nothing_and_its_system_does(network: SimulatedNetwork) -> None:
    server, client = pair(network)
    at_server, at_client = Recorder(server), Recorder(client)
    network.kill(client)
    network.settle()
    assert at_client.log == []
    assert client.get_connection_status() == DISCONNECTED
    assert at_server.names() == ["peer_disconnected", "client_disconnected"]
    assert network.now < 1


def test_when_the_power_fails_nobody_is_told(network: SimulatedNetwork) -> None:
    server, client = pair(network, heartbeat_interval=1.0)
    network.kill(client, silently=True)
    network.settle()
    assert server.get_peers() != []
    network.advance(5)
    assert server.get_peers() == []
    other = network.create_client(server)
    network.settle()
    network.kill(server, silently=True)
    network.advance(60)
    assert other.get_connection_status() == CONNECTED
    third = network.create_client(49152)
    network.advance(10)
    assert str(third.failure).startswith("timeout: ")


def test_a_server_is_started_again_and_its_clients_come_back(network: SimulatedNetwork) -> None:
    server, client = pair(network, max_violations=7)
    port = server.get_local_port()
    client.server_disconnected.connect(lambda: client.connect_to_server(port))
    again = network.restart(server)
    assert isinstance(again, SimulatedServer)
    assert again.max_violations == 7
    client.connection_failed.connect(lambda: client.connect_to_server(port))
    network.run_until(lambda: bool(again.get_peers()), timeout=30)
    network.settle()
    assert again.get_peers() == [client.get_unique_id()]
    assert [peer.name for peer in network.peers] == ["server", "client 1", "server (2)"]


def test_a_client_is_started_again_in_its_conditions(network: SimulatedNetwork) -> None:
    server, client = pair(network)
    network.link(client).conditions = MOBILE_3G
    again = network.restart(client)
    network.settle()
    assert server.get_peers() == [again.get_unique_id()]
    assert network.link(again).conditions == MOBILE_3G


def test_a_slow_reader_fills_the_buffers_of_those_who_send_to_it(
    network: SimulatedNetwork,
) -> None:
    server, client = pair(network, outbound_buffer_size=10_000)
    network.link(client).conditions = Conditions(buffer=5000)
    network.slow_reader(client, 1000)
    for number in range(10):
        server.put_packet(b"%0990d" % number)
        network.advance(0.05)
    assert server.get_backlog(client.get_unique_id()) > 3000
    network.advance(20)
    assert [*map(int, heard(client))] == [*range(10)]
    assert network.now > 10  # a thousand bytes a second
    network.slow_reader(client, 0)
    heard_at_server = Recorder(server)
    for _ in range(30):
        server.put_packet(bytes(990))
    network.advance(60)
    assert heard_at_server.names() == ["peer_disconnected", "client_disconnected"]


# ---------------------------------------------------------------- schedules


def test_a_schedule_is_drawn_from_its_seed_alone() -> None:
    one = Schedule.random(5, {3, 1, 2}, faults=FAULTS, conditions=(TERRIBLE,), count=40)
    assert one == Schedule.random(5, [1, 2, 3], faults=FAULTS, conditions=(TERRIBLE,), count=40)
    assert one != Schedule.random(6, [1, 2, 3], faults=FAULTS, conditions=(TERRIBLE,), count=40)
    assert {fault.kind for fault in one} == {*FAULTS}
    assert [fault.at for fault in one] == sorted(fault.at for fault in one)
    assert all(0 <= fault.at <= 10 and fault.lasts <= 3 for fault in one)


@pytest.mark.parametrize("seed", range(12))
def test_after_any_schedule_all_heals(seed: int) -> None:
    """All that is reliable arrives, in order and once, and the game goes on."""
    network = SimulatedNetwork(seed=seed, conditions=MOBILE_3G)
    players = game(network, 3)
    network.schedule(seconds=6, count=10, faults=HEALING)
    counts = [0]

    def step(seconds: float) -> None:
        del seconds
        counts[0] += 1
        for player in players:
            call(player, "say", 0, counts[0])

    network.run_loop(step, hz=10, seconds=6)
    network.quiet(LAN)
    network.settle()
    for player in players:
        assert len(player.api.get_peers()) == 3, network.story()
        for other in players:
            said = [what for who, what in player.arena.heard if who == other.id]
            expected = [*range(1, 61)] if other is not player else []
            assert said == expected, network.story()


def test_a_fault_may_begin_at_once(network: SimulatedNetwork) -> None:
    server, client = pair(network)
    network.schedule(Schedule((Fault("partition", 0.0, 1, 1.0),)))
    client.put_packet(b"late")
    network.advance(0.9)
    assert server.get_available_packet_count() == 0
    network.advance(0.5)
    assert server.get_packet() == b"late"


@pytest.mark.parametrize("seed", range(8))
def test_those_that_connect_again_are_back_after_any_schedule(seed: int) -> None:
    """Half-open links, processes that are killed and started again: heartbeats find out."""
    network = SimulatedNetwork(seed=seed, conditions="broadband")
    server = network.create_server(heartbeat_interval=0.5)
    clients = {n: network.create_client(server, heartbeat_interval=0.5) for n in (1, 2, 3)}

    def take_its_place(old: SimulatedServer | SimulatedClient, new: SimulatedClient) -> None:
        clients.update({n: new for n, client in clients.items() if client is old})

    network.on_restart = take_its_place  # type: ignore[assignment]
    network.settle()
    kinds = [kind for kind in FAULTS if kind != "kill"]
    network.schedule(seconds=6, count=12, faults=kinds)

    def step(seconds: float) -> None:
        del seconds
        for client in clients.values():
            if client.get_connection_status() == DISCONNECTED:
                client.connect_to_server(server)
            elif client.get_connection_status() == CONNECTED:
                client.send_packet(b"here", 0, UNRELIABLE)

    network.run_loop(step, hz=10, seconds=9)
    network.quiet()
    network.run_loop(step, hz=10, seconds=6)
    ids = sorted(client.get_unique_id() for client in clients.values())
    assert server.get_peers() == ids, network.story()
    for client in clients.values():
        assert client.get_peers() == sorted({1, *ids} - {client.get_unique_id()}), network.story()


def test_processes_of_a_schedule_get_new_apis() -> None:
    network = SimulatedNetwork(seed=2)
    players = {each.peer.name: each for each in game(network, 2)}
    faults = (Fault("restart", 1.0, 1), Fault("kill", 2.0, 2), Fault("restart", 3.0, 0))
    network.schedule(Schedule(faults))
    restarted: list[tuple[str, str]] = []

    def give_api(old: object, new: object) -> None:
        assert isinstance(old, SimulatedServer | SimulatedClient)
        assert isinstance(new, SimulatedServer | SimulatedClient)
        restarted.append((old.name, new.name))
        players[new.name] = Player(network, new)

    network.on_restart = give_api
    network.advance(5)
    assert restarted == [("client 1", "client 1 (2)"), ("server", "server (2)")]
    story = network.story()
    assert "seed 2" in story
    assert "1.000 s: restart 1" in story
    assert "client 2: killed" in story


def test_faults_that_make_no_sense(network: SimulatedNetwork) -> None:
    pair(network)
    wrong: Any = "pause"
    ways = {
        "no fault 'flood'": lambda: Fault("flood", 0, 1),
        "is no way": lambda: Fault("hold", 0, 1, way="left"),
        "at must be 0 or more": lambda: Fault("hold", -1, 1),
        "a fault has conditions if": lambda: Fault("conditions", 0, 1),
        "there is no peer 9": lambda: network.schedule(Schedule((Fault("pause", 0, 9),))),
        "is a server; name the client": lambda: network.schedule(Schedule((Fault("hold", 0, 0),))),
        "needs somebody": lambda: Schedule.random(1, []),
        "seed must be an int": lambda: Schedule.random(wrong, [1]),
        "consists of faults": lambda: Schedule((wrong,)),
        "or nothing to have one drawn": lambda: network.schedule(wrong),
    }
    for sentence, way in ways.items():
        with pytest.raises(MultiplayerError, match=sentence) as caught:
            way()
        assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_a_fault_may_name_a_preset(network: SimulatedNetwork) -> None:
    _, client = pair(network)
    network.schedule(Schedule((Fault("conditions", 0.5, 1, 1.0, conditions="satellite"),)))
    network.advance(1)
    assert network.link(client).conditions == SATELLITE
    network.advance(1)
    assert network.link(client).conditions == network.conditions
    with pytest.raises(MultiplayerError, match="no preset 'moon'"):
        Fault("conditions", 0.5, 1, conditions="moon")


def test_who_was_started_again_is_not_started_twice(network: SimulatedNetwork) -> None:
    server, client = pair(network)
    again = network.restart(client)
    with pytest.raises(MultiplayerError, match="has its place now") as caught:
        network.restart(client)
    assert caught.value.code == Error.ERR_ALREADY_EXISTS
    network.settle()
    assert server.get_peers() == [again.get_unique_id()]


def test_a_name_that_is_taken_keeps_nobody_from_starting_again(network: SimulatedNetwork) -> None:
    server = network.create_server()
    client = network.create_client(server, name="ann (1)")
    network.create_client(server, name="ann (1) (2)")
    network.settle()
    second = network.restart(client)
    third = network.restart(second)
    network.settle()
    assert (second.name, third.name) == (
        "ann (1) (3)",
        "ann (1) (4)",
    )
    assert len(server.get_peers()) == 2
