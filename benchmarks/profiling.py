"""Where the time goes: ``python -m benchmarks.profiling [received|crowd|sent …]``.

The profile's own work makes short functions seem longer than they are, so look at what is large and
measure before and after a change.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
from functools import partial
from pathlib import Path
from typing import Final

from multiplayer import Dialect
from multiplayer.accelerator import is_accelerated

from .builds import ROOT
from .receive_work import Work
from .send_work import Sending
from .tables import number, table

MOST: Final = 25
"""So many functions are printed."""

Place = tuple[str, int, str]


SUBJECTS: Final = {
    "received": partial(Work, "uniform", 1, 1000),
    "crowd": partial(Work, "uniform", 100, 1),
    "sent": partial(Sending, Dialect.GODOT_4),
}
ABOUT: Final = {
    "received": "a server takes the calls of one raw client, a thousand before each poll",
    "crowd": "a server takes the calls of a hundred raw clients, one of each before each poll",
    "sent": "a client calls `rpc_id`, as far as its outbox",
}
"""What each of them measures."""


def profile(subject: str, bursts: int) -> dict[Place, tuple[int, float]]:
    """Return how often each function was called in so many bursts, and its own seconds.

    Only what the polls of the one that is measured do counts, not what waits for their effect.
    """
    work = SUBJECTS[subject]()
    for _ in range(3):
        work.once()  # it warms up
    profiler = cProfile.Profile()
    work.api.poll = partial(profiler.runcall, work.api.poll)
    for _ in range(bursts):
        work.once()
    work.close()
    found: dict[Place, tuple[int, int, float, float, object]]
    found = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    return {place: (calls, own) for place, (_, calls, own, _, _) in found.items()}


def _where(place: Place) -> str:
    file, line, function = place
    path = Path(file)
    if path.is_relative_to(ROOT) and ".venv" not in path.parts:
        return f"{path.relative_to(ROOT)}:{line} {function}"
    return function if file == "~" else f"{path.name}:{line} {function}"


def rows(found: dict[Place, tuple[int, float]]) -> list[list[str]]:
    """Return one row a function, the one with the most time of its own first."""
    whole = sum(own for _, own in found.values())
    largest = sorted(found.items(), key=lambda each: -each[1][1])[:MOST]
    return [
        [f"`{_where(place)}`", number(calls), f"{own / whole:.1%}"]
        for place, (calls, own) in largest
    ]


def build() -> str:
    """Return whether the compiled twins are used, and where their time is counted."""
    if is_accelerated():
        return (
            "With speedups: the time of compiled functions is counted in what calls them. "
            "GDPEERS_PURE=1 profiles without."
        )
    return "Pure Python: speedups are not installed (make speedups), or GDPEERS_PURE is set."


def main() -> None:
    """Print a table for each subject."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profiling",
        description="Says in which functions the time goes. Without a name, in all of these:\n\n"
        + "\n".join(f"  {name:<10} {words}" for name, words in ABOUT.items()),
        epilog="Speedups are used if they are installed (make speedups), unless GDPEERS_PURE=1.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to profile")
    names = parser.parse_args().names or [*SUBJECTS]
    if unknown := sorted({*names} - {*SUBJECTS}):
        parser.error(f"no such subject: {', '.join(unknown)}; there are {', '.join(SUBJECTS)}")
    print(f"{build()}\n")
    for name in names:
        print(f"## {name}: {ABOUT[name]}\n")
        print(table(("function", "calls", "own time"), rows(profile(name, 40))), flush=True)
        print()


if __name__ == "__main__":
    main()
