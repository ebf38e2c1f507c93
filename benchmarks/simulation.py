"""A game of 16 peers on a simulated network: how long it takes, and where the time goes.

``python -m benchmarks.simulation`` plays ten minutes at 30 ticks a second in the dialect ``NATIVE``
under ``WIFI_BAD``: in each tick one call of each client to the server, and one of the server to
all. It does so twice with the trace on and prints the digests of both, which are the same; once
more with the trace off; and says where the time goes, by a profile of half a minute.
``--minutes 1`` plays less.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from pathlib import Path

from multiplayer import Node, SceneMultiplayer, rpc
from multiplayer.testing import WIFI_BAD, SimulatedNetwork

PEERS = 16
HZ = 30.0
SEED = 1


class Arena(Node):
    """Counts what it hears."""

    def __init__(self) -> None:
        super().__init__("Arena")
        self.heard = 0
        self.latest: tuple[object, ...] = ()

    @rpc("any_peer", "unreliable_ordered")
    def move(self, x: int, y: int) -> None:
        self.latest = x, y
        self.heard += 1

    @rpc("authority", "unreliable_ordered")
    def state(self, tick: int, positions: list[int]) -> None:
        self.latest = tick, positions
        self.heard += 1


class Game:
    """A server and 15 clients with an arena each."""

    def __init__(self, *, trace: bool) -> None:
        self.network = SimulatedNetwork(SEED, WIFI_BAD, trace=trace)
        server = self.network.create_server()
        clients = [self.network.create_client(server) for _ in range(PEERS - 1)]
        self.arenas: list[Arena] = []
        self.apis: list[SceneMultiplayer] = []
        for peer in (server, *clients):
            root, arena = Node("root"), Arena()
            root.add_child(arena)
            api = SceneMultiplayer(root)
            api.multiplayer_peer = peer
            self.network.attach(api)
            self.arenas.append(arena)
            self.apis.append(api)
        self.network.run_until(self._together, timeout=60)
        self._ticks = 0

    def _together(self) -> bool:
        return all(len(api.get_peers()) == PEERS - 1 for api in self.apis)

    def step(self, seconds: float) -> None:
        del seconds
        tick = self._ticks = self._ticks + 1
        server, *clients = self.arenas
        for number, arena in enumerate(clients):
            arena.move.rpc_id(1, tick, number)
        server.state.rpc(tick, [tick, tick + 1])

    def play(self, seconds: float) -> float:
        """Return how long it took, in seconds of CPU."""
        before = time.process_time()
        self.network.run_loop(self.step, hz=HZ, seconds=seconds)
        return time.process_time() - before

    @property
    def heard(self) -> int:
        return sum(arena.heard for arena in self.arenas)


def where(seconds: float, *, trace: bool) -> dict[str, float]:
    """Return the portion of the time by folder of the package, of a profile of so many seconds."""
    game = Game(trace=trace)
    profile = cProfile.Profile()
    profile.enable()
    game.play(seconds)
    profile.disable()
    found: dict[str, float] = {}
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]]
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _, _), (_, _, own, _, _) in stats.items():
        place = folder_of(file)
        found[place] = found.get(place, 0.0) + own
    total = sum(found.values())
    ordered = sorted(found.items(), key=lambda each: -each[1])
    return {place: own / total for place, own in ordered}


def folder_of(file: str) -> str:
    """The folder of a file within the package."""
    parts = Path(file).parts
    if "multiplayer" not in parts:
        return "the game" if "benchmarks" in parts else "Python"
    inside = parts[parts.index("multiplayer") :]
    return "/".join(inside[:3] if len(inside) > 3 else inside[:2])


def main() -> int:
    """Print the figures; return 1 if two runs differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    digests: list[str] = []
    for _ in range(2):
        game = Game(trace=True)
        took = game.play(60 * minutes)
        digests.append(game.network.trace().digest())
        print(f"trace on:  {took:6.2f} s of CPU, {game.heard} calls run, {digests[-1]}", flush=True)
        del game
    game = Game(trace=False)
    took = game.play(60 * minutes)
    print(f"trace off: {took:6.2f} s of CPU, {game.heard} calls run", flush=True)
    print("where the time goes, with the trace on:")
    for place, portion in where(min(30.0, 60 * minutes), trace=True).items():
        if portion >= 0.01:
            print(f"  {portion:5.1%} {place}")
    return int(digests[0] != digests[1])


if __name__ == "__main__":
    sys.exit(main())
