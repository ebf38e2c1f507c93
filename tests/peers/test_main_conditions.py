"""``python -m peers … --conditions``: relays and terminals on a bad network."""

from __future__ import annotations

import pytest

from multiplayer.testing import TERRIBLE, Conditions
from peers import WebSocketClient
from peers.__main__ import main
from peers.cli.late_relay import LateRelay
from peers.cli.relay import Godot3Relay
from peers.memory import MemoryNetwork
from tests.peers.terminals import joined, relay_url

UNRELIABLE = WebSocketClient.TRANSFER_MODE_UNRELIABLE


class Relayed:
    """A relay in memory, and the clients of its session."""

    def __init__(self, conditions: Conditions, *, plain: bool = False, clients: int = 2) -> None:
        self.network = MemoryNetwork(seed=2)
        self.said: list[str] = []
        self.relay = Godot3Relay(self.said.append, plain=plain, conditions=conditions)
        server = self.relay.server
        driven = self.relay._driven()
        assert isinstance(driven, LateRelay)
        self.late = driven
        self.network.add(server, polled_by=driven)
        self.relay.listen("127.0.0.1", 9080)
        self.clients: list[WebSocketClient] = []
        for _ in range(clients):
            client = self.network.add(WebSocketClient())
            client.connect_to_url("ws://127.0.0.1:9080", gd_mp_api=not plain)
            self.network.advance(0.1)
            self.clients.append(client)


def fetched(client: WebSocketClient) -> list[bytes]:
    return [client.get_packet() for _ in range(client.get_available_packet_count())]


def test_a_relay_delays_what_it_passes_on_by_both_ways() -> None:
    relayed = Relayed(Conditions(latency=0.1))
    one, other = relayed.clients
    one.put_packet(b"hello")
    relayed.network.advance(0.199)
    assert fetched(other) == []
    relayed.network.advance(0.002)
    assert fetched(other) == [b"hello"]
    assert relayed.late.next_deadline() == float("inf")


def test_a_relay_loses_what_is_unreliable_and_nothing_else() -> None:
    relayed = Relayed(TERRIBLE, clients=3)
    one, *others = relayed.clients
    for number in range(200):
        for mode in (UNRELIABLE, WebSocketClient.TRANSFER_MODE_RELIABLE):
            one.transfer_mode = mode
            one.put_packet(b"%d %d" % (mode, number))
        relayed.network.advance(0.02)
    relayed.network.advance(60)
    came = fetched(others[0])
    assert fetched(others[1]) == came
    reliable = [packet for packet in came if packet.startswith(b"2 ")]
    assert reliable == [b"2 %d" % number for number in range(200)]
    assert 100 < len(came) - len(reliable) < 190
    (link,) = [
        each for each in relayed.relay.server.endpoint.links if each.peer_id == one.get_unique_id()
    ]
    assert (link.unfetched, link.unfetched_bytes) == (0, 0)  # what was lost counts as read


def test_what_somebody_said_last_comes_before_the_leaving() -> None:
    relayed = Relayed(Conditions(latency=0.5))
    one, other = relayed.clients
    id_ = one.get_unique_id()
    for number in range(3):
        one.put_packet(b"%d" % number)
    relayed.network.settle()
    one.close()
    relayed.network.settle()
    assert fetched(other) == [b"0", b"1", b"2"]
    assert other.get_peers() == [1]
    relayed.network.advance(5)
    assert relayed.said[-1].startswith(f"{id_} left")
    way = relayed.late._way
    assert (len(way), way.octets, way._models, way._last_news) == (0, {}, {}, {})


def test_a_mistake_is_noticed_at_once() -> None:
    relayed = Relayed(Conditions(latency=0.5))
    (one, _) = relayed.clients
    one.set_target_peer(one.get_unique_id())
    one.put_packet(b"to myself")
    relayed.network.settle()
    assert relayed.relay.server.statistics.drops["to_sender"] == 1


def test_a_plain_relay_is_late_too() -> None:
    relayed = Relayed(Conditions(latency=0.1), plain=True)
    one, other = relayed.clients
    one.get_peer(1).send_text("hello")
    relayed.network.advance(0.199)
    assert other.get_peer(1).get_available_packet_count() == 0
    relayed.network.advance(0.002)
    assert other.get_peer(1).get_packet() == b"hello"


@pytest.mark.parametrize("options", [(), ("--godot4",)], ids=["gd_mp", "godot4"])
def test_terminals_talk_through_a_bad_network(options: tuple[str, ...]) -> None:
    with (
        relay_url("--conditions", "lan", *options) as url,
        joined(url, *options) as (one, own),
        joined(url, "--conditions", "BROADBAND", *options) as (other, id_),
    ):
        assert one.line() == f"{id_} joined"
        assert other.line() == f"{own} joined"
        one.type("hello")
        assert other.line() == f"{own}: hello"
        other.type(f"/to {own} last words")
        other.type("/quit")
        assert one.line() == f"{id_}: last words"
        assert one.line() == f"{id_} left"
        assert other.status() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["serve", "--conditions", "mobile_5g"],
            "there is no preset 'mobile_5g'; choose one of lan",
        ),
        (["join", "ws://127.0.0.1:1", "--plain", "--conditions", "lan"], "is for sessions"),
    ],
)
def test_conditions_that_cannot_be(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_a_server_that_is_not_there_is_one_that_is_not_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["join", "ws://127.0.0.1:1", "--conditions", "lan"]) == 1
    assert "no connection: tcp:" in capsys.readouterr().err
