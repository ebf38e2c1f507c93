"""``docs/game/``: the programs print what the pages say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import game
from tests.marked_blocks import blocks_of, ran, text_of
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted(path.name for path in (ROOT / "docs" / "game").glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_a_program_prints_what_the_page_says(page: str, tmp_path: Path) -> None:
    blocks = blocks_of(text_of(f"docs/game/{page}"))
    name = page.replace(".md", ".py")
    assert [*blocks] == [("run", name), ("output", name)]
    ended = ran(blocks["run", name], tmp_path, name)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == blocks["output", name]


def test_a_page_says_of_each_piece_when_to_use_it_and_when_not() -> None:
    texts = {page: text_of(f"docs/game/{page}") for page in PAGES}
    assert len(texts) == 6
    for text in texts.values():
        assert "**Use it**" in text
        assert "**Do without**" in text
    together = "".join(texts.values())
    assert [name for name in game.__all__ if name not in together] == []
