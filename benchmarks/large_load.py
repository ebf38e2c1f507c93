"""Large messages: ``python -m benchmarks.large_load PORT up|down BYTES SECONDS [PID]``.

One client and blocking sockets: up, it sends such messages, four at a time, and the server answers
each with one byte; down, it asks for them. Prints JSON: bytes a second, and bytes a second of
processor time of the server, if its ``PID`` is given.
"""

from __future__ import annotations

import json
import sys
import time

from .handshake import Client, frame, frame_size, settled
from .processes import used

WINDOW = 4


def main() -> None:
    port, way, size, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    pid = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    client = Client(port, "bare")
    if way == "up":
        data, answer = frame(bytes([85]) * size), frame_size(1)
    else:
        data, answer = frame(b"D" + size.to_bytes(4, "little")), frame_size(size)
    for _ in range(WINDOW):
        client.sock.sendall(data)
    messages = 0
    before, begun = used(pid) if pid else 0.0, time.perf_counter()
    while time.perf_counter() < begun + seconds:
        settled(client.sock, answer)
        messages += 1
        client.sock.sendall(data)
    taken = time.perf_counter() - begun
    found = {"rate": messages * size / taken}
    if pid:
        found["work"] = messages * size / (used(pid) - before)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
