"""gdpeers replicates nodes, twenty times a second; godot4/replication.gd does the same work.

``python -m benchmarks.contestants.replication nodes=N peers=N seen=N late=0|1 [dialect=NATIVE]``
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from multiplayer import (
    Dialect,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    SceneReplicationConfig,
    Vector2,
)
from peers import WebSocketMultiplayerPeer

if TYPE_CHECKING:
    from collections.abc import Callable

TICKS = 20
_ALWAYS, _ON_CHANGE = 1, 2


class Thing(Node):
    """A node with a position that is sent always, and two numbers that are sent on change."""

    def __init__(self, number: int) -> None:
        super().__init__(f"N{number}")
        self.position = Vector2(0, 0)
        self.z_index = 0
        self.rotation = 0.0
        config = SceneReplicationConfig()
        for path in (".:position", ".:z_index", ".:rotation"):
            config.add_property(path)
            mode = _ALWAYS if path == ".:position" else _ON_CHANGE
            config.property_set_replication_mode(path, mode)
        self.sync = MultiplayerSynchronizer("Sync")
        self.sync.replication_config = config
        self.add_child(self.sync)


class World:
    """A server with a spawner."""

    def __init__(self, nodes: int, peers: int, seen: int, late: int, dialect: str) -> None:
        self.count, self.expected, self.seen, self.late = nodes, peers, seen, late
        root, self.spawner = self.tree(Node("Things"), self.make)
        server = WebSocketMultiplayerPeer()
        server.handshake_timeout = 60
        server.heartbeat_interval = 0
        server.outbound_buffer_size = 1 << 22
        server.limits = replace(server.limits, max_peers=0, max_peers_per_address=0)
        server.create_server(0, "127.0.0.1")
        self.api = SceneMultiplayer(root, Dialect[dialect])
        self.api.peer_connected.connect(self.came)
        self.api.multiplayer_peer = server
        self.things: list[Thing] = []
        self.peers: list[int] = []
        if late:
            self.spawn()
        self.port = server.get_local_port()

    @staticmethod
    def tree(things: Node, make: Callable[[object], Node]) -> tuple[Node, MultiplayerSpawner]:
        """Return a root with ``things``, and the spawner that ``make`` makes nodes for."""
        root = Node("root")
        root.add_child(things)
        spawner = MultiplayerSpawner("Spawner")
        spawner.spawn_path = "../Things"
        spawner.spawn_function = make
        root.add_child(spawner)
        return root, spawner

    def make(self, number: object) -> Node:
        """Return the node of a number; see ``spawn_function``."""
        assert isinstance(number, int)
        thing = Thing(number)
        if self.seen < self.count:
            thing.sync.public_visibility = False
            for index, peer in enumerate(self.peers):
                if self.sees(index, number):
                    thing.sync.set_visibility_for(peer, True)
        self.things.append(thing)
        return thing

    def spawn(self) -> None:
        """Spawn all nodes."""
        for number in range(self.count):
            self.spawner.spawn(number)

    def sees(self, index: int, number: int) -> bool:
        """Return whether the peer that came as number ``index`` sees a node."""
        return (number - index * self.count // self.expected) % self.count < self.seen

    def came(self, peer: int) -> None:
        """Show a peer what it may see; early, spawn when all are there."""
        self.peers.append(peer)
        if self.late:
            if self.seen < self.count:
                for number, thing in enumerate(self.things):
                    if self.sees(len(self.peers) - 1, number):
                        thing.sync.set_visibility_for(peer, True)
        elif len(self.peers) == self.expected:
            self.spawn()

    def run(self) -> None:
        """Poll and move the nodes, in each tick."""
        tick, due = 0, time.monotonic()
        while True:
            due += 1 / TICKS
            time.sleep(max(due - time.monotonic(), 0))
            self.api.poll()
            tick += 1
            for number, thing in enumerate(self.things):
                thing.position = Vector2(tick, number)
                if number % TICKS == tick % TICKS:
                    thing.z_index = tick % 4000


def main() -> None:
    options = dict(each.split("=") for each in sys.argv[1:])
    dialect = options.pop("dialect", "GODOT_4")
    world = World(**{name: int(value) for name, value in options.items()}, dialect=dialect)
    print(f"port {world.port}", flush=True)
    world.run()


if __name__ == "__main__":
    main()
