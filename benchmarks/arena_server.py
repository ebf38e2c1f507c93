"""A server of the arena that measures itself.

``python -m benchmarks.arena_server PLAYERS SECONDS SETTLING`` prints its port, waits until so many
play, and ``SETTLING`` seconds more; then it measures for so long, and prints JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

import peers
from demos.arena.command import site_of
from demos.arena.match import Match

from .processes import used

if TYPE_CHECKING:
    from collections.abc import Iterable

    from peers import RoomServer

JOINING: Final = 60.0
"""How long it may take until all play, in seconds."""


class Timed:
    """Notes how long ticks took, and how far they were apart.

    Attributes:
        took: the time of each, in seconds: rules, nodes and calls; not what is sent of them.
        apart: the time from the one before in the same match.
    """

    def __init__(self) -> None:
        self.took, self.apart = array("d"), array("d")
        self._last: dict[Match, float] = {}
        self._process = Match.process
        Match.process = lambda match: self.process(match)  # noqa: PLW0108 - bound, it were no method

    def process(self, match: Match) -> int:
        """Let the ticks pass that are due, as ``Match.process`` does."""
        begun = time.perf_counter()
        passed = self._process(match)
        if passed:
            self.took.append(time.perf_counter() - begun)
            if last := self._last.get(match):
                self.apart.append(begun - last)
            self._last[match] = begun
        return passed


def memory() -> tuple[int, int]:
    """Return how much memory this program has, and has had at most, in KiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    words = dict(line.split(":", 1) for line in status.splitlines())
    return tuple(int(words[name].split()[0]) for name in ("VmRSS", "VmHWM"))


def matches(server: RoomServer) -> set[Match]:
    """Return the matches that are open."""
    return {room.match for room in server.rooms}


def playing(server: RoomServer) -> int:
    """Return how many players there are."""
    return sum(len(match.game.fighters) for match in matches(server))


async def main(players: int, seconds: float, settling: float) -> None:
    """Serve and measure."""
    timed = Timed()
    async with peers.serve_rooms(0, peer=site_of()) as server:
        print(f"port {server.get_local_port()}", flush=True)
        with trio.fail_after(JOINING):
            while playing(server) < players:  # noqa: ASYNC110 - nobody tells
                await trio.sleep(0.05)
        await trio.sleep(settling)
        del timed.took[:], timed.apart[:]
        counted = server.statistics
        before = (counted.bytes_sent, counted.bytes_received, used(os.getpid()), time.monotonic())
        skipped = sum(match.skipped for match in matches(server))
        memory_before, _ = memory()
        await trio.sleep(seconds)
        counted = server.statistics
        after = (counted.bytes_sent, counted.bytes_received, used(os.getpid()), time.monotonic())
        down, up, cpu, passed = (late - early for late, early in zip(after, before, strict=True))
        memory_after, peak = memory()
        found = {
            "seconds": passed,
            "matches": len(matches(server)),
            "players": playing(server),
            "down": down / passed / players,
            "up": up / passed / players,
            "cpu": cpu / passed,
            "ticks": len(timed.took),
            "took": points(timed.took),
            "apart": points(timed.apart),
            "skipped": sum(match.skipped for match in matches(server)) - skipped,
            "memory": [memory_before, memory_after, peak],
        }
        print(json.dumps(found), flush=True)


def points(times: Iterable[float]) -> list[float]:
    """Return the median, the 99th percentile and the worst."""
    ordered = sorted(times)
    return [ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1]]


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), *map(float, sys.argv[2:4]))
