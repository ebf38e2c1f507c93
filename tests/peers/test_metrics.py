"""``peers.metrics``: prometheus_client reads it back, and nothing goes backwards."""

from __future__ import annotations

from importlib import util

import pytest
from prometheus_client import Counter
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.parser import text_string_to_metric_families

import peers
from multiplayer import Error, MultiplayerError, Node, SceneMultiplayer, rpc
from peers.memory import MemoryNetwork
from peers.metrics import Metrics

pytestmark = pytest.mark.needs_sockets  # it has a network of its own

Figures = dict[tuple[str, str], float]


def read(metrics: Metrics) -> Figures:
    """What Prometheus would read: the values by name and label."""
    answer = metrics.answer()
    assert answer.status == 200
    assert answer.fields[0][1].startswith(b"text/plain; version=")
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


class Game(Node):
    @rpc("any_peer")
    def boom(self) -> None:
        raise ValueError("of a game")

    @rpc("any_peer")
    def fine(self) -> None:
        self.heard = True


class Duel(peers.Room):
    grace = 30.0

    def opened(self, options: object) -> None:
        self.root.add_child(Game("Game"))


class Lounge(peers.Room):
    pass


@pytest.mark.handlers_fail
def test_a_server_of_rooms() -> None:
    network = MemoryNetwork()
    server = network.add(peers.RoomServer({"duel": Duel, "lounge": Lounge}))
    server.on_error = "log"
    metrics = Metrics(server)
    mine = Counter("mine", "Of the game.", registry=metrics.registry)
    server.listen(9080)
    begun = read(metrics)
    for kind in ("duel", "lounge"):
        for name in ("players", "suspended_players", "rooms"):
            assert begun[f"gdpeers_{name}", kind] == 0
    apis = list[SceneMultiplayer]()
    sockets = list[peers.WebSocketClient]()
    for _ in range(2):
        root, game = Node("root"), Game("Game")
        root.add_child(game)
        api = SceneMultiplayer(root)
        client = peers.WebSocketClient()
        client.resume = peers.Resume()
        network.add(client, polled_by=api)
        client.connect_to_url("ws://localhost:9080/duel/any", gd_mp_api=True)
        api.multiplayer_peer = client
        network.run_until(lambda api=api: 1 in api.get_peers())
        apis.append(api)
        sockets.append(client)
        game.fine.rpc_id(1)
        game.boom.rpc_id(1)
    network.settle()
    network.reset(sockets[1])
    network.settle()
    mine.inc(3)
    figures = read(metrics)
    total = server.statistics
    assert figures["gdpeers_players", "duel"] == 1
    assert figures["gdpeers_suspended_players", "duel"] == 1
    assert figures["gdpeers_rooms", "duel"] == 1
    assert figures["gdpeers_players", "lounge"] == 0
    assert figures["gdpeers_packets_total", "received"] == total.packets_received > 0
    assert figures["gdpeers_bytes_total", "sent"] == total.bytes_sent > 0
    assert figures["gdpeers_calls_total", "received"] == 4
    assert figures["gdpeers_call_errors_total", ""] == 2
    assert figures["mine_total", ""] == 3

    # Rooms close, and their APIs are gone; what was counted stays.
    for api in apis:
        api.multiplayer_peer.close()
    (room,) = server.rooms
    room.close("over")
    network.advance(40.0)
    assert server.rooms == []
    after = read(metrics)
    assert (after["gdpeers_players", "duel"], after["gdpeers_rooms", "duel"]) == (0, 0)
    for name, label in figures:
        if name.endswith("_total") and not name.startswith("process_"):
            assert after[name, label] >= figures[name, label], name


def test_a_server_of_one_session_with_its_api() -> None:
    network = MemoryNetwork()
    server = network.add(peers.WebSocketMultiplayerPeer())
    server.grace = 30.0
    api = SceneMultiplayer()
    metrics = Metrics(server, api)
    assert read(metrics)["gdpeers_players", ""] == 0  # also before it listens
    server.create_server(9080)
    clients = [network.add(peers.WebSocketMultiplayerPeer()) for _ in range(3)]
    for client in clients:
        client.resume = peers.Resume()
        client.create_client("ws://localhost:9080/")
    network.settle()
    network.reset(clients[0])
    network.settle()
    figures = read(metrics)
    assert figures["gdpeers_players", ""] == 2
    assert figures["gdpeers_suspended_players", ""] == 1
    assert ("gdpeers_rooms", "") not in figures
    assert figures["gdpeers_calls_total", "received"] == 0


def test_a_stricter_form_takes_it_too() -> None:
    server = peers.WebSocketServer()
    assert openmetrics(Metrics(server).registry).endswith(b"# EOF\n")


def test_misuse_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MultiplayerError, match="leave out api") as raised:
        Metrics(peers.RoomServer({"duel": Duel}), SceneMultiplayer())
    assert raised.value.code == Error.ERR_INVALID_PARAMETER
    find = util.find_spec
    monkeypatch.setattr(
        "peers.metrics.find_spec", lambda name: None if "prometheus" in name else find(name)
    )
    with pytest.raises(MultiplayerError, match=r"pip install prometheus-client") as raised:
        Metrics(peers.WebSocketServer())
    assert raised.value.code == Error.ERR_UNAVAILABLE
