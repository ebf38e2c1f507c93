"""How long a hundred clients wait for answers while one more sends calls as fast as it can."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from dataclasses import replace

from multiplayer.accelerator import is_accelerated

from .builds import FAST, OLD, PURE, fetch_old
from .contestants import GODOT4, RECEIVER, Contestant
from .contestants.godot4 import launch as godot4
from .programs import MeasurementFailedError, measure, running
from .tables import number, table

ALONE, BUSY = "alone", "busy"


def contestants() -> list[Contestant]:
    """Return the servers that are compared, of those that are here."""
    builds = [PURE]
    if is_accelerated():
        builds.append(FAST)
    if fetch_old():
        builds.append(OLD)
    found = [replace(RECEIVER, name=build.name, build=build) for build in builds]
    return [*found, GODOT4] if godot4.program() is not None else found


def once(contestant: Contestant, how: str, seconds: float) -> list[float]:
    """Return how long each answer took, in milliseconds."""
    with running(contestant, "uniform") as (port, _):
        times = measure("fairness_load", port, seconds, how)["times"]
    return [each * 1000 for each in times]


def row(name: str, found: dict[str, list[float]]) -> list[str]:
    """Return a server's figures: the median, 99 % and the worst, alone and beside a busy client."""
    cells = [name]
    for how in (ALONE, BUSY):
        times = sorted(found.get(how, []))
        if not times:
            cells += ["-"] * 3
            continue
        p99 = times[len(times) * 99 // 100]
        cells += [number(statistics.median(times)), number(p99), number(times[-1])]
    return cells


def main(*, quick: bool) -> None:
    """Print the table."""
    every: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(2 if quick else 5):
        for contestant in contestants():
            for how in (ALONE, BUSY):
                try:
                    every[contestant.name][how] += once(contestant, how, 0.5 if quick else 1.0)
                except MeasurementFailedError as error:
                    print(f"{contestant.name}, {how}: {error}", file=sys.stderr)
    print("## Fairness\n")
    print("A hundred clients ask, ms until the answer; then one more calls without a pause:\n")
    head = ("server", "median", "99 %", "worst", "busy: median", "99 %", "worst")
    print(table(head, [row(name, found) for name, found in every.items()]), flush=True)
    print()
