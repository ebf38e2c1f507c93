"""What a received call costs a server: ``python -m benchmarks.receive_work KIND CLIENTS CALLS``.

So many raw clients send so many calls each before each poll; server and clients are in this one
process, and only the time of the server's polls counts. Prints JSON: microseconds of processor
time a call, of each burst.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from dataclasses import replace
from typing import Final

from multiplayer import GODOT_4, Node, SceneMultiplayer
from peers import WebSocketMultiplayerPeer

from .handshake import request
from .receiving import Game, announcement, calls

PATIENCE: Final = 30.0
BURSTS: Final = 40
AT_LEAST: Final = 400
"""Calls in a burst, of as many polls as that takes."""


def server() -> tuple[WebSocketMultiplayerPeer, SceneMultiplayer]:
    """Return a server that listens, and its API, with the game in its tree."""
    peer = WebSocketMultiplayerPeer()
    peer.limits = replace(peer.limits, max_peers=0, max_peers_per_address=0)
    peer.create_server(0, "127.0.0.1")
    root = Node("root")
    root.add_child(Game())
    api = SceneMultiplayer(root, GODOT_4, validate=True)
    api.multiplayer_peer = peer
    return peer, api


class Work:
    """A server and its raw clients.

    Args:
        kind: of :data:`benchmarks.receiving.KINDS`.
        clients: how many there are.
        each: how many calls each of them sends before a poll.
    """

    def __init__(self, kind: str, clients: int, each: int) -> None:
        self.peer, self.api = server()
        self.socks = [self._join() for _ in range(clients)]
        self.frames = calls(kind, each)
        self.calls = clients * each
        self.polls = max(1, AT_LEAST // self.calls)
        self._until(self.peer.statistics.packets_received + clients, announcement())

    def _join(self) -> socket.socket:
        here = len(self.api.get_peers())
        port = self.peer.get_local_port()
        sock = socket.create_connection(("127.0.0.1", port))
        sock.sendall(request(port))
        deadline = time.monotonic() + PATIENCE
        while len(self.api.get_peers()) == here:
            self.api.poll()
            assert time.monotonic() < deadline, "a client could not join"
        return sock

    def _until(self, received: int, data: bytes) -> float:
        """Send to the server from each client; return how long its polls took, in seconds."""
        for sock in self.socks:
            sock.sendall(data)
        taken = 0.0
        deadline = time.monotonic() + PATIENCE
        while self.peer.statistics.packets_received < received:
            begun = time.process_time()
            self.api.poll()
            taken += time.process_time() - begun
            assert time.monotonic() < deadline, "a call never came"
        return taken

    def once(self) -> float:
        """Return the microseconds that a call took, in one burst."""
        taken = 0.0
        for _ in range(self.polls):
            taken += self._until(self.peer.statistics.packets_received + self.calls, self.frames)
        return taken / self.polls / self.calls * 1e6

    def close(self) -> None:
        """End the connections."""
        for sock in self.socks:
            sock.close()
        self.peer.close()


def main() -> None:
    work = Work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    for _ in range(3):
        work.once()  # it warms up
    handled = work.api.statistics.calls_received
    times = [work.once() for _ in range(BURSTS)]
    handled = work.api.statistics.calls_received - handled
    assert handled == BURSTS * work.polls * work.calls, "calls were refused"
    work.close()
    print(json.dumps({"times": times}))


if __name__ == "__main__":
    main()
