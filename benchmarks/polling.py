"""What an idle ``poll()`` costs, and how long a round trip takes in the ways to poll."""

from __future__ import annotations

import statistics
import time
import timeit

from multiplayer import ConnectionStatus
from peers import WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer

from .tables import number, table

PATIENCE = 10.0


def pair() -> tuple[WebSocketServer, WebSocketClient]:
    """A server and a client of it, connected."""
    server, client = WebSocketServer(), WebSocketClient()
    server.bind_ip = "127.0.0.1"
    server.listen(0, gd_mp_api=True)
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}", gd_mp_api=True)
    deadline = time.monotonic() + PATIENCE
    while client.get_connection_status() != ConnectionStatus.CONNECTION_CONNECTED:
        server.poll()
        client.poll()
        assert time.monotonic() < deadline, "no connection"
    return server, client


def idle(peer: WebSocketMultiplayerPeer) -> float:
    """Return what one ``poll()`` costs, in microseconds."""
    return min(timeit.repeat(peer.poll, number=10_000, repeat=7)) / 10_000 * 1e6


def round_trips(count: int, hz: float | None) -> list[float]:
    """Return how long an echo takes, in milliseconds, both ends polled in one loop."""
    server, client = pair()
    server.peer_packet.connect(lambda _: server.put_packet(server.get_packet()))
    times: list[float] = []
    tick = time.perf_counter()
    while len(times) < count:
        begun = time.perf_counter()
        client.put_packet(bytes(64))
        while not client.get_available_packet_count():
            server.poll()
            client.poll()
            assert time.perf_counter() - begun < PATIENCE, "no answer"
            if hz is not None:
                tick = max(tick + 1 / hz, time.perf_counter())
                time.sleep(tick - time.perf_counter())
        client.get_packet()
        times.append((time.perf_counter() - begun) * 1000)
    client.close()
    server.stop()
    return times


def main(*, quick: bool) -> None:
    """Print the tables."""
    print("## Polling\n")
    server, client = pair()
    rows = [("server with one peer", number(idle(server))), ("client", number(idle(client)))]
    client.close()
    server.stop()
    print(table(("an idle `poll()` of a", "µs"), rows))
    print()
    rows = []
    for words, hz, count in (("in a tight loop", None, 5000), ("60 times a second", 60.0, 60)):
        times = round_trips(count // (5 if quick else 1), hz)
        rows.append((words, number(statistics.median(times))))
    print(table(("an echo, both ends polled", "median, ms"), rows), flush=True)
    print()
