"""Handshakes a second, memory of a silent peer, and how long it takes to tell all of a join."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict

from .contestants import ALL, Contestant
from .programs import MeasurementFailedError, measure, running
from .tables import median_and_spread, number, table

CASES = (("hold", 1_000), ("silent", 10_000))
HEAD = ("server", "handshakes/s", "memory a peer, KiB", "all told of a join, ms", "idle CPU, %")
WORDS = {
    "hold": "each join is told to all",
    "silent": "nobody is told of joins, and gdpeers is in plain mode",
}

Found = dict[Contestant, list[dict[str, float]]]


def all_of(job: str, count: int, repeats: int) -> Found:
    """Measure all servers by turns."""
    found: Found = defaultdict(list)
    for _ in range(repeats):
        for contestant in ALL:
            if job not in contestant.jobs:
                continue
            dialect = "silent" if job == "silent" else contestant.dialect
            try:
                with running(contestant, job) as (port, pid):
                    found[contestant].append(measure("hold_load", port, dialect, count, pid))
            except MeasurementFailedError as error:
                print(f"{contestant.name}, {count} peers: {error}", file=sys.stderr)
    return found


def main(*, quick: bool) -> None:
    """Print the tables."""
    print("## Connections\n")
    for job, count in CASES[:1] if quick else CASES:
        print(f"{count} peers; {WORDS[job]}:\n")
        rows = [
            [
                contestant.name,
                median_and_spread([each["handshakes"] for each in several]),
                number(statistics.median(each["memory"] / 1024 for each in several)),
                number(statistics.median(each["told"] * 1000 for each in several))
                if job == "hold"
                else "-",
                number(statistics.median(each["idle_cpu"] * 100 for each in several)),
            ]
            for contestant, several in all_of(job, count, 1 if quick else 3).items()
        ]
        print(table(HEAD, rows), flush=True)
        print()
