"""What is said at the end: how much was sent, and how good it looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from multiplayer import Dialect

from .room import Arena

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from peers import Room, RoomServer, Statistics

    from .client import Client


class Line(NamedTuple):
    """One player's connection.

    Attributes:
        nick: whose it is.
        packets: how many came and went.
        down: bytes a second that came.
        up: bytes a second that went.
        round_trip: the shortest of the last ones, in seconds.
        jitter: how much they differ, in seconds.
        inputs: how many ticks it has played.
        corrections: how often the server did something else than predicted.
    """

    nick: str
    packets: int
    down: float
    up: float
    round_trip: float
    jitter: float
    inputs: int
    corrections: int

    @classmethod
    def of(cls, client: Client, statistics: Statistics, seconds: float) -> Line:
        """Return it for a client that has played so long."""
        passed = max(seconds, 1e-3)
        return cls(
            client.nick,
            statistics.packets_received + statistics.packets_sent,
            statistics.bytes_received / passed,
            statistics.bytes_sent / passed,
            client.clock.round_trip,
            client.clock.jitter,
            client.inputs,
            client.corrections,
        )


class Tally:
    """Counts what the arenas of a server have done, also those that are closed.

    Args:
        server: the server; no room is open yet.
    """

    def __init__(self, server: RoomServer) -> None:
        self._server = server
        self._closed = (0, 0, 0)
        server.room_closed.connect(lambda room, _: self._close(room))

    def _close(self, room: Room) -> None:
        self._closed = _sum([self._closed, _done(room)])

    def counts(self) -> tuple[int, int, int]:
        """Return how many ticks, ticks left out and rounds there were."""
        return _sum([self._closed, *(_done(room) for room in self._server.rooms)])

    def line(self, seconds: float) -> str:
        """Return what the server has done, in words.

        Args:
            seconds: how long that took.
        """
        ticks, skipped, rounds = self.counts()
        total = self._server.statistics
        return (
            f"{seconds:.1f} s, {ticks} ticks ({skipped} left out), {rounds} rounds; the server "
            f"received {total.packets_received} packets ({total.bytes_received} bytes) and sent "
            f"{total.packets_sent} ({total.bytes_sent} bytes)"
        )


def _done(room: Room) -> tuple[int, int, int]:
    """Return how many ticks, ticks left out and rounds a room has had."""
    if not isinstance(room, Arena) or room.dialect is not Dialect.NATIVE:
        return 0, 0, 0  # a match of several dialects is counted once
    return room.match.game.tick, room.match.skipped, room.match.game.round


def _sum(counts: Iterable[tuple[int, int, int]]) -> tuple[int, int, int]:
    ticks, skipped, rounds = zip(*counts, strict=True)
    return sum(ticks), sum(skipped), sum(rounds)


def of_players(lines: Iterable[Line]) -> Iterator[str]:
    """Yield a table of players."""
    yield "player   packets  bytes/s down    up  round trip  jitter  inputs  corrections"
    for line in lines:
        yield (
            f"{line.nick[:8]:<8} {line.packets:>7} {line.down:>13.0f} {line.up:>5.0f} "
            f"{1000 * line.round_trip:>8.1f} ms {1000 * line.jitter:>4.1f} ms "
            f"{line.inputs:>6} {line.corrections:>12}"
        )
