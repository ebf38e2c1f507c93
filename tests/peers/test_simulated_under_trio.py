"""Simulated peers driven by trio on a clock that jumps: one trace, in whatever order tasks run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

import peers
from multiplayer import Error, MultiplayerError, TransferMode
from multiplayer.testing import HEALING, WIFI_BAD, Fault, Schedule, SimulatedNetwork
from peers.trio import run

if TYPE_CHECKING:
    from multiplayer.testing import SimulatedClient, SimulatedServer, Trace

MODES = tuple(TransferMode)


async def _play(network: SimulatedNetwork, shuffled: list[int]) -> None:
    """Each client sends at the same instants as the others; their tasks begin in some order."""
    server = network.create_server(heartbeat_interval=1.0)
    clients = [network.create_client(server) for _ in range(4)]
    network.follow(trio.current_time)

    async def speak(client: SimulatedClient, number: int) -> None:
        while not client.get_peers():  # noqa: ASYNC110 - at the same instants as the others
            await trio.sleep(0.1)
        for count in range(20):
            client.send_packet(b"%d: %d" % (number, count), 0, MODES[count % 3])
            await trio.sleep(0.1)

    async def drive(peer: SimulatedServer | SimulatedClient) -> None:
        await run(peer)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drive, server)
        for number in shuffled:
            nursery.start_soon(drive, clients[number])
        async with trio.open_nursery() as speakers:
            for number in shuffled[::-1]:
                speakers.start_soon(speak, clients[number], number)
        await trio.sleep(5)
        nursery.cancel_scope.cancel()


def played(shuffled: list[int]) -> Trace:
    network = SimulatedNetwork(seed=5, conditions=WIFI_BAD)
    trio.run(_play, network, shuffled, clock=trio.testing.MockClock(autojump_threshold=0))
    return network.trace()


def test_the_order_of_tasks_does_not_reach_the_trace() -> None:
    """Trio shuffles the tasks that can run at one instant, each time anew."""
    traces = [played(order) for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [0, 1, 2, 3])]
    assert len(traces[0]) > 500
    assert {trace.digest() for trace in traces} == {traces[0].digest()}


def test_faults_come_on_a_clock_too() -> None:
    async def play() -> tuple[list[bytes], str]:
        network = SimulatedNetwork(seed=1, conditions=WIFI_BAD)
        server = network.create_server()
        client = network.create_client(server)
        network.follow(trio.current_time)
        with pytest.raises(MultiplayerError, match="hold links instead"):
            network.schedule(Schedule((Fault("pause", 1.0, 1, 1.0),)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, server)
            nursery.start_soon(run, client)
            await trio.sleep(1)
            kinds = {fault.kind for fault in network.schedule(count=30, seconds=4)}
            assert kinds == {*HEALING} - {"pause"}
            with pytest.raises(MultiplayerError, match="hold its links") as caught:
                network.pause(client)
            assert caught.value.code == Error.ERR_UNAVAILABLE
            for number in range(40):
                server.put_packet(b"%d" % number)
                await trio.sleep(0.1)
            await trio.sleep(2)
            network.quiet()
            await trio.sleep(20)
            heard = [client.get_packet() for _ in range(client.get_available_packet_count())]
            nursery.cancel_scope.cancel()
        return heard, network.trace().digest()

    runs = [trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0)) for _ in range(2)]
    assert [int(packet) for packet in runs[0][0]] == [*range(40)]
    assert runs[0] == runs[1]


def test_a_network_on_a_clock_is_not_advanced_by_hand() -> None:
    async def play() -> None:
        network = SimulatedNetwork()
        network.follow(trio.current_time)
        with pytest.raises(MultiplayerError, match="sleep instead") as caught:
            network.settle()
        assert caught.value.code == Error.ERR_UNAVAILABLE
        begun = network.now
        await trio.sleep(3600)
        assert network.now - begun == pytest.approx(3600)

    trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_network_serves_again_at_the_instant_at_which_it_stopped() -> None:
    """It counts in microseconds, and the clock in less."""

    async def program() -> float:
        network = SimulatedNetwork(seed=5, conditions=WIFI_BAD)
        for count in range(1, 30):
            await trio.sleep(0.123456789 / count)
            for _ in range(2):
                async with peers.serve(9080, network=network):
                    await trio.sleep(1 / (7 + count))
        return network.now

    assert trio.run(program, clock=trio.testing.MockClock(autojump_threshold=0)) > 2


def test_a_network_does_not_follow_a_clock_that_is_behind_it() -> None:
    network = SimulatedNetwork(seed=5)
    network.advance(10)
    with pytest.raises(
        MultiplayerError, match="the network is at 10 s, the clock at 3 s"
    ) as caught:
        network.follow(lambda: 3.0)
    assert caught.value.code == Error.ERR_UNAVAILABLE
    network.advance(1)
    assert network.now == 11


def test_nobody_is_paused_whom_a_clock_has_polled_by_others() -> None:
    network = SimulatedNetwork(seed=5)
    server = network.create_server()
    network.follow(lambda: 1.0)
    with pytest.raises(MultiplayerError, match="polled by what runs it") as caught:
        network.pause(server)
    assert caught.value.code == Error.ERR_UNAVAILABLE
