"""Reality beside the box: one game over sockets with ``ConditionedPeer``, and simulated.

``python -m benchmarks.conditions`` plays it under ``MOBILE_3G``, for 20 s over real sockets and for
as long in virtual time: in each of 30 ticks a second each of two clients calls the server, and the
server all clients, reliably and not. It prints how long calls were on their way.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import Node, SceneMultiplayer, rpc
from multiplayer.testing import SimulatedNetwork, preset
from peers import ConditionedPeer, WebSocketClient, WebSocketServer, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.testing import Conditions

HZ: Final = 30.0
CLIENTS: Final = 2
CALLS: Final = ("reliable", "unreliable")
POINTS: Final = (10, 50, 90, 99)
"""The percentiles that are printed."""

# A reliable call waits for those that were lost before it: the last ones need some time.
_REST: Final = 2.0


class Arena(Node):
    """Notes how long calls were on their way."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__("Arena")
        self._clock = clock
        self.took: dict[str, list[float]] = {name: [] for name in CALLS}

    @rpc("any_peer", "reliable")
    def reliable(self, sent: float) -> None:
        """Called in each tick."""
        self.took["reliable"].append(self._clock() - sent)

    @rpc("any_peer", "unreliable")
    def unreliable(self, sent: float) -> None:
        """The same."""
        self.took["unreliable"].append(self._clock() - sent)


class Game:
    """A server and its clients, with an arena each.

    Args:
        clock: returns the time, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.arenas = [Arena(clock) for _ in range(1 + CLIENTS)]
        self.apis: list[SceneMultiplayer] = []
        for arena in self.arenas:
            root = Node("root")
            root.add_child(arena)
            self.apis.append(SceneMultiplayer(root))
        self.ticks = 0

    def together(self) -> bool:
        """Return whether all know of each other."""
        return all(len(api.get_peers()) == CLIENTS for api in self.apis)

    def step(self) -> None:
        """Call everything once."""
        self.ticks += 1
        server, *clients = self.arenas
        for arena in clients:
            arena.reliable.rpc_id(1, self._clock())
            arena.unreliable.rpc_id(1, self._clock())
        server.reliable.rpc(self._clock())
        server.unreliable.rpc(self._clock())

    def rows(self, where: str) -> list[list[str]]:
        """Return what was found, for each kind of call and each direction."""
        found: list[list[str]] = []
        for name in CALLS:
            for way, arenas in (("up", self.arenas[:1]), ("down", self.arenas[1:])):
                took = sorted(seconds for arena in arenas for seconds in arena.took[name])
                sent = self.ticks * CLIENTS
                points = [f"{1000 * took[len(took) * point // 100]:.0f}" for point in POINTS]
                lost = f"{100 * (sent - len(took)) / sent:.1f} %"
                found.append([f"{name}, {way}", where, *points, lost])
        return found


async def over_sockets(conditions: Conditions, seconds: float, seed: int) -> Game:
    """Play in real time, over sockets on 127.0.0.1."""
    game = Game(time.monotonic)
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    game.apis[0].multiplayer_peer = server
    for number, api in enumerate(game.apis[1:]):
        inner = WebSocketClient()
        inner.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
        api.multiplayer_peer = ConditionedPeer(inner, conditions, seed + number)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, *game.apis)
        while not game.together():  # noqa: ASYNC110 - nobody tells
            await trio.sleep(0.01)
        begun = trio.current_time()
        for tick in range(round(HZ * seconds)):
            await trio.sleep_until(begun + tick / HZ)
            game.step()
        await trio.sleep(_REST)
        nursery.cancel_scope.cancel()
    return game


def in_a_box(conditions: Conditions, seconds: float, seed: int) -> Game:
    """Play the same in virtual time."""
    network = SimulatedNetwork(seed, conditions)
    game = Game(lambda: network.now)
    server = network.create_server()
    for api in game.apis:
        api.multiplayer_peer = server if api is game.apis[0] else network.create_client(server)
        network.attach(api)
    network.run_until(game.together, timeout=60)
    for _ in range(round(HZ * seconds)):
        game.step()
        network.advance(1 / HZ)  # handles all when it arrives, as ``run`` does
    network.advance(_REST)
    return game


def main(*, quick: bool = False, name: str = "MOBILE_3G", seconds: float = 20.0) -> None:
    """Print the table."""
    seconds = min(seconds, 3.0) if quick else seconds
    conditions = preset(name)
    before = time.process_time()
    real = trio.run(partial(over_sockets, conditions, seconds, seed=1))
    spent = time.process_time() - before
    before = time.perf_counter()
    box = in_a_box(conditions, seconds, seed=1)
    took = time.perf_counter() - before
    print(f"`{name}`, {seconds:g} s: {conditions}")
    print(f"over sockets {spent:.1f} s of CPU, in the box {took:.1f} s\n")
    print("| one way, in ms | where | " + " | ".join(f"p{point}" for point in POINTS) + " | lost |")
    print("| --- | --- |" + " --: |" * (len(POINTS) + 1))
    for pair in zip(real.rows("sockets"), box.rows("box"), strict=True):
        for row in pair:
            print("| " + " | ".join(row) + " |")
    print()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="MOBILE_3G", help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="(%(default)g)")
    given = parser.parse_args()
    main(name=given.preset, seconds=given.seconds)
