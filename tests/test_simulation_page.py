"""``docs/simulation.md``: its programs print what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.marked_blocks import blocks_of, ran, text_of

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS = blocks_of(text_of("docs/simulation.md"))
PROGRAMS = [name for kind, name in BLOCKS if kind == "run"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_the_page_says(name: str, tmp_path: Path) -> None:
    ended = ran(BLOCKS["run", name], tmp_path, name)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", name]


def test_there_are_programs() -> None:
    assert PROGRAMS
