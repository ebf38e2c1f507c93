"""Many connections that keep silent: ``python -m benchmarks.hold_load PORT DIALECT CLIENTS PID``.

Connects the clients, 64 at a time, and unless the dialect is ``silent`` lets one more come then and
waits until all have been told. Prints JSON: handshakes a second, the server's resident memory a
client (bytes), its CPU time a handshake and in a silent second, and how long telling took
(seconds).
"""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import sys
import time
from pathlib import Path

from .handshake import ANNOUNCEMENT, frame_size, request
from .processes import used

AT_ONCE = 64
HEAD_END = b"\r\n\r\n"
TOLD = {"gd_mp": ANNOUNCEMENT["gd_mp"], "bare": frame_size(len(b"somebody joined"))}
PATIENCE = 150.0


def resident(pid: int) -> int:
    """Return how much memory a process has, in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Return how much CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Crowd:
    """Clients that have connected and read what they get without looking at it."""

    def __init__(self, port: int, dialect: str) -> None:
        self.port = port
        self.dialect = dialect
        self.poll = select.epoll()
        self.socks: dict[int, socket.socket] = {}
        self.got: dict[int, int] = {}
        self.heads: dict[int, bytes] = {}

    def dial(self) -> None:
        """Connect one more, and ask for the upgrade."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        sock.sendall(request(self.port))
        sock.setblocking(False)
        number = sock.fileno()
        self.socks[number], self.got[number], self.heads[number] = sock, 0, b""
        self.poll.register(sock, select.EPOLLIN)

    def read(self) -> None:
        """Read what has come, within a second."""
        for number, _ in self.poll.poll(1.0):
            data = self.socks[number].recv(1 << 18)
            assert data, "the server has ended a connection"
            if number in self.heads:
                self.heads[number] += data
                head, end, rest = self.heads[number].partition(HEAD_END)
                if not end:
                    continue
                assert b" 101 " in head.split(b"\r\n")[0], head
                del self.heads[number]
                data = rest
            self.got[number] += len(data)

    def grow(self, count: int) -> float:
        """Connect until there are ``count``; return handshakes a second."""
        begun = time.perf_counter()
        target = count - len(self.socks)
        while len(self.socks) < count or self.heads:
            while len(self.heads) < AT_ONCE and len(self.socks) < count:
                self.dial()
            self.read()
            assert time.perf_counter() - begun < PATIENCE, "too few handshakes"
        return target / (time.perf_counter() - begun)

    def settle(self) -> None:
        """Read until nothing has come for a second."""
        while self.poll.poll(1.0):
            self.read()

    def time_to_tell(self) -> float:
        """Let one more come; return how long it takes until all others have been told."""
        before = dict(self.got)
        told = TOLD[self.dialect]
        begun = time.perf_counter()
        self.dial()
        behind = set(before)
        while behind:
            self.read()
            behind = {number for number in behind if self.got[number] < before[number] + told}
            assert time.perf_counter() - begun < PATIENCE, "not all were told"
        return time.perf_counter() - begun


def main() -> None:
    dialect = sys.argv[2]
    port, count, pid = int(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(port, dialect)
    crowd.grow(10)
    crowd.settle()
    before, worked = resident(pid), used(pid)
    rate = crowd.grow(count + 10)
    worked = used(pid) - worked
    crowd.settle()
    after = resident(pid)
    cpu = cpu_seconds(pid)
    time.sleep(1)
    cpu = cpu_seconds(pid) - cpu
    found = {
        "handshakes": rate,
        "handshake_cpu": worked / count,
        "memory": (after - before) / count,
        "idle_cpu": cpu,
        "told": 0.0 if dialect == "silent" else crowd.time_to_tell(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
