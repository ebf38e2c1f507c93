"""One raw client that calls: ``python -m benchmarks.receive_load PORT KIND SECONDS PID``.

Windows of a thousand calls, of which the last is answered; four are under way at a time. Prints
JSON: calls a second, and calls a second of the processor time of the server, which is ``PID``.
"""

from __future__ import annotations

import json
import sys
import time

from .handshake import Client
from .processes import used
from .receiving import announcement, calls, mark, wait_for_call

WINDOW = 1000
UNDER_WAY = 4
ROUNDS_OF_WARMING = 8


def main() -> None:
    port, kind, seconds, pid = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    client = Client(port, "godot4")
    client.sock.sendall(announcement())
    window = calls(kind, WINDOW - 1) + mark()
    for _ in range(UNDER_WAY):
        client.sock.sendall(window)
    for _ in range(ROUNDS_OF_WARMING):
        wait_for_call(client)
        client.sock.sendall(window)
    windows = 0
    before, begun = used(pid), time.perf_counter()
    while (taken := time.perf_counter() - begun) < seconds or not windows:
        wait_for_call(client)
        client.sock.sendall(window)
        windows += 1
    calls_done = windows * WINDOW
    print(json.dumps({"rate": calls_done / taken, "work": calls_done / (used(pid) - before)}))


if __name__ == "__main__":
    main()
