"""``docs/bad-network.md``: its program prints what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.testing import PRESETS
from tests.marked_blocks import blocks_of, ran, text_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/bad-network.md")
BLOCKS = blocks_of(TEXT)
NAME = "playing.py"


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    assert [*BLOCKS] == [("run", NAME), ("output", NAME)]
    ended = ran(BLOCKS["run", NAME], tmp_path, NAME)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", NAME]


def test_the_presets_of_the_command_lines_are_there() -> None:
    named = [
        line.rpartition("--conditions ")[2] for line in TEXT.splitlines() if " -m peers " in line
    ]
    assert len(named) == 2
    assert {*named} <= {*PRESETS}
