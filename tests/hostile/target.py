"""The server that is attacked, in a process of its own: ``python -m tests.hostile.target [api]``.

With ``api`` there is a ``SceneMultiplayer`` on top.

Prints its port, then its state as JSON, ten times a second, until its input ends.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from peers import WebSocketServer, serve
from tests.hostile.game import make_server
from tests.hostile.kept import peers_kept

if TYPE_CHECKING:
    from multiplayer import SceneMultiplayer

INTERVAL = 0.1


class TimedServer(WebSocketServer):
    """Knows how long its longest poll took, in seconds."""

    longest_poll = 0.0

    def poll(self) -> None:
        begin = time.perf_counter()
        try:
            super().poll()
        finally:
            self.longest_poll = max(self.longest_poll, time.perf_counter() - begin)


async def main() -> None:
    logging.disable()  # to a terminal nobody reads
    server = TimedServer()
    server.heartbeat_interval = 5.0
    api = make_server() if "api" in sys.argv[1:] else None
    server.discard_packets = api is None
    async with serve(0, peer=server, api=api), trio.open_nursery() as nursery:
        print(server.get_local_port(), flush=True)
        nursery.start_soon(report, server, api)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


async def report(server: TimedServer, api: SceneMultiplayer | None) -> None:
    while True:
        total = server.statistics
        state = {
            "memory": memory(),
            "longest_poll": server.longest_poll,
            "descriptors": descriptors(),
            "connections": len(server.reactor.links),
            "tasks": trio.lowlevel.current_statistics().tasks_living,
            "waiting": total.packets_queued + total.bytes_queued,
            "violations": total.violations.total(),
            "limits_reached": dict(total.limits_reached),
            "failed_handshakes": total.failed_handshakes,
            "relayed": total.packets_received,
            "rejected": dict(api.statistics.rejected) if api else {},
            "kept": len(peers_kept(api)) if api else 0,
            "blocks": sys.getallocatedblocks(),
        }
        print(json.dumps(state), flush=True)
        await trio.sleep(INTERVAL)


def descriptors() -> int:
    return len([*Path("/dev/fd").iterdir()])


def memory() -> float:
    """How much the process has resident, in MiB; where /proc is missing, the most so far."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


if __name__ == "__main__":
    trio.run(main)
