"""Which engine has played which scenario in which role: ``docs/conformance.md``.

Engines note here what they do; who has passed is known when a test has ended. A run of all of
``tests/interop`` in which every engine was there compares the page with what it has seen, and fails
if it says something else; with ``GDPEERS_WRITE_CONFORMANCE=1`` it writes it instead.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE: Final = Path(__file__).parents[2] / "docs" / "conformance.md"
ROLES: Final = ("server", "client")


class Column(NamedTuple):
    """An engine of one generation."""

    marker: str
    name: str


GENERATIONS: Final = {
    "Godot 3": (Column("godot3", "3.2.3"), Column("native3", "3.6")),
    "Godot 4": (Column("native4", "4.6.3"), Column("godot4", "4.6 in Chromium")),
}

HEAD: Final = """\
# Conformance: real engines, scenario by scenario

The tests against real engines write this page (`make conformance`); `.ci/run` fails if it differs
from what they see. A row is a scenario: a test that runs in all the variants that its parameters
make, against our peers polled and run. **s**: the engine has passed it as the server, **c**: as a
client, **+**: in no session, with values or files. An empty cell: the scenario is about another
engine. The web build is tested only in what a browser has of its own, and where packets have to be
seen on the way: it can be a server behind a bridge only.
"""

FOLDER: Final = Path(__file__).parent
WRITE: Final = "GDPEERS_WRITE_CONFORMANCE"

_now: set[tuple[str, str]] = set()  # of the test that runs
_passed: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)


def note(marker: str, role: str) -> None:
    """An engine has begun to play a role in the test that runs."""
    assert role in ROLES, role
    _now.add((marker, role))


def is_whole(items: Iterable[pytest.Item], found: Iterable[pytest.Item]) -> bool:
    """Whether these are all the tests of engines that there are.

    Args:
        items: those that are to run.
        found: those that have been collected, before any was deselected.
    """
    mine = {item.nodeid for item in found if FOLDER in item.path.parents}
    modules = {item.path for item in found}
    return mine <= {item.nodeid for item in items} and modules >= {*FOLDER.rglob("test_*.py")}


def begin() -> None:
    """A test begins."""
    _now.clear()


def passed(item: pytest.Item) -> None:
    """A test has passed.

    Modules whose tests are of the harness, and of no scenario, say ``SCENARIOS = False``.
    """
    if not getattr(item.getparent(pytest.Module).obj, "SCENARIOS", True):
        return
    scenario = _scenario(item)
    _passed[scenario] |= _now
    for marker in _markers(item) - {marker for marker, _ in _now}:
        _passed[scenario].add((marker, ""))


def _markers(item: pytest.Item) -> set[str]:
    known = {column.marker for columns in GENERATIONS.values() for column in columns}
    return known & {mark.name for mark in item.iter_markers()}


def _scenario(item: pytest.Item) -> str:
    assert isinstance(item, pytest.Function)
    name = item.originalname.removeprefix("test_").replace("_", " ")
    subject = (item.module.__doc__ or "").partition("\n")[0].rstrip(".").partition(":")[0]
    return f"{subject}: {name}"


def page() -> str:
    """The page, of what has been seen."""
    parts = [HEAD]
    for generation, columns in GENERATIONS.items():
        rows = [
            (scenario, cells)
            for scenario, seen in sorted(_passed.items())
            if any(cells := [_cell(column, seen) for column in columns])
        ]
        counts = [sum(bool(cells[at]) for _, cells in rows) for at in range(len(columns))]
        names = [f"{column.name} ({count})" for column, count in zip(columns, counts, strict=True)]
        parts.append(f"\n## {generation}\n\n")
        parts.append(_row(["scenario", *names]) + _row(["---"] * (1 + len(columns))))
        parts += [_row([scenario, *cells]) for scenario, cells in rows]
    return "".join(parts)


def _cell(column: Column, seen: Iterable[tuple[str, str]]) -> str:
    roles = {role for marker, role in seen if marker == column.marker}
    return " ".join(role[0] for role in ROLES if role in roles) or ("+" if roles else "")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def settle() -> str | None:
    """Write the page, if that is asked for; else what is wrong with it, None if nothing is."""
    if os.environ.get(WRITE) != "1":
        return _complaint()
    PAGE.write_text(page(), encoding="utf-8")
    return None


def _complaint() -> str | None:
    """In which rows the page differs from what has been seen; None if it does not."""
    written = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    seen = page().splitlines()
    if written == seen:
        return None
    lacking, surplus = [*{*seen} - {*written}], [*{*written} - {*seen}]
    lines = [*(f"+ {line}" for line in sorted(lacking)), *(f"- {line}" for line in sorted(surplus))]
    return "\n".join(
        ["docs/conformance.md is not what the engines have done (make conformance):", *lines]
    )
