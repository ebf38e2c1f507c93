"""The counts as tables in Markdown, and those of another checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.programs import ROOT

from .counting import Hops

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

TIME_LIMIT = 120.0

IN_ANOTHER = """
import sys
import multiplayer, peers
sys.path[:] = [sys.argv[1], *sys.path]
from tests.hops.packets import every_kind
import json
print(json.dumps(every_kind()))
"""
"""Takes the two packages from the other checkout, and these tests from here."""


def counted_in(checkout: Path) -> dict[str, Hops]:
    """Count in another checkout, in a process of its own."""
    assert (checkout / "peers" / "__init__.py").is_file(), f"{checkout} is no checkout"
    done = subprocess.run(
        [sys.executable, "-P", "-c", IN_ANOTHER, str(ROOT)],
        env={**os.environ, "PYTHONPATH": str(checkout.resolve())},
        stdout=subprocess.PIPE,
        timeout=TIME_LIMIT,
        check=True,
        text=True,
    )
    return {
        name: Hops(*numbers, tuple(way))
        for name, (*numbers, way) in json.loads(done.stdout).items()
    }


def _lines(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = [*heads]
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def table(counts: Mapping[str, Hops]) -> str:
    """One checkout's counts."""
    heads = ("one warm packet", "calls", "files", "changes of file", "depth")
    return _lines(heads, ([name, *map(str, done.numbers)] for name, done in counts.items()))


def beside(before: Mapping[str, Hops], now: Mapping[str, Hops]) -> str:
    """Two checkouts' counts, and for each the ratio of the second to the first."""

    def cell(was: int, is_: int) -> str:
        return f"{was} → {is_} ({is_ / was:.2f})" if was else f"{was} → {is_}"

    heads = ("one warm packet, before → now", "calls", "files", "changes of file", "depth")
    return _lines(
        heads,
        ([name, *map(cell, before[name].numbers, done.numbers)] for name, done in now.items()),
    )
