"""gdpeers: a relay under ``peers.run``, or polled in a loop that never rests."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace

import trio

from benchmarks.contestants.large_job import answer
from multiplayer import Dialect, SceneMultiplayer
from peers import WebSocketMultiplayerPeer, WebSocketServer, run

LARGEST = 4 << 20
UNLIMITED = "relayed_bytes_per_second"
"""The limit for what one client has a server send, answers included."""


def serve(job: str) -> WebSocketServer:
    """Return a server that listens and does ``job``."""
    server = WebSocketServer()
    server.bind_ip = "127.0.0.1"
    server.handshake_timeout = 60  # the machine is busy while thousands connect
    server.limits = replace(server.limits, max_peers=0, max_peers_per_address=0)
    if job == "silent":
        server.listen(0)
    elif job == "large":
        server.inbound_buffer_size = server.outbound_buffer_size = LARGEST
        if hasattr(server.limits, UNLIMITED):  # 0.1.0 has none; the default is 64 MiB a second
            server.limits = replace(server.limits, **{UNLIMITED: 0})

        def respond(peer: int) -> None:
            connection = server.get_peer(peer)
            connection.put_packet(answer(connection.get_packet()))

        server.data_received.connect(respond)
        server.listen(0)
    else:
        server.discard_packets = True
        server.listen(0, gd_mp_api=True)
    print(f"port {server.get_local_port()}", flush=True)
    return server


def serve_godot4() -> SceneMultiplayer:
    """Return what relays between the clients of a Godot 4 server that listens."""
    server = WebSocketMultiplayerPeer()
    server.handshake_timeout = 60
    server.limits = replace(server.limits, max_peers=0, max_peers_per_address=0)
    server.create_server(0, "127.0.0.1")
    api = SceneMultiplayer(dialect=Dialect.GODOT_4)
    api.discard_packets = True
    api.multiplayer_peer = server
    print(f"port {server.get_local_port()}", flush=True)
    return api


def main() -> None:
    gc.collect()
    gc.freeze()  # as `python -m peers serve` does
    server = serve_godot4() if "--godot4" in sys.argv else serve(sys.argv[1])
    if "--polled" in sys.argv:
        while True:
            server.poll()
    trio.run(run, server)


if __name__ == "__main__":
    main()
