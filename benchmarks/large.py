"""Throughput of 64 KiB and 1 MiB messages, to the server and from it."""

from __future__ import annotations

import sys
from collections import defaultdict

from .contestants import ALL, OURS, WEBSOCKETS, Contestant
from .programs import MeasurementFailedError, measure, running
from .tables import median_and_spread, ratio, table

CASES = tuple((size, way) for size in (64 * 1024, 1024 * 1024) for way in ("up", "down"))


def main(*, quick: bool) -> None:
    """Print the table."""
    print("## Large messages\n\nMiB/s:\n")
    found: dict[tuple[Contestant, int, str], list[float]] = defaultdict(list)
    rivals = [contestant for contestant in ALL if "large" in contestant.jobs]
    for _ in range(1 if quick else 3):
        for size, way in CASES:
            for contestant in rivals:
                try:
                    with running(contestant, "large") as (port, _):
                        rate = measure("large_load", port, way, size, 0.5 if quick else 1.0)["rate"]
                    found[contestant, size, way].append(rate / (1 << 20))
                except MeasurementFailedError as error:
                    print(f"{contestant.name}, {size} {way}: {error}", file=sys.stderr)
    names = {"up": "to the server", "down": "from it"}
    head = ("server", *(f"{size >> 10} KiB {names[way]}" for size, way in CASES))
    rows = [
        [
            contestant.name,
            *(
                median_and_spread(found[contestant, *case])
                for case in CASES
                if found[contestant, *case]
            ),
        ]
        for contestant in rivals
    ]
    rows.append(
        [
            "gdpeers : websockets",
            *(ratio(found[OURS, *case], found[WEBSOCKETS, *case]) for case in CASES),
        ]
    )
    print(table(head, rows), flush=True)
    print()
