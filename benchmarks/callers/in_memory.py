"""Calls a second without sockets: ``python -m benchmarks.callers.in_memory DIALECT SECONDS``.

Two APIs in one process, and a list between them: what is left is our own work, of both sides.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque

from benchmarks.callers.job import ARGUMENTS, WINDOW
from multiplayer import (
    ConnectionStatus,
    Dialect,
    MultiplayerPeer,
    Node,
    SceneMultiplayer,
    TransferMode,
    rpc,
)


class MemoryPeer(MultiplayerPeer):
    """One of two peers that put packets into each other's list."""

    def __init__(self, own_id: int, dialect: Dialect) -> None:
        super().__init__()
        self.own_id = own_id
        self.other: MemoryPeer
        self._relays = dialect is Dialect.GODOT_4
        self._arrived: deque[bytes] = deque()

    def now(self) -> float:
        return 0.0

    def randbits(self, bits: int) -> int:
        return bits

    def poll(self) -> None:
        emit, other = self.peer_packet.emit, self.other.own_id
        while self._arrived:
            emit(other)

    def close(self) -> None:
        self._arrived.clear()

    def disconnect_peer(self, peer: int, force: bool = False) -> None:
        raise NotImplementedError

    def get_connection_status(self) -> ConnectionStatus:
        return ConnectionStatus.CONNECTION_CONNECTED

    def get_unique_id(self) -> int:
        return self.own_id

    def is_server_relay_supported(self) -> bool:
        return self._relays

    def put_packet(self, buffer: bytes) -> None:
        self.other._arrived.append(buffer)  # noqa: SLF001 - both are of this class

    def get_available_packet_count(self) -> int:
        return len(self._arrived)

    def _take_packet(self) -> bytes:
        return self._arrived.popleft()

    def get_packet_peer(self) -> int:
        return self.other.own_id

    def get_packet_channel(self) -> int:
        return 0

    def get_packet_mode(self) -> TransferMode:
        return TransferMode.TRANSFER_MODE_RELIABLE


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
    server, client = MemoryPeer(1, dialect), MemoryPeer(2, dialect)
    server.other, client.other = client, server
    games: list[Game] = []
    apis: list[SceneMultiplayer] = []
    for peer in (server, client):
        root, game = Node("root"), Game()
        root.add_child(game)
        api = SceneMultiplayer(root, dialect)
        api.multiplayer_peer = peer
        games.append(game)
        apis.append(api)
    server.peer_connected.emit(2)
    client.peer_connected.emit(1)
    begun = time.perf_counter()
    while (taken := time.perf_counter() - begun) < seconds:
        for _ in range(WINDOW):
            games[1].move.rpc_id(1, *ARGUMENTS)
        for api in apis:
            api.poll()
    return games[0].handled / taken


if __name__ == "__main__":
    print(json.dumps(main(Dialect[sys.argv[1]], float(sys.argv[2]))))
