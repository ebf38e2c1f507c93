"""Whole async programs over a network in memory, in the time of trio's clock, or of asyncio's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

import peers
import peers.asyncio
from multiplayer import (
    ConnectionStatus,
    Dialect,
    Error,
    MultiplayerError,
    Node,
    SceneMultiplayer,
    rpc,
)
from multiplayer.testing import MOBILE_3G, Conditions, SimulatedNetwork
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from tests.driving import Recorder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

URL = "ws://game.example:9080"
HOUR = 3600.0


class Oracle(Node):
    @rpc("any_peer")
    async def answer(self, question: str) -> str:
        await trio.sleep(HOUR)
        return question.upper()


def in_virtual_time(program: Callable[[MemoryNetwork], Awaitable[Any]]) -> Any:
    """Run a program whose clock jumps to whatever is due next."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(program, MemoryNetwork(seed=1), clock=clock)


def virtually(
    program: Callable[[SimulatedNetwork], Awaitable[Any]], conditions: Conditions | None = None
) -> Any:
    """The same in a simulated network."""
    clock = trio.testing.MockClock(autojump_threshold=0)
    return trio.run(program, SimulatedNetwork(7, conditions), clock=clock)


@pytest.mark.parametrize("dialect", [Dialect.NATIVE, Dialect.GODOT_3, Dialect.GODOT_4])
def test_a_program_of_hours_takes_no_time(dialect: Dialect) -> None:
    async def program(network: MemoryNetwork) -> list[tuple[float, object]]:
        server_api, api = SceneMultiplayer(Oracle(), dialect), SceneMultiplayer(Oracle(), dialect)
        godot4 = dialect == Dialect.GODOT_4
        listening = WebSocketMultiplayerPeer() if godot4 else WebSocketServer()
        dialling = WebSocketMultiplayerPeer() if godot4 else WebSocketClient()
        seen: list[tuple[float, object]] = []
        async with (
            peers.serve(9080, network=network, peer=listening, api=server_api) as server,
            peers.connect(URL, network=network, peer=dialling, api=api) as client,
        ):
            assert server.get_peers() == [client.get_unique_id()]
            seen.append((network.now, trio.current_time()))
            if dialect == Dialect.NATIVE:
                assert api.root is not None
                call = api.root.answer.call_id(1, "why")  # type: ignore[attr-defined]
                seen.append((network.now, await peers.reply(call)))
            await trio.sleep(HOUR)
            assert server.get_peers() == [client.get_unique_id()]  # pings are answered
            assert client.now() == server.now() == network.now == trio.current_time()
        assert client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
        seen.append((trio.current_time(), client.failure))
        return seen

    hours = 2 if dialect == Dialect.NATIVE else 1
    seen = in_virtual_time(program)
    assert seen[0] == (0.0, 0.0)
    assert seen[-1] == (hours * HOUR, None)
    if dialect == Dialect.NATIVE:
        assert seen[1] == (0.0, "WHY")


@pytest.mark.parametrize("dialect", [Dialect.NATIVE, Dialect.GODOT_3, Dialect.GODOT_4])
def test_a_program_of_hours_on_a_bad_network(dialect: Dialect) -> None:
    async def program(network: SimulatedNetwork) -> tuple[float, list[str]]:
        server_api, api = SceneMultiplayer(Oracle(), dialect), SceneMultiplayer(Oracle(), dialect)
        async with (
            peers.serve(9080, network=network, api=server_api, heartbeat_interval=20) as server,
            peers.connect(URL, network=network, api=api) as client,
        ):
            assert server.heartbeat_interval == 20
            if dialect == Dialect.NATIVE:
                assert api.root is not None
                call = api.root.answer.call_id(1, "why")  # type: ignore[attr-defined]
                assert await peers.reply(call) == "WHY"
                assert HOUR < network.now < HOUR + 1
            await trio.sleep(2 * HOUR - trio.current_time())
            assert server.get_peers() == [client.get_unique_id()]
            network.partition(client, server)
            with trio.move_on_after(200):
                await peers.fired(server.peer_disconnected)
            assert server.get_peers() == []
        return trio.current_time(), network.trace().chart().splitlines()

    ended, chart = virtually(program, conditions=MOBILE_3G)
    assert 2 * HOUR < ended < 2 * HOUR + 200
    assert (ended, chart) == virtually(program, conditions=MOBILE_3G)


@pytest.mark.parametrize("gd_mp_api", [False, True])
def test_simulated_peers_leave_as_others_do(gd_mp_api: bool) -> None:
    async def program(network: SimulatedNetwork) -> list[object]:
        async with peers.serve(9080, network=network, gd_mp_api=gd_mp_api) as server:
            heard = Recorder(server)
            async with peers.connect(URL, network=network, gd_mp_api=gd_mp_api) as client:
                client.get_peer(1).put_packet(b"last word") if not gd_mp_api else None
            await trio.sleep(1)
            assert client.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED
            return heard.of("client_close_request")

    (request,) = virtually(program)
    assert request[1] == 1000


def test_nobody_listens_on_a_simulated_network() -> None:
    async def program(network: SimulatedNetwork) -> None:
        with pytest.raises(MultiplayerError, match="no connection to") as caught:
            async with peers.connect(URL, network=network):
                raise AssertionError
        assert caught.value.code == Error.ERR_CANT_CONNECT

    virtually(program)


