"""``docs/security.md`` names a test for each claim, as the threat model does; those are there."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
MODEL = (ROOT / "docs" / "topics" / "threat-model.md").read_text(encoding="utf-8")
NAMED = sorted({*re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", TEXT + MODEL)})


def names_in(path: Path) -> set[str]:
    """What a module defines at its top."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_is_there(named: str) -> None:
    path, _, name = named.partition("::")
    assert (ROOT / path).is_file()
    assert not name or name in names_in(ROOT / path)


def test_every_claim_of_what_cannot_happen_names_a_test() -> None:
    _, _, rest = TEXT.partition("## What cannot happen\n")
    claims = rest.partition("\n## ")[0].split("\n* ")[1:]
    assert len(claims) > 8
    for claim in claims:
        assert "`tests/" in claim, claim
