"""A run that is to be the same everywhere: prints the digest of its trace, and what was heard.

Needs no package but ours and msgpack: ``python -m tests.multiplayer.testing.simulation.seeded``.
"""

from __future__ import annotations

import hashlib

from multiplayer import GODOT_4, NATIVE, ConnectionStatus, MultiplayerPeer, TransferMode
from multiplayer.testing import FAULTS, MOBILE_3G, TERRIBLE, SimulatedNetwork
from tests.multiplayer.testing.simulation.games import game

MODES = tuple(TransferMode)


def is_up(peer: MultiplayerPeer) -> bool:
    return peer.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED


def packets() -> SimulatedNetwork:
    """Raw packets in all modes, under bad conditions and a schedule of all faults that heal."""
    network = SimulatedNetwork(seed=12345, conditions=TERRIBLE)
    server = network.create_server(heartbeat_interval=0.5)
    clients = [network.create_client(server) for _ in range(4)]
    network.run_until(lambda: len(server.get_peers()) == 4, timeout=60)
    network.schedule(seconds=5, count=12)
    counts = [0]

    def step(seconds: float) -> None:
        del seconds
        tick = counts[0] = counts[0] + 1
        server.send_packet(b"s%d" % tick, 0, MODES[tick % 3])
        for number, client in enumerate(clients):
            if is_up(client):
                client.send_packet(b"c%d %d" % (number, tick), 1 - number % 2, MODES[tick % 3])

    network.run_loop(step, hz=20, seconds=8)
    network.quiet()
    network.advance(10)
    return network


def calls(envelope: str) -> SimulatedNetwork:
    """RPCs of a game, with processes that end in the midst of it."""
    network = SimulatedNetwork(seed=7, conditions=MOBILE_3G)
    dialect = NATIVE if envelope == "gd_mp" else GODOT_4
    players = game(network, 3, envelope, dialect)
    network.schedule(seconds=3, count=10, faults=FAULTS)
    ticks = iter(range(1000))

    def step(seconds: float) -> None:
        tick = next(ticks)
        for player in players:
            if is_up(player.peer):
                player.arena.move.rpc({"tick": tick, "seconds": seconds})
                player.arena.say.rpc(("said", tick))

    network.run_loop(step, hz=10, seconds=4)
    network.quiet()
    network.advance(5)
    return network


def digest() -> str:
    """One number for all of it."""
    runs = [packets(), calls("gd_mp"), calls("godot4")]
    texts = [f"{network.trace().digest()} {network.now}" for network in runs]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


if __name__ == "__main__":
    print(packets().trace().digest(), digest())