@pytest.mark.parametrize(
    ("url", "arguments", "words"),
    [
        ("game.example", {}, "the URL must be like ws://any.name:9080"),
        ("ws://game:port", {}, "the URL must be like"),
        (URL, {"peer": WebSocketClient()}, "makes its peers itself, and they take no peer"),
        (URL, {"custom_headers": ["X-A: b"]}, "take no custom_headers"),
        (URL, {"protocols": ["chat"]}, "take no protocols"),
    ],
)
def test_what_a_simulated_network_cannot_do_is_refused(
    url: str, arguments: dict[str, Any], words: str
) -> None:
    async def program(network: SimulatedNetwork) -> None:
        with pytest.raises(MultiplayerError, match=words) as caught:
            async with peers.connect(url, network=network, **arguments):
                raise AssertionError
        assert caught.value.code == Error.ERR_INVALID_PARAMETER

    virtually(program)


def test_packets_wake_who_waits_in_order() -> None:
    async def program(network: MemoryNetwork) -> list[bytes]:
        async with (
            peers.serve(9080, network=network) as server,
            peers.connect(URL, network=network) as client,
            peers.emissions(server.peer_packet) as packets,
        ):
            for number in range(100):  # more than is under way at once
                client.put_packet(bytes(1000) + number.to_bytes(2))
            taken: list[bytes] = []
            for _ in range(100):
                await anext(packets)
                taken.append(server.get_packet()[1000:])
            return taken

    assert in_virtual_time(program) == [number.to_bytes(2) for number in range(100)]


def test_a_program_goes_the_same_way_each_time() -> None:
    async def program(network: MemoryNetwork) -> list[object]:
        seen: list[object] = []
        async with peers.serve(9080, network=network) as server:
            server.peer_connected.connect(lambda peer: seen.append((network.now, peer)))
            server.peer_disconnected.connect(lambda peer: seen.append((network.now, -peer)))
            for pause in (1.0, 0.3, 45.0):
                async with peers.connect(URL, network=network):
                    await trio.sleep(pause)
        return seen

    first = in_virtual_time(program)
    assert len(first) == 6
    assert first == in_virtual_time(program)


def test_who_never_answers_is_given_up_when_its_time_is_up() -> None:
    async def program(network: MemoryNetwork) -> float:
        silent = network.add(WebSocketServer())  # which nobody polls
        silent.listen(9080, gd_mp_api=True)
        with pytest.raises(MultiplayerError) as caught:
            async with peers.connect(URL, network=network, timeout=1000):
                raise AssertionError
        assert caught.value.code == Error.ERR_CANT_CONNECT
        silent.stop()
        return trio.current_time()

    assert in_virtual_time(program) == 1000.0


def test_time_is_not_let_pass_by_hand_meanwhile() -> None:
    async def program(network: MemoryNetwork) -> None:
        async with peers.serve(9080, network=network) as server:
            for call in (
                lambda: network.advance(1),
                network.settle,
                lambda: network.run_until(lambda: True),
                lambda: network.run_loop(lambda _: None),
                lambda: network.pause(server),
            ):
                with pytest.raises(MultiplayerError, match="sleep instead") as caught:
                    call()
                assert caught.value.code == Error.ERR_UNAVAILABLE
            await trio.sleep(5)
        assert network.now == 5.0
        network.advance(1)  # it is the test's again
        assert network.now == 6.0

    in_virtual_time(program)


def test_time_does_not_go_backwards() -> None:
    network = MemoryNetwork()
    network.advance(10)

    async def program() -> None:
        async with peers.serve(9080, network=network):
            raise AssertionError

    with pytest.raises(MultiplayerError, match="make a new network for each run") as caught:
        trio.run(program, clock=trio.testing.MockClock(autojump_threshold=0))
    assert caught.value.code == Error.ERR_UNAVAILABLE


async def test_what_is_no_network_is_refused() -> None:
    network: Any = "127.0.0.1"
    with pytest.raises(MultiplayerError, match="network must be a MemoryNetwork") as caught:
        async with peers.serve(9080, network=network):
            raise AssertionError
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    server = WebSocketServer()
    MemoryNetwork().add(server)
    with pytest.raises(MultiplayerError) as caught:
        async with peers.serve(9080, network=MemoryNetwork(), peer=server):
            raise AssertionError
    assert caught.value.code == Error.ERR_ALREADY_IN_USE


def test_under_asyncio_its_time_is_the_loops() -> None:
    async def program() -> None:
        network = MemoryNetwork()
        async with (
            peers.asyncio.serve(9080, network=network) as server,
            peers.asyncio.connect(URL, network=network) as client,
        ):
            client.put_packet(b"hello")
            await peers.asyncio.fired(server.peer_packet)
            assert server.get_packet() == b"hello"
            loop = asyncio.get_running_loop()
            assert loop.time() <= network.now <= loop.time()

    asyncio.run(program())


def test_a_real_socket_under_a_clock_that_jumps_is_warned_of_once() -> None:
    async def program() -> None:
        for _ in range(2):
            async with peers.serve(0):
                await trio.sleep(HOUR)

    with pytest.warns(RuntimeWarning, match="under a clock that jumps") as caught:
        trio.run(program, clock=trio.testing.MockClock(autojump_threshold=0))
    assert len(caught) == 1


def test_a_clock_that_does_not_jump_is_no_reason_to_warn() -> None:
    async def program() -> None:
        async with peers.serve(0):
            clock.jump(HOUR)

    clock = trio.testing.MockClock()
    trio.run(program, clock=clock)
