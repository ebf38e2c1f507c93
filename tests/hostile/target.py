"""The server that is attacked, in a process of its own: ``python -m tests.hostile.target [KIND]``.

KIND is "gd_mp" (a relay, without one), "api" (with ``SceneMultiplayer``), "godot4" (a relay on
Godot 4's envelope) or "tls" (the first over TLS).

Prints its port, then its state as JSON, ten times a second, until its input ends.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from pathlib import Path

import trio

from multiplayer import GODOT_4, SceneMultiplayer
from peers import WebSocketMultiplayerPeer, WebSocketServer, run, serve
from tests.certificates import certificate, chain_of, key_of
from tests.hostile.game import make_server
from tests.kept import peers_kept

INTERVAL = 0.1


class Timed(WebSocketMultiplayerPeer):
    """Knows how long its longest poll took, in seconds."""

    longest_poll = 0.0

    def poll(self) -> None:
        begin = time.perf_counter()
        try:
            super().poll()
        finally:
            self.longest_poll = max(self.longest_poll, time.perf_counter() - begin)


class TimedServer(Timed, WebSocketServer):
    """The same on Godot 3's envelope."""


class Lines(logging.Handler):
    """Counts the lines of the log, which nobody reads."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage()
        self.count += 1


async def main() -> None:
    kind = sys.argv[1] if len(sys.argv) > 1 else "gd_mp"
    lines = Lines()
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    if kind == "godot4":
        await relay_godot4(lines)
        return
    server = TimedServer()
    server.heartbeat_interval = 5.0
    api = make_server() if kind == "api" else None
    server.discard_packets = api is None
    if kind == "tls":
        leaf = certificate("localhost", "127.0.0.1")
        server.private_key, server.tls_certificate = key_of(leaf), chain_of(leaf)
    async with serve(0, peer=server, api=api):
        await tell(server, api, lines)


async def relay_godot4(lines: Lines) -> None:
    server = Timed()
    server.heartbeat_interval = 5.0
    server.create_server(0, "127.0.0.1")
    api = SceneMultiplayer(dialect=GODOT_4)
    api.discard_packets = True
    api.multiplayer_peer = server
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, api)
        await tell(server, api, lines)
        nursery.cancel_scope.cancel()


async def tell(server: Timed, api: SceneMultiplayer | None, lines: Lines) -> None:
    async with trio.open_nursery() as nursery:
        print(server.get_local_port(), flush=True)
        nursery.start_soon(report, server, api, lines)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


async def report(server: Timed, api: SceneMultiplayer | None, lines: Lines) -> None:
    while True:
        total = server.statistics
        state = {
            "memory": memory(),
            "longest_poll": server.longest_poll,
            "descriptors": descriptors(),
            "connections": len(server.endpoint.links),
            "tasks": trio.lowlevel.current_statistics().tasks_living,
            "waiting": total.packets_queued + total.bytes_queued,
            "violations": total.violations.total(),
            "limits_reached": dict(total.limits_reached),
            "failed_handshakes": total.failed_handshakes,
            "relayed": total.packets_received,
            "rejected": dict(api.statistics.rejected) if api else {},
            "kept": len(peers_kept(api)) if api else 0,
            "blocks": sys.getallocatedblocks(),
            "times_held": total.times_held,
            "log_lines": lines.count,
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
