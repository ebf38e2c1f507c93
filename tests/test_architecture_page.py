"""``docs/architecture.md`` is a map: what it names is there, and no folder is missing from it."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.marked_blocks import text_of
from tests.programs import ROOT
from tests.test_security_page import names_in

PAGES: Final = ("architecture", "fairness", "interrupted")
MAP: Final = text_of("docs/architecture.md")


def folders() -> set[str]:
    """Every folder of the packages that holds modules."""
    found = {
        path.parent for part in ("multiplayer", "peers") for path in (ROOT / part).rglob("*.py")
    }
    return {f"{folder.relative_to(ROOT).as_posix()}/" for folder in found}


def test_it_names_every_folder() -> None:
    named = set(re.findall(r"(?:multiplayer|peers)/(?:\w+/)*", MAP))
    assert named == folders()


@pytest.mark.parametrize("page", PAGES)
def test_every_path_on_the_page_is_there(page: str) -> None:
    text = text_of(f"docs/{page}.md")
    paths = re.findall(r"\b((?:multiplayer|peers|tests|docs|benchmarks)/[\w./]*\w)", text)
    assert len(paths) > 1
    for path in paths:
        assert (ROOT / path).exists(), path
    for target in re.findall(r"\]\(([^)#:]+)", text):
        assert (ROOT / "docs" / target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_every_test_on_the_page_is_there(page: str) -> None:
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text_of(f"docs/{page}.md")):
        assert name in names_in(ROOT / path), name
