"""What passing a packet on costs a server: ``python -m benchmarks.relay_work ENVELOPE CLIENTS``.

One client sends bursts of small packets for all the others; server and clients are in this one
process, and only the time of the server's polls counts, writing included. Prints JSON: microseconds
of processor time a packet, of each burst.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from multiplayer import GODOT_4, SceneMultiplayer
from peers import WebSocketMultiplayerPeer, WebSocketServer

from .handshake import frame, request

if TYPE_CHECKING:
    from collections.abc import Callable

PACKETS = 400
BURSTS = 20
PAYLOAD = 8
PATIENCE = 30.0


class Session:
    """A server that relays, and raw clients of it that have joined."""

    def __init__(self, envelope: str, clients: int) -> None:
        self.server: WebSocketMultiplayerPeer
        self.ids: list[int] = []
        if envelope == "godot4":
            self.server = WebSocketMultiplayerPeer()
            self.poll: Callable[[], None] = self._of_godot4(self.server)
        else:
            self.server = WebSocketServer()
            self.poll = self._of_gd_mp(self.server)
        self.socks = [self._join() for _ in range(clients)]
        if envelope == "godot4":
            packet = struct.pack("<BBi", 7, 3, -1) + b"\x03" + bytes(PAYLOAD)
        else:
            packet = struct.pack("<Bii", 0, self.ids[0], -1) + bytes(PAYLOAD)
        self.burst = frame(packet) * PACKETS

    def _of_godot4(self, server: WebSocketMultiplayerPeer) -> Callable[[], None]:
        server.limits = replace(server.limits, max_peers=0, max_peers_per_address=0)
        server.create_server(0, "127.0.0.1")
        api = SceneMultiplayer(dialect=GODOT_4)
        api.discard_packets = True
        api.multiplayer_peer = server
        api.peer_connected.connect(self.ids.append)
        return api.poll

    def _of_gd_mp(self, server: WebSocketServer) -> Callable[[], None]:
        server.limits = replace(server.limits, max_peers=0, max_peers_per_address=0)
        server.bind_ip = "127.0.0.1"
        server.discard_packets = True
        server.listen(0, gd_mp_api=True)
        server.peer_connected.connect(self.ids.append)
        return server.poll

    def _join(self) -> socket.socket:
        here = len(self.ids)
        sock = socket.create_connection(("127.0.0.1", self.server.get_local_port()))
        sock.setblocking(False)
        sock.sendall(request(self.server.get_local_port()))
        deadline = time.monotonic() + PATIENCE
        while len(self.ids) == here:
            self.poll()
            assert time.monotonic() < deadline, "a client could not join"
        return sock

    def drain(self) -> int:
        """Read and forget what the clients have been sent; how many bytes the last one was."""
        size = 0
        for sock in self.socks:
            size = 0
            while select.select([sock], [], [], 0)[0]:
                data = sock.recv(1 << 20)
                assert data, "the server has ended a connection"
                size += len(data)
        return size

    def once(self) -> float:
        """Send a burst; the microseconds that each of its packets took."""
        received = self.server.statistics.packets_received
        self.socks[0].sendall(self.burst)
        taken = 0.0
        deadline = time.monotonic() + PATIENCE
        while self.server.statistics.packets_received < received + PACKETS:
            begun = time.process_time()
            self.poll()
            taken += time.process_time() - begun
            assert time.monotonic() < deadline, "a packet never came"
        assert self.drain() >= PACKETS * PAYLOAD, "not all has been passed on"
        return taken / PACKETS * 1e6


def main() -> None:
    session = Session(sys.argv[1], int(sys.argv[2]))
    for _ in range(3):
        session.poll()
    session.drain()
    session.once()  # it warms up
    times = [session.once() for _ in range(BURSTS)]
    session.server.close()
    print(json.dumps({"times": times}))


if __name__ == "__main__":
    main()
