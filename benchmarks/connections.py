"""Handshakes a second, memory of a silent peer, and how long it takes to tell all of a join."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict

from .contestants import ALL, Contestant
from .programs import MeasurementFailedError, measure, running
from .tables import median_and_spread, number, table

SIZES = (1_000, 10_000)
HEAD = ("server", "handshakes/s", "memory a peer, KiB", "all told of a join, ms", "idle CPU, %")


def main(*, quick: bool) -> None:
    """Print the tables."""
    print("## Connections\n")
    for count in SIZES[:1] if quick else SIZES:
        found: dict[Contestant, list[dict[str, float]]] = defaultdict(list)
        for _ in range(1 if quick or count > 1000 else 3):
            for contestant in ALL:
                if "hold" not in contestant.jobs:
                    continue
                try:
                    with running(contestant, "hold") as (port, pid):
                        found[contestant].append(
                            measure("hold_load", port, contestant.dialect, count, pid)
                        )
                except MeasurementFailedError as error:
                    print(f"{contestant.name}, {count} peers: {error}", file=sys.stderr)
        print(f"{count} peers:\n")
        rows = [
            [
                contestant.name,
                median_and_spread([each["handshakes"] for each in several]),
                number(statistics.median(each["memory"] / 1024 for each in several)),
                number(statistics.median(each["told"] * 1000 for each in several)),
                number(statistics.median(each["idle_cpu"] * 100 for each in several)),
            ]
            for contestant, several in found.items()
        ]
        print(table(HEAD, rows), flush=True)
        print()
