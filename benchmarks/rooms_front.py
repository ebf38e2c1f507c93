"""``python -m benchmarks.rooms_front WAY WORKERS``: serves rooms, and tells its port.

WAY is ``direct``, without a front; ``passed``, by sockets; or ``spliced``, by bytes. The lines
after the port are the process ids of the workers, as they come to serve.
"""

from __future__ import annotations

import secrets
import sys

import trio

import peers
from peers.workers.front import Front
from peers.workers.reception import Reception, ReceptionSettings
from peers.workers.routing import Routing

from .rooms_game import Echo

WORKER = [sys.executable, "-m", "peers.workers", "benchmarks.rooms_game:Echo"]


async def serve_here() -> None:
    server = peers.RoomServer({"echo": Echo})
    server.max_rooms = server.max_rooms_per_address = 0
    server.listen(0, "127.0.0.1")
    print(f"port {server.get_local_port()}", flush=True)
    await peers.run(server)


async def serve_by_workers(workers: int, *, passes: bool) -> None:
    front = Front(WORKER, workers, passes=passes)
    reception = Reception(front, Routing(front, secrets.randbits), ReceptionSettings())
    reception.listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(front.run)
        nursery.start_soon(reception.run)
        while len(front.placement.workers) < workers:
            await front.change()
        print(f"port {reception.local_port}", flush=True)


def main() -> None:
    way, workers = sys.argv[1], int(sys.argv[2])
    if way == "direct":
        trio.run(serve_here)
    else:
        trio.run(lambda: serve_by_workers(workers, passes=way == "passed"))


if __name__ == "__main__":
    main()
