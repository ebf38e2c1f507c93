"""The relay's load: ``python -m benchmarks.relay_load PORT DIALECT CLIENTS PACKETS SECONDS``.

Closed loop: in a round every client sends its packets to all the others; the next round begins
when all deliveries of this one have arrived. Deliveries are counted by their bytes and not parsed.
Prints JSON: the time of each round in seconds, and the deliveries of a round.
"""

from __future__ import annotations

import json
import select
import struct
import sys
import time

from .handshake import ANNOUNCEMENT, TEXT, Client, frame, frame_size, settled

PAYLOAD = 64
ENVELOPE = struct.Struct("<Bii")
RELAY = struct.Struct("<BBi")
"""SYS, RELAY, and for whom: 0 for all."""
BUFFER = bytearray(1 << 18)
ROUND_LIMIT = 60.0


def connect(port: int, dialect: str, count: int) -> list[Client]:
    """Connect the clients, and read what the server tells them of each other."""
    clients = [Client(port, dialect) for _ in range(count)]
    # Told by now: the own id. Of the server a client of gd_mp is told as of any other.
    told = {"gd_mp": count, "godot4": count - 1}.get(dialect)
    if told is not None:
        for client in clients:
            settled(client.sock, told * ANNOUNCEMENT[dialect] - len(client.rest))
    return clients


def packet(client: Client, dialect: str) -> tuple[bytes, int]:
    """Return the frame that a client sends, and how long it is when it is delivered."""
    if dialect == "socketio":
        text = json.dumps(["m", "x" * (ENVELOPE.size + PAYLOAD)], separators=(",", ":"))
        payload = b"42" + text.encode()
        return frame(payload, TEXT), frame_size(len(payload))
    if dialect == "godot4":
        payload = RELAY.pack(7, 3, 0) + b"\x03" + bytes(PAYLOAD)
        return frame(payload), frame_size(len(payload))
    payload = ENVELOPE.pack(0, client.id, 0) + bytes(PAYLOAD)
    return frame(payload), frame_size(len(payload))


def play(port: int, dialect: str, count: int, packets: int, seconds: float) -> list[float]:
    """Return the times of the rounds."""
    clients = connect(port, dialect, count)
    poll = select.epoll()
    sends = []
    by_number = {}
    size = 0
    for client in clients:
        data, size = packet(client, dialect)
        sends.append((client.sock, data * packets))
        client.sock.setblocking(False)
        by_number[client.sock.fileno()] = client.sock
        poll.register(client.sock, select.EPOLLIN)
    expected = size * packets * (count - 1)
    times: list[float] = []
    end = None
    while end is None or time.perf_counter() < end:
        missing = dict.fromkeys(by_number, expected)
        unfinished = count
        begun = time.perf_counter()
        for sock, data in sends:
            assert sock.send(data) == len(data)
        while unfinished:
            for number, _ in poll.poll(ROUND_LIMIT):
                got = by_number[number].recv_into(BUFFER)
                left = missing[number] = missing[number] - got
                assert got, "the server has ended a connection"
                assert left >= 0, "the server sends more than there is to deliver"
                if not left:
                    unfinished -= 1
            assert time.perf_counter() - begun < ROUND_LIMIT, "a delivery never came"
        finished = time.perf_counter()
        if end is None:
            end = finished + seconds
            if finished - begun < seconds:
                continue  # it warmed up; of so slow a server that is all there is
            end = finished
        times.append(finished - begun)
    return times


def main() -> None:
    port, dialect, count, packets, seconds = sys.argv[1:]
    times = play(int(port), dialect, int(count), int(packets), float(seconds))
    print(json.dumps({"times": times, "deliveries": int(count) * (int(count) - 1) * int(packets)}))


if __name__ == "__main__":
    main()
