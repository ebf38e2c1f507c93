"""``make`` leaves an environment alone that somebody else has made, and says what it can do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.programs import PATIENCE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def planned(folder: Path, target: str) -> list[str]:
    """The commands that ``make`` would run."""
    done = subprocess.run(
        ["make", "--dry-run", target],
        cwd=folder,
        # These tests may be run by make, whose words for its children are not for this one.
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("there", "made"),
    [((), ".venv"), ((".venv/.by-make",), ".venv"), ((".venv/pyvenv.cfg",), ".venv-make")],
    ids=["none", "its own", "another's"],
)
def test_it_clears_only_what_it_has_made(tmp_path: Path, there: tuple[str, ...], made: str) -> None:
    for name in there:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    lines = planned(tmp_path, "test")
    (making,) = (line for line in lines if " -m venv " in line)
    assert making.endswith(f" -m venv --clear {made}")
    assert any(line.startswith(f"{made}/bin/python -m pytest") for line in lines)
    assert planned(tmp_path, "clean")[0].split()[:3] == ["rm", "-rf", made]


def test_its_help_has_a_line_for_each_target() -> None:
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    told = [re.fullmatch(r"make (\w+) +\S.*\S", line) for line in done.stdout.splitlines()]
    assert sorted(line[1] for line in told if line) == sorted(targets.split())
