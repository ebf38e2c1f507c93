"""Coming back: how long it takes from the reset of a connection until the session goes on."""

from __future__ import annotations

import socket
import struct
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import trio

import peers

from .tables import number, table

if TYPE_CHECKING:
    from multiplayer import MultiplayerPeer

PLAYERS: Final = 8
PAUSE: Final = 0.02
"""Between coming back and the next reset, in seconds."""

PATIENCE: Final = 30.0


class Wire:
    """Passes on the bytes between clients and a server, and resets a connection when it is told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: list[tuple[trio.SocketStream, trio.SocketStream]] = []

    async def serve(self, stream: trio.SocketStream) -> None:
        """Pass on what a connection has to say, both ways."""
        other = await trio.open_tcp_stream("127.0.0.1", self._port)
        self._streams.append((stream, other))
        async with stream, other, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_on, stream, other, nursery.cancel_scope)
            nursery.start_soon(self._pass_on, other, stream, nursery.cancel_scope)

    async def _pass_on(
        self, source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope
    ) -> None:
        try:
            async for data in source:
                await target.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    def reset(self) -> None:
        """End the newest connection, with RST instead of FIN, on both sides."""
        for stream in self._streams.pop():
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.socket.close()


class Ledger:
    """Numbers what is put for one receiver by each sender; counts what is lost or comes twice."""

    def __init__(self, receiver: MultiplayerPeer) -> None:
        self._receiver = receiver
        self._put: Counter[int] = Counter()
        self._due: Counter[int] = Counter()
        self.lost = self.twice = 0
        receiver.peer_packet.connect(self._take)

    def put(self, sender: MultiplayerPeer) -> None:
        """Put the next packet."""
        id_ = sender.get_unique_id()
        sender.send_packet(b"%d" % self._put[id_], self._receiver.get_unique_id())
        self._put[id_] += 1

    def _take(self, source: int) -> None:
        came, due = int(self._receiver.get_packet()), self._due[source]
        self.lost += max(came - due, 0)
        self.twice += came < due
        self._due[source] = max(came + 1, due)

    @property
    def missing(self) -> int:
        """How many have been lost, or not come yet."""
        return self.lost + self._put.total() - self._due.total()


async def _play(
    server: peers.WebSocketServer, up: Ledger, rounds: int, times: list[float]
) -> Ledger:
    """Let one player come back so many times; return what was put for it."""
    wire = Wire(server.get_local_port())
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, wire.serve, 0)
        url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        async with peers.connect(url, resume=peers.Resume()) as client:
            down = Ledger(client)
            for _ in range(rounds):
                for _ in range(3):
                    up.put(client)
                    down.put(server)
                begun = time.perf_counter()
                wire.reset()
                up.put(client)
                down.put(server)
                with trio.fail_after(PATIENCE):
                    replayed = await peers.fired(client.session_resumed)
                times.append(time.perf_counter() - begun)
                assert replayed
                await trio.sleep(PAUSE)
            await trio.sleep(0.3)
        nursery.cancel_scope.cancel()
    return down


async def measure(rounds: int, players: int = PLAYERS) -> tuple[list[float], int, int]:
    """Return how long each return took, in seconds, what was lost and what came twice."""
    times: list[float] = []
    ledgers: list[Ledger] = []
    server = peers.WebSocketServer()
    server.grace = PATIENCE
    ledgers.append(Ledger(server))
    async with peers.serve(0, peer=server), trio.open_nursery() as nursery:

        async def play() -> None:
            ledgers.append(await _play(server, ledgers[0], rounds, times))

        for _ in range(players):
            nursery.start_soon(play)
    lost, twice = (sum(each.missing for each in ledgers), sum(each.twice for each in ledgers))
    return sorted(times), lost, twice


def main(*, quick: bool) -> None:
    """Print the table."""
    times, lost, twice = trio.run(measure, 10 if quick else 100)
    rows = [
        ["half are back after, ms", number(1e3 * times[len(times) // 2])],
        ["99 % are, ms", number(1e3 * times[int(0.99 * len(times))])],
        ["packets lost", str(lost)],
        ["packets that came twice", str(twice)],
    ]
    print(f"### Coming back after a reset, {len(times)} times\n")
    print(table(["", "peers.Resume"], rows) + "\n")
