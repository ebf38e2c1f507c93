"""A server of rooms: players who come a second of its CPU, and what rooms cost that do nothing."""

from __future__ import annotations

import gc
import socket
import time
import tracemalloc
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import Limits
from peers import Room, RoomServer, run

from .handshake import REQUEST
from .tables import median_and_spread, number, table

if TYPE_CHECKING:
    from peers import Seat

AT_ONCE: Final = 100
"""How many players come at the same time."""

ROOMS: Final = 500


class Lounge(Room):
    """Counts who has come."""

    capacity = 8
    idle = None
    joined_so_far = 0

    def joined(self, seat: Seat) -> None:
        del seat
        Lounge.joined_so_far += 1


def server_of(count: int) -> RoomServer:
    """Return a server with so many empty rooms."""
    server = RoomServer({"lounge": Lounge}, limits=Limits(max_peers=0))
    server.max_rooms = 0
    server.listen(0, "127.0.0.1")
    for index in range(count):
        server.create("lounge", code=f"R{index}")
    server.poll()
    return server


def joins(rounds: int) -> list[float]:
    """Return how many players a second of the server's CPU have come: handshake, seat, joined.

    The players are sockets of the same thread; only the time within the server's polls counts.
    """
    server = server_of(50)
    rates: list[float] = []
    for _ in range(rounds + 1):
        socks: list[socket.socket] = []
        port = server.get_local_port()
        for index in range(AT_ONCE):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.sendall(REQUEST % (b"/lounge/R%d" % (index % 50), port))
            socks.append(sock)
        goal, begun = Lounge.joined_so_far + AT_ONCE, time.thread_time()
        while Lounge.joined_so_far < goal:
            server.poll()
        rates.append(AT_ONCE / (time.thread_time() - begun))
        for sock in socks:
            sock.close()
        while any(room.seats for room in server.rooms):
            server.poll()
    server.close()
    return rates[1:]


def memory() -> float:
    """Return how many bytes of Python objects an empty room takes."""
    server = server_of(20)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(ROOMS):
        server.create("lounge")
    server.poll()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    server.close()
    return (after - before) / ROOMS


async def _idle(seconds: float) -> float:
    server = server_of(ROOMS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, server)
        await trio.sleep(0.5)
        begun = time.process_time()
        await trio.sleep(seconds)
        used = time.process_time() - begun
        nursery.cancel_scope.cancel()
    return used / seconds


def main(*, quick: bool) -> None:
    """Print the table."""
    share = trio.run(_idle, 2.0 if quick else 10.0)
    rows = [
        ["players who come, a second of CPU", median_and_spread(joins(3 if quick else 20))],
        ["an empty room, KiB", number(memory() / 1024)],
        [f"{ROOMS} empty rooms, % of a core", f"{100 * share:.3f}"],
    ]
    print("### A server of rooms\n")
    print(table(["", "RoomServer"], rows) + "\n")
