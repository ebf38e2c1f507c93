"""Fifty players of the arena: ``python -m benchmarks.arena [--seconds 600]``.

The server is that of ``python -m demos.arena server``: four arenas, since one takes sixteen
players. All players are in one program (``arena_bots.py``), on the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from .builds import HERE
from .programs import MeasurementFailedError
from .tables import processor, table

if TYPE_CHECKING:
    from collections.abc import Generator

PLAYERS: Final = 50
SETTLING: Final = 5.0


@contextmanager
def program(module: str, *arguments: object) -> Generator[IO[str]]:
    """Run a program of this package, and end it; what it writes."""
    process = subprocess.Popen(
        HERE.python(f"benchmarks.{module}", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def play(players: int, seconds: float, settling: float = SETTLING) -> dict[str, Any]:
    """Have so many play for so long; what the server has found."""
    with program("arena_server", players, seconds, settling) as said:
        first = said.readline().split()
        if first[:1] != ["port"]:
            raise MeasurementFailedError("the server has told no port")
        with program("arena_bots", first[1], players):
            found = said.readline()
    if not found:
        raise MeasurementFailedError("the players have not come, or the server has failed")
    return json.loads(found)


def rows(found: dict[str, Any]) -> list[list[str]]:
    """Return the lines of the table."""
    before, after, peak = (f"{kib / 1024:.1f}" for kib in found["memory"])
    took, apart = (
        " / ".join(f"{1000 * each:.1f}" for each in found[name]) for name in ("took", "apart")
    )
    return [
        ["players, matches", f"{found['players']}, {found['matches']}"],
        ["to a player, bytes/s", f"{found['down']:.0f}"],
        ["from a player, bytes/s", f"{found['up']:.0f}"],
        ["the server's CPU, % of a core", f"{100 * found['cpu']:.1f}"],
        ["a tick of a match takes, in ms: median / p99 / worst", took],
        ["from one tick to the next (33.3 due), in ms: the same", apart],
        ["ticks, and those left out", f"{found['ticks']}, {found['skipped']}"],
        ["the server's memory, in MiB: at first, at last, at most", f"{before}, {after}, {peak}"],
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arena", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="(%(default)g)")
    parser.add_argument("--players", type=int, default=PLAYERS, help="(%(default)s)")
    given = parser.parse_args()
    begun = os.getloadavg()[0]
    found = play(given.players, given.seconds)
    loads = f"load {begun:.1f} before and {os.getloadavg()[0]:.1f} after"
    python = platform.python_version()
    print(f"{os.cpu_count()} of {processor()}, Python {python}; {loads}\n")
    print(table([f"{found['seconds']:.0f} s", "the server"], rows(found)))


if __name__ == "__main__":
    sys.exit(main())
