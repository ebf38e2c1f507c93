"""gdpeers receives calls of Godot 4: ``receiver.py KIND``, polled in a loop that never rests."""

from __future__ import annotations

import sys
from dataclasses import replace

from benchmarks.receiving import Game
from multiplayer import GODOT_4, Node, SceneMultiplayer
from peers import WebSocketMultiplayerPeer


def main() -> None:
    root = Node("root")
    root.add_child(Game())
    api = SceneMultiplayer(root, GODOT_4, validate=sys.argv[1] == "mixed")
    server = WebSocketMultiplayerPeer()
    server.limits = replace(server.limits, max_peers=0, max_peers_per_address=0)
    server.create_server(0, "127.0.0.1")
    api.multiplayer_peer = server
    print(f"port {server.get_local_port()}", flush=True)
    while True:
        api.poll()


if __name__ == "__main__":
    main()
