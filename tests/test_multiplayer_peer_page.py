"""``docs/multiplayer-peer.md``: its program prints what it says, and its table lists the checks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from multiplayer.testing.checks import CHECKS
from tests.marked_blocks import blocks_of, ran, text_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/multiplayer-peer.md")
BLOCKS = blocks_of(TEXT)
NAME = "compressed.py"


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    assert [*BLOCKS] == [("run", NAME), ("output", NAME)]
    ended = ran(BLOCKS["run", NAME], tmp_path, NAME)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", NAME]


def test_mended_as_it_says_the_peer_passes(tmp_path: Path) -> None:
    first = "        if len(buffer) > self.get_max_packet_size():\n"
    bytes_like = "bytes | bytearray | memoryview"
    fix = f"if not isinstance(buffer, {bytes_like}): return super().put_packet(buffer)"
    program = BLOCKS["run", NAME]
    assert first in program
    assert f"`{fix}`" in TEXT
    mended = program.replace(first, f"        {fix}\n{first}")
    ended = ran(mended, tmp_path, NAME)
    without_another = [check for check in CHECKS if check.needs != "another"]
    passed = f"{len(without_another)} checks passed\n"
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", passed)


def test_the_table_lists_every_check_with_its_needs_and_its_source() -> None:
    table = TEXT.partition("| check | what it is about | by |\n|---|---|---|\n")[2]
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()]
    needs = {"": "", "connect": " (`connect`)", "another": " (`another`)"}
    assert rows == [
        [
            f"`{check.name}`",
            f"{(check.steps.__doc__ or '').strip().removesuffix('.')}{needs[check.needs]}",
            check.source,
        ]
        for check in CHECKS
    ]


def test_every_source_is_there() -> None:
    """What is by a page of ours stands there: a section, or a member of the reference."""
    reference = text_of("docs/reference.md")
    for check in CHECKS:
        page, _, part = check.source.partition(", ")
        if page == "docs/multiplayer-peer.md":
            assert f"\n## {part}\n" in TEXT, check
        elif page == "docs/reference.md":
            member = re.search(rf"`{part}(?:\(| = |`)", reference)
            assert member or f"### {part}\n" in reference, check
        else:
            assert page == "Godot class reference", check
            owner, _, member = part.partition(".")
            section = reference.partition(f"\n## {owner}\n")[2].partition("\n## ")[0]
            assert re.search(rf"\| `{member}\b", section), check
