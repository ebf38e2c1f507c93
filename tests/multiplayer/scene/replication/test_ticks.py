"""How often ticks are: with each poll of one's own, at most 60 a second where a driver polls."""

from __future__ import annotations

import pytest

from multiplayer import (
    GODOT_4,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    SceneReplicationConfig,
)
from multiplayer.testing import LAN, SimulatedNetwork


class Game:
    """A program with something of its own and something of the other's, both sent always."""

    def __init__(self, network: SimulatedNetwork, server: Game | None, *, driven: bool) -> None:
        self.root = Node("root")
        self.heard = 0
        self.api = SceneMultiplayer(self.root, GODOT_4)
        if server is None:
            self.api.multiplayer_peer = self.peer = network.create_server(envelope="godot4")
        else:
            self.api.multiplayer_peer = network.create_client(server.peer)
        if driven:
            network.attach(self.api)

    def build(self, client: int) -> None:
        """Add the nodes: Mine and Theirs, of the server and of the client."""
        for name, authority in (("OfServer", 1), ("OfClient", client)):
            config = SceneReplicationConfig()
            config.add_property(".:value")
            node, sync = Node(name), MultiplayerSynchronizer("Sync")
            vars(node)["value"] = 1
            sync.replication_config = config
            sync.synchronized.connect(self._hear)
            sync.set_multiplayer_authority(authority)
            node.add_child(sync)
            self.root.add_child(node)

    def _hear(self) -> None:
        self.heard += 1


def test_two_that_answer_each_other_stop_at_60_ticks_a_second() -> None:
    network = SimulatedNetwork(1, LAN)
    server = Game(network, None, driven=True)
    client = Game(network, server, driven=True)
    network.run_until(client.api.get_peers)
    for game in (server, client):
        game.build(client.api.get_unique_id())
    network.advance(1.0)
    server.heard = client.heard = 0
    network.advance(2.0)
    assert 40 <= server.heard <= 122
    assert 40 <= client.heard <= 122


@pytest.mark.parametrize("hz", [10, 60, 200])
def test_a_loop_of_ones_own_ticks_with_each_poll(hz: int) -> None:
    network = SimulatedNetwork(1, LAN)
    server = Game(network, None, driven=False)
    client = Game(network, server, driven=False)

    def turn(_: float) -> None:
        server.api.poll()
        client.api.poll()

    network.run_loop(turn, hz=hz, seconds=2.0)
    for game in (server, client):
        game.build(client.api.get_unique_id())
    network.run_loop(turn, hz=hz, seconds=2.0)
    client.heard = 0
    network.run_loop(turn, hz=hz, seconds=1.0)
    assert client.heard == pytest.approx(hz, abs=2)
