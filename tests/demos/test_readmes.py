"""Each demo has a page that says what it shows, how to run it, what is where and what to change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEMOS = sorted(path for path in (ROOT / "demos").iterdir() if (path / "README.md").exists())


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_a_demo_has_its_page(demo: Path) -> None:
    text = (demo / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130  # a page
    assert "```sh\n" in text
    assert "| file |" in text
    assert re.search(r"[Cc]hange", text)
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]*)\)", text)}
    for link in links:
        if link and "://" not in link:
            assert (demo / link).exists(), link
    programs = {path.name for ending in ("py", "gd", "tscn") for path in demo.glob(f"*.{ending}")}
    assert programs - links <= {"__init__.py", "__main__.py"}


def test_the_list_of_demos_is_whole() -> None:
    text = (ROOT / "demos" / "README.md").read_text(encoding="utf-8")
    assert {*re.findall(r"\]\((\w+)/README\.md\)", text)} == {demo.name for demo in DEMOS}
