"""``docs/replication.md``: its programs print what it says, and its numbers are the code's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

import multiplayer
from multiplayer import Limits, Node, RejectReason, SceneMultiplayer, replicated
from multiplayer.wire.dialects.element_changes import (
    FEWEST_ELEMENTS,
    MOST_ELEMENTS,
    MOST_SPLICES,
)
from tests.marked_blocks import blocks_of, ran, text_of
from tests.multiplayer.scene.replication.games import NATIVE_KINDS, A, Game

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/replication.md")
BLOCKS = blocks_of(TEXT)
PROGRAMS = [
    "properties.py",
    "spawning.py",
    "classes.py",
    "authority.py",
    "interest.py",
    "seen_by.py",
    "budget.py",
]

LOGGED = {"seen_by.py": ": unknown_node: it sends properties of "}
"""What a program's log may hold."""


def test_every_program_has_its_output() -> None:
    assert TEXT.count("\n<!-- ") == len(BLOCKS)
    assert [name for kind, name in BLOCKS if kind == "run"] == PROGRAMS
    assert [name for kind, name in BLOCKS if kind == "output"] == PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_the_page_says(name: str, tmp_path: Path) -> None:
    said = LOGGED.get(name)
    ended = ran(BLOCKS["run", name], tmp_path, name)
    logged = [line for line in ended.stderr.splitlines() if not (said and said in line)]
    assert (ended.returncode, logged) == (0, [])
    assert ended.stdout == BLOCKS["output", name]


def test_the_numbers_are_the_codes() -> None:
    assert f"of {FEWEST_ELEMENTS} elements or more" in TEXT
    words = " ".join(TEXT.split())
    assert f"more than {MOST_ELEMENTS:,} elements".replace(",", " ") in words
    assert f"more than {MOST_SPLICES} places" in words
    assert Limits().max_spawned_nodes == 16384


def test_the_reasons_are_reasons() -> None:
    table = TEXT.partition("| reason | what |\n")[2].partition("\n\n")[0]
    reasons = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert len(reasons) == 5
    assert {*reasons} <= {reason.value for reason in RejectReason}


def test_the_filters_of_the_table_are_there() -> None:
    names = re.findall(r"^\| `(\w+Interest)\(", TEXT, re.MULTILINE)
    assert len(names) == 4
    for name in names:
        assert issubclass(getattr(multiplayer, name), multiplayer.Interest)


def test_lists_that_differ_are_explained_as_the_page_says() -> None:
    class Three(Node):
        a, b, c = (replicated(number) for number in range(3))

    class Two(Node):
        a, b = (replicated(number) for number in range(2))

    made: list[Any] = [Three, Two]

    def build(api: SceneMultiplayer) -> None:
        assert api.root is not None
        api.root.add_child(made.pop(0)("Ada"))

    game = Game(NATIVE_KINDS[0], build, A)
    game.tick()
    ((at, sender, reason, words), *_) = game.rejected
    assert (at, sender, reason) == (A, 1, RejectReason.BAD_STATE)
    shown = re.findall(r"^```text\n(the properties of .*?)```", TEXT, re.MULTILINE | re.DOTALL)
    assert [" ".join(text.split()) for text in shown] == [words]
