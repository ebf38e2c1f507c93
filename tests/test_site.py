"""The site: what ``make docs`` cannot see by itself."""

from __future__ import annotations

import importlib
import re
from typing import Final

from tests.programs import ROOT

MODULES: Final = (
    "multiplayer",
    "multiplayer.game",
    "multiplayer.testing",
    "multiplayer.testing.strategies",
    "peers",
    "peers.cluster",
    "peers.memory",
    "peers.metrics",
    "peers.testing",
)
AGAIN: Final = {("multiplayer", "Limits")}
"""What two modules export has one entry."""


ENTRY: Final = re.compile(r"\.\. (?:auto)?(?:class|exception|function|data):: (\w+)")


def entries() -> list[tuple[str, str]]:
    """Each entry of the reference, by module and name."""
    found: list[tuple[str, str]] = []
    for page in sorted((ROOT / "docs" / "api").glob("*.md")):
        module = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith(".. currentmodule:: "):
                module = line.split()[-1]
            elif entry := ENTRY.match(line):
                found.append((module, entry[1]))
    return found


def test_every_public_name_has_one_entry() -> None:
    public = {(name, each) for name in MODULES for each in importlib.import_module(name).__all__}
    assert sorted(entries()) == sorted(public - AGAIN)
