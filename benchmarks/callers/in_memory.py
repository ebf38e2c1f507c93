"""Calls a second without sockets: ``python -m benchmarks.callers.in_memory DIALECT SECONDS``.

Two APIs in one process, joined by ``LoopbackPeer``: what is left is our own work, of both sides,
and what that peer costs.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.callers.job import ARGUMENTS, WINDOW
from multiplayer import Dialect, Node, SceneMultiplayer, rpc
from multiplayer.testing import LoopbackNetwork, LoopbackPeer


class Game(Node):
    """The same on both sides; counts its calls."""

    def __init__(self) -> None:
        super().__init__("Game")
        self.handled = 0

    @rpc("any_peer")
    def move(self, entity: int, x: float, y: float, state: str) -> None:
        del entity, x, y, state
        self.handled += 1


def main(dialect: Dialect, seconds: float) -> float:
    """Return how many calls a second were sent and handled."""
    network = LoopbackNetwork(relays=dialect is not Dialect.GODOT_4)
    server, client = LoopbackPeer(network), LoopbackPeer(network)
    server.create_server()
    client.create_client()
    games: list[Game] = []
    apis: list[SceneMultiplayer] = []
    for peer in (server, client):
        root, game = Node("root"), Game()
        root.add_child(game)
        api = SceneMultiplayer(root, dialect)
        api.multiplayer_peer = peer
        games.append(game)
        apis.append(api)
    for api in apis:
        api.poll()
    begun = time.perf_counter()
    while (taken := time.perf_counter() - begun) < seconds:
        for _ in range(WINDOW):
            games[1].move.rpc_id(1, *ARGUMENTS)
        for api in apis:
            api.poll()
    return games[0].handled / taken


if __name__ == "__main__":
    print(json.dumps(main(Dialect[sys.argv[1]], float(sys.argv[2]))))
