"""``VirtualTime``, by a ``MemoryNetwork``: conditions, loops, clocks that go on by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Error, MultiplayerError
from peers import WebSocketClient, WebSocketServer
from peers.memory import MemoryNetwork

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork(seed=1)


def pair(network: MemoryNetwork) -> tuple[WebSocketServer, WebSocketClient]:
    server, client = network.add(WebSocketServer()), network.add(WebSocketClient())
    server.heartbeat_interval = 15.0
    server.listen(9080, gd_mp_api=True)
    client.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=True)
    network.settle()
    return server, client


def test_run_until_stops_at_the_instant_at_which_it_holds(network: MemoryNetwork) -> None:
    server, client = pair(network)
    times: list[float | None] = []

    def has_been_pinged() -> bool:
        times.append(server.get_peer(client.get_unique_id()).round_trip_time)
        return times[-1] is not None

    network.run_until(has_been_pinged, timeout=100)
    assert network.now == 15.0
    assert times == [None, 0.0]


def test_run_until_gives_up(network: MemoryNetwork) -> None:
    server, client = pair(network)
    with pytest.raises(
        MultiplayerError, match="does not hold after 20 s: bytes for 0 of 2"
    ) as caught:
        network.run_until(lambda: False, timeout=20)
    assert caught.value.code == Error.ERR_TIMEOUT
    assert network.now == 20.0
    assert server.get_peers() == [client.get_unique_id()]


def test_a_loop_polls_steps_and_sends_in_each_turn(network: MemoryNetwork) -> None:
    server, client = pair(network)
    heard: list[tuple[float, bytes]] = []
    client.peer_packet.connect(lambda _: heard.append((network.now, client.get_packet())))
    lengths: list[float] = []

    def step(seconds: float) -> None:
        lengths.append(seconds)
        server.put_packet(b"%d" % len(lengths))

    assert network.run_loop(step, hz=10, seconds=0.5) == 5
    assert lengths == [0.1] * 5
    assert network.now == 0.5
    assert [packet for _, packet in heard] == [b"1", b"2", b"3", b"4"]  # each a turn later
    assert [time for time, _ in heard] == pytest.approx([0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(("hz", "seconds"), [(0, 1), (-30, 1), (30, -1), (30, float("nan"))])
def test_loops_that_make_no_sense(network: MemoryNetwork, hz: float, seconds: float) -> None:
    with pytest.raises(MultiplayerError) as caught:
        network.run_loop(lambda _: None, hz=hz, seconds=seconds)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_time_does_not_go_backwards(network: MemoryNetwork) -> None:
    with pytest.raises(MultiplayerError, match=r"time does not go backwards: .* not -1") as caught:
        network.advance(-1)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_a_network_that_follows_a_clock_is_not_advanced(network: MemoryNetwork) -> None:
    network.advance(3)
    clock = [10.0]
    network.follow(lambda: clock[0])
    ways: list[Callable[[], object]] = [
        lambda: network.advance(1),
        network.settle,
        lambda: network.run_until(lambda: True),
        lambda: network.run_loop(lambda _: None),
    ]
    for way in ways:
        with pytest.raises(MultiplayerError, match="sleep instead") as caught:
            way()
        assert caught.value.code == Error.ERR_UNAVAILABLE
    clock[0] = 11.5
    assert network.now == 11.5
    network.follow(None)
    clock[0] = 20.0
    network.advance(1)
    assert network.now == 12.5
