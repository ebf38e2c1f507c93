"""Where the time goes: ``python -m benchmarks.profiling [received|crowd|sent …]``.

Received: calls of one raw client, a thousand a poll; crowd: of a hundred, one each a poll; sent:
``rpc_id`` to the outbox. The profile's own work makes short functions seem longer than they are,
so look at what is large and measure before and after a change.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
from functools import partial
from pathlib import Path
from typing import Final

from multiplayer import Dialect

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


def profile(subject: str, bursts: int) -> dict[Place, tuple[int, float]]:
    """Return how often each function was called in so many bursts, and its own seconds."""
    work = SUBJECTS[subject]()
    for _ in range(3):
        work.once()  # it warms up
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(bursts):
        work.once()
    profiler.disable()
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


def main() -> None:
    """Print a table for each subject."""
    for subject in sys.argv[1:] or SUBJECTS:
        print(f"## {subject}\n")
        found = profile(subject, 40)
        print(table(("function", "calls", "own time"), rows(found)), flush=True)
        print()


if __name__ == "__main__":
    main()
