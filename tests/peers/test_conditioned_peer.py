"""``ConditionedPeer``: it does what every peer does, and to its packets what a bad network does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import trio

from multiplayer import (
    ConnectionStatus,
    Dialect,
    Error,
    MultiplayerError,
    MultiplayerPeer,
    SceneMultiplayer,
    TransferMode,
    rpc,
)
from multiplayer.testing import async_check_multiplayer_peer, check_multiplayer_peer
from multiplayer.testing.checks import CHECKS
from multiplayer.testing.loopback import LoopbackNetwork, LoopbackPeer
from multiplayer.testing.simulation.conditions import Conditions
from multiplayer.testing.simulation.presets import LAN, MOBILE_3G, TERRIBLE
from peers import ConditionedPeer, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from peers.trio import run
from tests.driving import DRIVES, Recorder, until
from tests.kept import tables_of_conditions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.driving import Drive

ALL = tuple(check.name for check in CHECKS)
CONNECTED = ConnectionStatus.CONNECTION_CONNECTED
UNRELIABLE = TransferMode.TRANSFER_MODE_UNRELIABLE
ORDERED = TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED
LATE = Conditions(latency=0.05)

ANY_ORDER = ("modes", "counting")
"""Checks that want packets of different modes to arrive in order, or unreliable ones at all."""


# ---------------------------------------------------------------- what every peer does


@pytest.mark.parametrize(
    ("conditions", "without"),
    [(Conditions(), ()), (LATE, ()), (LAN, ANY_ORDER), (MOBILE_3G, ANY_ORDER)],
    ids=["ideal", "late", "LAN", "MOBILE_3G"],
)
@pytest.mark.parametrize("relays", [True, False])
def test_it_does_what_every_peer_does_around_one_without_sockets(
    conditions: Conditions, without: tuple[str, ...], relays: bool
) -> None:
    here: list[ConditionedPeer] = []
    networks: list[LoopbackNetwork] = []

    def make_pair() -> tuple[MultiplayerPeer, MultiplayerPeer, Callable[[float], None]]:
        network = LoopbackNetwork(relays=relays)
        networks.append(network)
        here.clear()
        server = LoopbackPeer(network)
        server.create_server()
        here.append(ConditionedPeer(server, conditions))

        def advance(seconds: float) -> None:
            end = network.time + seconds
            while network.time < end:
                network.time = min(network.time + 0.005, end)
                for peer in here:
                    peer.poll()

        return here[0], another(here[0]), advance

    def another(_server: MultiplayerPeer) -> ConditionedPeer:
        here.append(ConditionedPeer(LoopbackPeer(networks[-1]), conditions))
        return here[-1]

    def connect(_server: MultiplayerPeer, client: MultiplayerPeer) -> None:
        assert isinstance(client, ConditionedPeer)
        assert isinstance(client.inner, LoopbackPeer)
        client.inner.create_client()

    made = check_multiplayer_peer(
        make_pair, connect=connect, another=another, without=without, patience=30
    )
    assert made == tuple(name for name in ALL if name not in without)


def made(envelope: str, conditions: Conditions, *, serves: bool) -> ConditionedPeer:
    inner: WebSocketMultiplayerPeer
    if envelope == "godot4":
        inner = WebSocketMultiplayerPeer()
    else:
        inner = WebSocketServer() if serves else WebSocketClient()
    return ConditionedPeer(inner, conditions)


def inner_of(peer: MultiplayerPeer) -> WebSocketMultiplayerPeer:
    assert isinstance(peer, ConditionedPeer)
    assert isinstance(peer.inner, WebSocketMultiplayerPeer)
    return peer.inner


def listen(server: MultiplayerPeer) -> None:
    inner = inner_of(server)
    if isinstance(inner, WebSocketServer):
        inner.bind_ip = "127.0.0.1"
        inner.listen(0, gd_mp_api=True)
    else:
        inner.create_server(0, "127.0.0.1")


def connect(server: MultiplayerPeer, client: MultiplayerPeer) -> None:
    url = f"ws://127.0.0.1:{inner_of(server).get_local_port()}"
    inner = inner_of(client)
    if isinstance(inner, WebSocketClient):
        inner.connect_to_url(url, gd_mp_api=True)
    else:
        inner.create_client(url)


def tells(envelope: str) -> dict[str, Any]:
    return dict.fromkeys(("modes", "channels"), envelope == "gd_mp")


class Box:
    """Conditioned peers in a network in memory, and what keeps them alive."""

    def __init__(self) -> None:
        self.network = MemoryNetwork(seed=3)
        self.here: list[ConditionedPeer] = []

    def add(self, peer: ConditionedPeer, polled_by: Any = None) -> ConditionedPeer:
        self.here.append(peer)
        self.network.add(inner_of(peer), polled_by=polled_by or peer)
        return peer


@pytest.mark.parametrize("envelope", ["gd_mp", "godot4"])
@pytest.mark.parametrize("conditions", [LATE, MOBILE_3G], ids=["late", "MOBILE_3G"])
def test_it_does_what_every_peer_does_around_ours(envelope: str, conditions: Conditions) -> None:
    boxes: list[Box] = []

    def make_pair() -> tuple[MultiplayerPeer, MultiplayerPeer, Callable[[float], None]]:
        boxes.append(Box())
        server = boxes[-1].add(made(envelope, conditions, serves=True))
        listen(server)
        return server, another(server), boxes[-1].network.advance

    def another(_server: MultiplayerPeer) -> ConditionedPeer:
        return boxes[-1].add(made(envelope, conditions, serves=False))

    check_multiplayer_peer(
        make_pair,
        connect=connect,
        another=another,
        without=() if conditions is LATE else ANY_ORDER,
        patience=30,
        **tells(envelope),
    )


@pytest.mark.parametrize("drive", DRIVES[1:], indirect=True)
async def test_it_does_what_every_peer_does_however_it_is_driven(drive: Drive) -> None:
    """Over real sockets, in real time; nothing is late: some checks wait for a moment only."""
    conditions = Conditions()

    async def make_pair() -> tuple[MultiplayerPeer, MultiplayerPeer, Any]:
        server = made("gd_mp", conditions, serves=True)
        listen(server)
        return drive.add(server), another(server), calmly

    async def calmly(seconds: float) -> None:
        await trio.sleep(max(seconds, 0.005))  # each hop takes a poll more than without conditions

    def another(_server: MultiplayerPeer) -> ConditionedPeer:
        return drive.add(made("gd_mp", conditions, serves=False))

    done = await async_check_multiplayer_peer(make_pair, connect=connect, another=another)
    assert done == ALL


# ---------------------------------------------------------------- what a network does


class Pair(NamedTuple):
    """A server that is on a bad network, and its client, which is not."""

    network: MemoryNetwork
    server: ConditionedPeer
    client: WebSocketClient


def pair(conditions: Conditions, seed: int = 0) -> Pair:
    box = Box()
    server = box.add(ConditionedPeer(WebSocketServer(), Conditions(), seed))
    listen(server)
    client = box.network.add(WebSocketClient())
    client.connect_to_url(f"ws://127.0.0.1:{inner_of(server).get_local_port()}", gd_mp_api=True)
    box.network.advance(1)
    assert client.get_connection_status() == CONNECTED
    assert server.get_peers() == [client.get_unique_id()]
    client.set_target_peer(1)
    server.outgoing = server.incoming = conditions
    return Pair(box.network, server, client)


def fetched(peer: MultiplayerPeer) -> list[bytes]:
    return [peer.get_packet() for _ in range(peer.get_available_packet_count())]


def test_both_directions_are_late() -> None:
    network, server, client = pair(LATE)
    server.put_packet(b"down")
    client.put_packet(b"up")
    network.advance(0.0499)
    assert fetched(server) == fetched(client) == []
    network.advance(0.0002)
    assert (fetched(server), fetched(client)) == ([b"up"], [b"down"])


def test_each_direction_has_conditions_of_its_own_which_can_change() -> None:
    network, server, client = pair(Conditions())
    server.outgoing = "satellite"
    assert server.outgoing.latency == 0.3
    server.put_packet(b"down")
    client.put_packet(b"up")
    network.advance(0.01)
    assert fetched(server) == [b"up"]
    server.outgoing = Conditions()
    server.put_packet(b"behind it")
    network.advance(0.2)
    assert fetched(client) == []
    network.advance(2)
    assert fetched(client) == [b"down", b"behind it"]


@pytest.mark.parametrize("mode", [UNRELIABLE, ORDERED])
def test_unreliable_packets_are_lost_doubled_and_overtaken(mode: TransferMode) -> None:
    network, server, client = pair(TERRIBLE, seed=4)
    server.transfer_mode = mode
    for number in range(500):
        server.put_packet(b"%d" % number)
        network.advance(0.01)
    network.advance(10)
    came = [int(packet) for packet in fetched(client)]
    lost = server.dropped["lost"]
    assert 20 < lost < 100
    if mode is ORDERED:
        assert came == sorted({*came})
        assert len(came) + lost + server.dropped["late"] >= 500
    else:
        assert len({*came}) == 500 - lost
        assert len(came) > len({*came})
        assert came != sorted(came)


def test_reliable_packets_all_arrive_in_order_once() -> None:
    network, server, client = pair(TERRIBLE)
    sent = [b"%d" % number for number in range(300)]
    for packet in sent:
        server.put_packet(packet)
        client.put_packet(packet)
        network.advance(0.01)
    network.advance(60)
    assert fetched(server) == fetched(client) == sent
    assert server.dropped == {}


def test_one_seed_drops_and_delays_the_same() -> None:
    def what_came(seed: int) -> list[bytes]:
        network, server, client = pair(TERRIBLE, seed)
        server.transfer_mode = UNRELIABLE
        for number in range(60):
            server.put_packet(b"%d" % number)
            network.advance(0.02)
        network.advance(5)
        return fetched(client)

    assert what_came(1) == what_came(1) != what_came(2)


def test_what_does_not_fit_waits_and_is_dropped_if_it_is_unreliable() -> None:
    slow = Conditions(bandwidth=10_000, buffer=5000)
    network, server, client = pair(slow)
    id_ = client.get_unique_id()
    drained = Recorder(server)
    for _ in range(8):
        server.put_packet(bytes(1000))
    assert server.get_backlog(id_) == 3000
    server.send_packet(b"no room", id_, UNRELIABLE)
    assert server.dropped == {"full": 1}
    network.advance(0.25)
    assert drained.of("peer_drained") == []
    network.advance(0.1)
    assert drained.of("peer_drained") == [(id_,)]
    assert server.get_backlog(id_) == 0
    network.advance(1)
    assert [len(packet) for packet in fetched(client)] == [1000] * 8


def test_who_is_sent_more_than_the_link_will_ever_take_is_expelled() -> None:
    network, server, client = pair(Conditions(bandwidth=1000, buffer=2000))
    told = Recorder(client)
    for _ in range(80):
        server.put_packet(bytes(1000))
    network.advance(1)
    assert server.get_peers() == []
    assert told.of("server_close_request") == [(1008, "too much waits to be sent to it")]


def test_what_floods_waits_in_the_inner_peer_and_stops_its_reading() -> None:
    network, server, client = pair(Conditions(bandwidth=10_000, buffer=20_000))
    for _ in range(200):
        client.put_packet(bytes(1000))
        network.settle()
    under_way = server._incoming.way.total
    assert 20_000 <= under_way <= 21_000
    network.advance(30)
    while (count := server.get_available_packet_count()) < 200:
        fetched(server)
        if not count:
            break
        network.advance(5)
    assert client.get_connection_status() == CONNECTED


# ---------------------------------------------------------------- joining and leaving


def test_that_somebody_joins_and_leaves_is_late_too() -> None:
    box = Box()
    server = box.add(ConditionedPeer(WebSocketServer(), LATE))
    listen(server)
    heard = Recorder(server)
    client = box.network.add(WebSocketClient())
    client.connect_to_url(f"ws://127.0.0.1:{inner_of(server).get_local_port()}", gd_mp_api=True)
    box.network.settle()
    assert client.get_connection_status() == CONNECTED
    client.set_target_peer(1)
    client.put_packet(b"hello")
    box.network.settle()
    assert heard.log == server.get_peers() == []
    box.network.advance(0.051)
    id_ = client.get_unique_id()
    assert heard.log == [("peer_connected", id_), ("peer_packet", id_)]
    client.put_packet(b"last words")
    client.close()
    box.network.advance(0.051)
    assert heard.log[2:] == [("peer_packet", id_), ("peer_disconnected", id_)]
    assert fetched(server) == [b"hello", b"last words"]
    assert not server._incoming.way
    assert not server._outgoing.way


def test_nothing_is_kept_of_who_has_left() -> None:
    network, server, client = pair(MOBILE_3G)
    for mode in TransferMode:
        server.transfer_mode = client.transfer_mode = mode
        for _ in range(20):
            server.put_packet(b"down")
            client.put_packet(b"up")
            network.advance(0.05)
    client.close()
    network.advance(10)
    fetched(server)
    assert {name for name, table in tables_of_conditions(server).items() if table} == set()
    assert server._incoming._unfetched == 0


class Game:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @rpc("any_peer")
    def say(self, words: str) -> str:
        self.heard.append(words)
        return words.upper()


@pytest.mark.parametrize("dialect", [Dialect.NATIVE, Dialect.GODOT_4, Dialect.GODOT_3])
def test_calls_pass_it(dialect: Dialect) -> None:
    box = Box()
    envelope = "godot4" if dialect is Dialect.GODOT_4 else "gd_mp"
    games, apis = [Game() for _ in range(3)], list[SceneMultiplayer]()
    for number, game in enumerate(games):
        api = SceneMultiplayer(dialect=dialect)
        api.on_error = "raise"
        api.add("Game", game)
        peer = box.add(made(envelope, MOBILE_3G, serves=number == 0), api)
        if number == 0:
            listen(peer)
        else:
            connect(box.here[0], peer)
        api.multiplayer_peer = peer
        apis.append(api)
        box.network.run_loop(lambda _: None, hz=100, seconds=3)
    assert {*apis[0].get_peers()} == {api.get_unique_id() for api in apis[1:]}
    assert {*apis[1].get_peers()} == {1, apis[2].get_unique_id()}
    games[1].say.rpc("to all")
    games[0].say.rpc("from the server")
    box.network.run_loop(lambda _: None, hz=100, seconds=3)
    assert [games[0].heard, games[1].heard] == [["to all"], ["from the server"]]
    assert sorted(games[2].heard) == ["from the server", "to all"]


# ---------------------------------------------------------------- mistakes, and the end


@pytest.mark.parametrize(
    ("inner", "conditions", "code"),
    [
        ("peer", MOBILE_3G, Error.ERR_INVALID_PARAMETER),
        (None, "mobile_5g", Error.ERR_DOES_NOT_EXIST),
        (None, 0.1, Error.ERR_INVALID_PARAMETER),
    ],
)
def test_what_cannot_be_conditioned(inner: Any, conditions: Any, code: Error) -> None:
    with pytest.raises(MultiplayerError) as caught:
        ConditionedPeer(inner or WebSocketClient(), conditions)
    assert caught.value.code == code


def test_a_seed_that_is_none_is_refused() -> None:
    anything: Any = "seed"
    with pytest.raises(MultiplayerError, match="seed must be an int") as caught:
        ConditionedPeer(WebSocketClient(), "lan", anything)
    assert caught.value.code == Error.ERR_INVALID_PARAMETER


def test_plain_mode_is_refused() -> None:
    server = ConditionedPeer(WebSocketServer(), LAN)
    inner_of(server).bind_ip = "127.0.0.1"  # type: ignore[attr-defined]
    inner_of(server).listen(0)  # type: ignore[attr-defined]
    with pytest.raises(MultiplayerError, match="plain mode") as caught:
        server.poll()
    assert caught.value.code == Error.ERR_UNAVAILABLE
    server.close()


def test_when_to_poll_next() -> None:
    network, server, client = pair(LATE)
    assert server.next_deadline() == math.inf
    server.put_packet(b"x")
    assert server.next_deadline() == pytest.approx(network.now + 0.05)
    network.advance(1)
    assert fetched(client) == [b"x"]
    assert server.next_deadline() == math.inf


async def test_leaving_lets_what_was_put_arrive() -> None:
    server = ConditionedPeer(WebSocketServer(), LATE)
    listen(server)
    client = WebSocketClient()
    async with trio.open_nursery() as nursery:
        client.connect_to_url(f"ws://127.0.0.1:{inner_of(server).get_local_port()}", gd_mp_api=True)
        nursery.start_soon(run, server)
        nursery.start_soon(run, client)
        await until(server.get_peers)
        server.put_packet(b"last words")
        server.begin_leaving()
    assert client.get_packet() == b"last words"
    assert server.get_connection_status() == ConnectionStatus.CONNECTION_DISCONNECTED


def test_what_there_was_no_room_for_is_taken_once_there_is() -> None:
    network = LoopbackNetwork()
    server, inner = LoopbackPeer(network), LoopbackPeer(network)
    server.create_server()
    inner.create_client()
    client = ConditionedPeer(inner, Conditions(buffer=1000))

    def pass_time() -> None:
        for peer in (server, client):
            network.time += 0.1
            peer.poll()

    for _ in range(3):
        pass_time()
    for number in range(10):
        server.put_packet(bytes([number]) * 500)
    fetched: list[int] = []
    woken: list[None] = []
    inner.wake = lambda: woken.append(None)  # type: ignore[method-assign]
    pass_time()
    pass_time()
    while len(fetched) < 10:
        assert client.get_available_packet_count() == 2
        assert client.next_deadline() == math.inf  # there is no room
        woken.clear()
        fetched += [client.get_packet()[0], client.get_packet()[0]]
        if len(fetched) < 10:
            assert woken
            assert client.next_deadline() == -math.inf
        pass_time()
        pass_time()
    assert fetched == list(range(10))
    assert client.next_deadline() == math.inf
