"""As ``relay_work``, of a native Godot 4: ``python -m benchmarks.relay_work_engine CLIENTS``.

The engine is another process, and what it takes without any packets is subtracted. Prints JSON:
microseconds of processor time a packet, over all bursts.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time

from .contestants import Contestant
from .contestants.godot4 import launch
from .handshake import frame, frame_size, request
from .processes import family, used
from .programs import running
from .relay_work import BURSTS, PACKETS, PATIENCE, PAYLOAD

BETWEEN = 0.01
"""Seconds between two that join."""
QUIET = 0.5
"""After so many seconds without a byte all has arrived."""
IDLE = 3.0
"""For so many seconds it is watched without packets."""


class Resting(Contestant):
    """The engine, which polls a thousand times a second, so that its work can be told apart."""

    def command(self, job: str) -> list[str] | None:
        """What starts it; None if it is not installed here."""
        del job
        return launch.resting_server()


class Engine:
    """The engine's process, and raw clients of it that have joined."""

    def __init__(self, port: int, pid: int, clients: int) -> None:
        self.pid = pid
        self.socks: list[socket.socket] = []
        for _ in range(clients):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.sendall(request(port))
            self.socks.append(sock)
            time.sleep(BETWEEN)
        self.drain()
        packet = struct.pack("<BBi", 7, 3, -1) + b"\x03" + bytes(PAYLOAD)
        self.burst = frame(packet) * PACKETS
        self.expected = (clients - 1) * PACKETS * frame_size(len(packet))

    def drain(self) -> None:
        """Read and forget what comes until nothing does."""
        while ready := select.select(self.socks, [], [], QUIET)[0]:
            for sock in ready:
                assert sock.recv(1 << 20), "the engine has ended a connection"

    def once(self) -> tuple[float, float]:
        """Send a burst; the processor time until all has arrived, and how long it took."""
        before, begun = used(self.pid), time.monotonic()
        self.socks[0].sendall(self.burst)
        left = self.expected
        while left > 0:
            assert time.monotonic() - begun < PATIENCE, f"{left} bytes never came"
            for sock in select.select(self.socks, [], [], 1)[0]:
                left -= len(sock.recv(1 << 20))
        return used(self.pid) - before, time.monotonic() - begun

    def idle(self) -> float:
        """Which part of one processor it takes without packets."""
        before, begun = used(self.pid), time.monotonic()
        time.sleep(IDLE)
        return (used(self.pid) - before) / (time.monotonic() - begun)

    def close(self) -> None:
        for pid in reversed(family(self.pid)):
            os.kill(pid, 9)
        for sock in self.socks:
            sock.close()


def main() -> None:
    with running(Resting("Godot 4", ""), "relay") as (port, pid):
        engine = Engine(port, pid, int(sys.argv[1]))
        try:
            engine.once()  # it warms up
            idle = engine.idle()
            bursts = [engine.once() for _ in range(BURSTS)]
        finally:
            engine.close()
    taken = sum(each - idle * seconds for each, seconds in bursts)
    print(json.dumps({"mean": taken / BURSTS / PACKETS * 1e6}))


if __name__ == "__main__":
    main()
