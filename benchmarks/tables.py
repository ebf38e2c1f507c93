"""Markdown tables, and the words about the machine that stand above them."""

from __future__ import annotations

import os
import platform
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

from . import contestants

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the first column is words, the others are numbers."""
    lines = [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def number(value: float) -> str:
    """Return a number with three significant digits, large ones in thousands or millions."""
    for limit, unit in ((1e6, " M"), (1e4, " k")):
        if value >= limit:
            value /= 1e6 if unit == " M" else 1e3
            return f"{value:.3g}{unit}"
    return f"{value:.3g}"


def median_and_spread(values: Sequence[float]) -> str:
    """Return the median, and the smallest and the largest if there are several."""
    median = number(statistics.median(values))
    if len(values) == 1:
        return median
    return f"{median} ({number(min(values))} to {number(max(values))})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Return how many times theirs ours is, by the medians."""
    if not ours or not theirs:
        return "-"
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"


def processor() -> str:
    """Return what the processor is called."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine() -> str:
    """Return what was measured on, and with which versions."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = {each.name.partition(",")[0]: each.version for each in contestants.ALL}
    return (
        f"{processor()}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}, "
        f"CPython {platform.python_version()}; load average {load} (1, 5, 15 minutes).\n"
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + "."
    )
