"""Run by the Python of a clean environment (``make wheels``): what is installed there works.

Prints one line a fact. It needs nothing but the two wheels and the core dependencies.
"""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from pathlib import Path

import multiplayer
import peers
from multiplayer import GODOT_4, Node, SceneMultiplayer, rpc
from multiplayer.accelerator import accelerated, is_accelerated, pure
from peers import WebSocketMultiplayerPeer

CALLS = 1000


class Game(Node):
    """Counts what it hears."""

    def __init__(self) -> None:
        super().__init__("Game")
        self.heard = 0

    @rpc("any_peer")
    def move(self, x: int, y: float, state: str) -> None:
        assert (x, y, state) == (self.heard, 0.5, "walking")
        self.heard += 1


def api_of(peer: WebSocketMultiplayerPeer) -> tuple[SceneMultiplayer, Game]:
    root, game = Node("root"), Game()
    root.add_child(game)
    api = SceneMultiplayer(root, GODOT_4)
    api.multiplayer_peer = peer
    return api, game


def calls_arrive() -> int:
    """Return how many of the calls of a client its server has heard, over loopback."""
    server, client = WebSocketMultiplayerPeer(), WebSocketMultiplayerPeer()
    server.create_server(0, "127.0.0.1")
    client.create_client(f"ws://127.0.0.1:{server.get_local_port()}")
    (receives, heard), (sends, told) = api_of(server), api_of(client)
    sends.connected_to_server.connect(
        lambda: [told.move.rpc_id(1, n, 0.5, "walking") for n in range(CALLS)]
    )
    deadline = time.monotonic() + 20
    while heard.heard < CALLS and time.monotonic() < deadline:
        sends.poll()
        receives.poll()
    client.close()
    server.close()
    return heard.heard


def main() -> None:
    for package in (multiplayer, peers):
        assert package.__file__ is not None
        assert Path(package.__file__).is_relative_to(sys.prefix), package.__file__
    print(f"gdpeers {version('gdpeers')}, Python {sys.version.split()[0]}, {sys.prefix}")
    assert is_accelerated(), "gdpeers-speedups is not used"
    compiled = [name for name, function in pure.items() if accelerated(function) is not function]
    print(f"gdpeers-speedups {version('gdpeers-speedups')} has {', '.join(sorted(compiled))}")
    assert {"call_all", "masked", "read_flat", "read_masked", "write_flat"} <= {*compiled}
    assert calls_arrive() == CALLS
    print(f"{CALLS} calls arrived")


if __name__ == "__main__":
    main()
