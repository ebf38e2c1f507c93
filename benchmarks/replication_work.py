"""What states cost a client: ``python -m benchmarks.replication_work NODES SECONDS [DIALECT]``.

A server and one client in this process, over sockets; only the time of the client's polls counts,
reading included. Prints JSON: seconds of processor time for each second of twenty ticks, in which
the client is told the positions of all nodes twenty times.
"""

from __future__ import annotations

import json
import sys
import time

from multiplayer import Dialect, Node, SceneMultiplayer, Vector2
from peers import WebSocketMultiplayerPeer

from .contestants.replication import TICKS, Thing, World

PATIENCE = 10.0


class Client:
    """A client with a spawner like the server's.

    Attributes:
        taken: seconds of processor time so far.
    """

    def __init__(self, port: int, dialect: str) -> None:
        self.things = Node("Things")
        root, spawner = World.tree(self.things, self.make)
        peer = WebSocketMultiplayerPeer()
        peer.create_client(f"ws://127.0.0.1:{port}")
        self.api = SceneMultiplayer(root, Dialect[dialect])
        self.api.multiplayer_peer = peer
        self.spawner = spawner
        self.taken = 0.0

    def make(self, number: object) -> Node:
        """Return the node of a number; see ``spawn_function``."""
        assert isinstance(number, int)
        return Thing(number)

    def poll(self) -> None:
        """Poll, and count how long that takes."""
        begun = time.process_time()
        self.api.poll()
        self.taken += time.process_time() - begun

    def has(self, tick: int) -> bool:
        """Return whether all positions are those of a tick, or of a later one."""
        return all(
            isinstance(thing, Thing) and thing.position.x >= tick for thing in self.things.children
        )


def main() -> None:
    nodes, seconds = int(sys.argv[1]), float(sys.argv[2])
    dialect = sys.argv[3] if len(sys.argv) > 3 else "GODOT_4"
    world = World(nodes, 1, nodes, 0, dialect)
    client = Client(world.port, dialect)
    deadline = time.monotonic() + PATIENCE
    while len(client.things.children) < nodes:
        world.api.poll()
        client.poll()
        assert time.monotonic() < deadline, "the nodes never came"
    ticks = round(seconds * TICKS)
    client.taken = 0.0
    for tick in range(1, ticks + 1):
        for number, thing in enumerate(world.things):
            thing.position = Vector2(tick, number)
            if number % TICKS == tick % TICKS:
                thing.z_index = tick % 4000
        world.api.poll()
        deadline = time.monotonic() + PATIENCE
        client.poll()
        while not client.has(tick):
            client.poll()
            assert time.monotonic() < deadline, "a state never came"
    print(json.dumps({"client": client.taken / seconds}))


if __name__ == "__main__":
    main()
