"""``python -m tests.peers.cluster.node_program URL NAME``: a node in a process of its own.

It says where it listens. SIGTERM drains it.
"""

from __future__ import annotations

import signal
import sys

import trio

import peers
from peers import RoomServer
from peers.cluster.node import Node
from peers.cluster.redis_directory import RedisDirectory
from tests.peers.cluster.machines import Duel


async def main(url: str, name: str) -> None:
    server = RoomServer({"duel": Duel})
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with (
            RedisDirectory.opened(url) as directory,
            peers.serve_rooms(0, peer=server),
            Node.joined(server, directory, name) as node,
        ):
            print(f"listening on {server.get_local_port()}", flush=True)
            await anext(signals)
            await node.drain(0.1)
            print("drained", flush=True)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
