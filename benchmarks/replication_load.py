"""Peers of a replicating server: ``python -m benchmarks.replication_load PORT PID PEERS SECONDS``.

Raw clients that join and then only read; nothing is parsed. Prints JSON: the processor time of the
server (its process id is given) and the bytes that each peer has got, both a second.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

from .handshake import request
from .processes import used

BUFFER = bytearray(1 << 18)
JOINING = 60.0
"""How long it may take until all have joined, in seconds."""
SETTLING = 3.0
"""For so many seconds after the last has joined nothing is measured."""
ENOUGH = 400
"""Who has got so many bytes has joined: more than the answer to the upgrade."""


class Crowd:
    """The peers."""

    def __init__(self, port: int, count: int) -> None:
        self._poll = select.epoll()
        self.got: dict[int, int] = {}
        self.socks: dict[int, socket.socket] = {}
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", port), timeout=JOINING)
            sock.sendall(request(port))
            sock.setblocking(False)
            number = sock.fileno()
            self.socks[number], self.got[number] = sock, 0
            self._poll.register(sock, select.EPOLLIN)

    def read_until(self, deadline: float, *, all_joined: bool = False) -> None:
        """Read what comes; until everybody has joined, or to the end."""
        while (left := deadline - time.monotonic()) > 0:
            for number, _ in self._poll.poll(left):
                size = self.socks[number].recv_into(BUFFER)
                assert size, "the server has ended a connection"
                self.got[number] += size
            if all_joined and min(self.got.values()) >= ENOUGH:
                return
        assert not all_joined, f"somebody could not join: {sorted(self.got.values())[:5]}"


def main() -> None:
    port, pid, count = map(int, sys.argv[1:4])
    seconds = float(sys.argv[4])
    crowd = Crowd(port, count)
    crowd.read_until(time.monotonic() + JOINING, all_joined=True)
    crowd.read_until(time.monotonic() + SETTLING)
    crowd.got = dict.fromkeys(crowd.got, 0)
    before, begun = used(pid), time.monotonic()
    crowd.read_until(begun + seconds)
    after, taken = used(pid), time.monotonic() - begun
    got = sorted(each / taken for each in crowd.got.values())
    print(
        json.dumps({"used": (after - before) / taken, "least": got[0], "most": got[-1]}),
        flush=True,
    )


if __name__ == "__main__":
    main()
