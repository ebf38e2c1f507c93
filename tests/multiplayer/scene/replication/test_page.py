"""``docs/protocol/godot4-replication.md``: each deviation has its test, and a name."""

from __future__ import annotations

import re
from pathlib import Path

from tests.programs import ROOT

from .test_replay import CASES, IN_ROLES

PAGE = (ROOT / "docs" / "protocol" / "godot4-replication.md").read_text(encoding="utf-8")
DEVIATIONS = PAGE.partition("\n## Where ours does something else\n")[2]
ROWS = [line.strip("|").split(" | ") for line in DEVIATIONS.splitlines() if line.startswith("| ")][
    1:
]
TESTS = {path.name: path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py")}


def test_each_deviation_is_shown_by_a_test() -> None:
    assert len(ROWS) > 10
    for name, _, _, shown in ROWS:
        wanted = re.findall(r"`(test_\w+(?:\.py)?)`", shown)
        assert wanted, name
        for test in wanted:
            there = test in TESTS or any(f"def {test}(" in text for text in TESTS.values())
            assert there, (name, test)


def test_the_replay_knows_deviations_by_the_names_of_the_page() -> None:
    names = {row[0].strip() for row in ROWS}
    used = {why for case in (*CASES.values(), *IN_ROLES.values()) for why in case.why}
    assert used <= names
