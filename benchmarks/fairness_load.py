"""One busy client among a hundred: ``python -m benchmarks.fairness_load PORT SECONDS busy|alone``.

A hundred clients ask the server one thing each, and ask again when all have their answers. With
``busy`` one more sends calls meanwhile, as fast as they are taken. Prints JSON: how long each
answer took, in seconds.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from .handshake import Client
from .receiving import announcement, calls, mark, wait_for_call

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 100
WINDOW = 1000
WARMING = 0.3
"""For how long answers do not count yet, in seconds."""
QUIET = 0.2
"""How long nothing comes when all has come, in seconds."""
LIMIT = 30.0


def _pour(sock: socket.socket, window: bytes) -> None:
    with suppress(OSError):  # until it is shut
        while True:
            sock.sendall(window)


@contextmanager
def busy(client: Client) -> Iterator[None]:
    """Have one client call without a pause, and read nothing."""
    client.sock.settimeout(None)
    thread = threading.Thread(target=_pour, args=(client.sock, calls("uniform", WINDOW)))
    thread.start()
    try:
        yield
        assert thread.is_alive(), "the server has ended the busy connection"
    finally:
        with suppress(OSError):  # the server may have ended it
            client.sock.shutdown(socket.SHUT_RDWR)
        thread.join(LIMIT)


def connected(port: int) -> Client:
    """Return a client that has been answered once: its next question is one like others."""
    client = Client(port, "godot4")
    client.sock.sendall(announcement() + mark())
    wait_for_call(client)
    return client


def drain(socks: list[socket.socket]) -> int:
    """Read what comes until nothing has come for a while; return how many bytes that was."""
    count = 0
    while ready := select.select(socks, [], [], QUIET)[0]:
        for sock in ready:
            data = sock.recv(1 << 16)
            assert data, "the server has ended a connection"
            count += len(data)
    return count


def answers(socks: list[socket.socket], size: int, seconds: float) -> list[float]:
    """Ask again and again; return how long each answer took, in seconds.

    Args:
        socks: those of the clients that ask.
        size: how many bytes an answer has.
        seconds: for how long.
    """
    poll = select.epoll()
    by_number = {sock.fileno(): sock for sock in socks}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    question = mark()
    taken: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() < begun + WARMING + seconds:
        asked: dict[int, float] = {}
        for number, sock in by_number.items():
            asked[number] = time.perf_counter()
            sock.sendall(question)
        missing = dict.fromkeys(by_number, size)
        while asked:
            ready = poll.poll(LIMIT)
            assert ready, "an answer never came"
            for number, _ in ready:
                data = by_number[number].recv(size)
                assert data, "the server has ended a connection"
                missing[number] -= len(data)
                if not missing[number]:
                    answered = time.perf_counter()
                    since = asked.pop(number)
                    if answered > begun + WARMING:
                        taken.append(answered - since)
    return taken


def main() -> None:
    port, seconds, is_busy = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "busy"
    rushing = connected(port)
    clients = [connected(port) for _ in range(CLIENTS)]
    socks = [client.sock for client in clients]
    drain([*socks, rushing.sock])
    socks[0].sendall(mark())
    size = drain(socks)
    with busy(rushing) if is_busy else nullcontext():
        print(json.dumps({"times": answers(socks, size, seconds)}))


if __name__ == "__main__":
    main()
