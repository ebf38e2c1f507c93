"""``docs/drivers.md``: its program prints what it says, and its tables name what there is."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING

import pytest

import peers.asyncio
import peers.trio
from peers import Drivable
from peers.driving.drivable import Readiness
from tests.marked_blocks import blocks_of, ran, text_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/drivers.md")
BLOCKS = blocks_of(TEXT)
NAME = "selecting.py"


@pytest.mark.skipif(sys.platform == "win32", reason="waits for the selector's descriptor")
def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    assert [*BLOCKS] == [("run", NAME), ("output", NAME)]
    ended = ran(BLOCKS["run", NAME], tmp_path, NAME)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", NAME]


def test_all_that_a_driver_asks_is_told() -> None:
    waiting = TEXT.partition("\n## Waiting\n")[2].partition("\n## ")[0]
    asked = {name for name in vars(Drivable) if not name.startswith("_")}
    first, _, table = waiting.partition("\n| of `endpoint`")
    assert asked == set(re.findall(r"`(\w+)(?:\([a-z]*\))?`", first)) - {"run"}
    members = {name for name in vars(Readiness) if not name.startswith("_")}
    members |= set(Readiness.__annotations__)
    assert members == set(re.findall(r"^\| `(\w+)(?:\(\))?` \|", table, re.MULTILINE))


@pytest.mark.parametrize("name", peers.trio.__all__)
def test_both_libraries_have_the_same_names_arguments_and_docstrings(name: str) -> None:
    assert peers.asyncio.__all__ == peers.trio.__all__
    ours, theirs = getattr(peers.asyncio, name), getattr(peers.trio, name)
    assert ours is not theirs
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert ours.__doc__ == theirs.__doc__
    assert f"`{name}`" in TEXT
