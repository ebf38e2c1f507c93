"""The pages on testing a game: their tests pass, or fail as the pages show."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.marked_blocks import blocks_of, saved, text_of
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TESTING = blocks_of(text_of("docs/testing-your-game.md"))
RACE = blocks_of(text_of("docs/finding-a-race.md"))
TIME_LIMIT = 150


def outcome_of(folder: Path, *names: str) -> tuple[int, str]:
    """The exit status and the output of pytest for files that are in a folder."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", *names],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_every_marked_block_is_tested_here() -> None:
    assert {name for kind, name in TESTING if kind == "run"} == {
        "test_coin.py",
        "test_bad_network.py",
        "test_late.py",
        "test_wrong.py",
        "test_both.py",
        "test_program.py",
        "test_rooms.py",
    }
    assert {name for kind, name in RACE if kind == "run"} == {
        "floor.py",
        "mended_floor.py",
        "test_floor.py",
        "test_found.py",
    }
    assert [name for kind, name in TESTING if kind == "output"] == ["test_wrong.py"]
    assert [name for kind, name in RACE if kind == "output"] == ["test_floor.py"]


def test_a_game_of_two_is_tested_in_twenty_lines() -> None:
    lines = [line for line in TESTING["run", "test_coin.py"].splitlines() if line]
    assert len(lines) <= 20


def test_the_tests_of_a_game_pass(tmp_path: Path) -> None:
    names = ["test_coin.py", "test_bad_network.py", "test_late.py", "test_both.py"]
    names += ["test_program.py", "test_rooms.py"]
    for name in names:
        saved(TESTING["run", name], tmp_path, name)
    status, output = outcome_of(tmp_path, *names)
    assert status == 0, output
    assert re.search(r"^12 passed", output, re.MULTILINE)


def test_one_that_fails_prints_what_is_shown(tmp_path: Path) -> None:
    saved(TESTING["run", "test_wrong.py"], tmp_path, "test_wrong.py")
    status, output = outcome_of(tmp_path)
    assert status == pytest.ExitCode.TESTS_FAILED
    assert TESTING["output", "test_wrong.py"] in output


@pytest.mark.timeout(TIME_LIMIT + 10)
def test_the_race_is_found_as_shown(tmp_path: Path) -> None:
    for name in ("floor.py", "test_floor.py"):
        saved(RACE["run", name], tmp_path, name)
    status, output = outcome_of(tmp_path)
    assert status == pytest.ExitCode.TESTS_FAILED, output
    for text in (RACE["output", "test_floor.py"], output):
        found = re.findall(r"moves=(\[.*\]),\n.*schedule=(Schedule\(.*\)),\n", text)
        # Which of some that are equally short is found, and whether another failure is reported
        # beside it, depends on the version of hypothesis and on how long its examples take.
        assert any(is_as_told(moves, schedule) for moves, schedule in found), text


def is_as_told(moves: str, schedule: str) -> bool:
    """Whether two players want one thing while one fault holds, as the page says."""
    both = re.fullmatch(r"\[\('\w+', '(\w+)'\), \('\w+', '\1'\)\]", moves)
    fault = schedule.count("Fault(") == 1 and "at=0.0, peer=1, lasts=0.5" in schedule
    return bool(both) and fault


def test_the_race_is_gone_when_it_is_mended(tmp_path: Path) -> None:
    saved(RACE["run", "mended_floor.py"], tmp_path, "mended_floor.py")
    saved(RACE["run", "test_found.py"], tmp_path, "test_found.py")
    again = RACE["run", "test_floor.py"].replace("from floor import", "from mended_floor import")
    saved(again, tmp_path, "test_floor.py")
    status, output = outcome_of(tmp_path)
    assert status == 0, output


@pytest.mark.parametrize("page", ["testing-your-game.md", "finding-a-race.md"])
def test_each_page_is_linked_and_its_links_lead_somewhere(page: str) -> None:
    assert f"(docs/{page})" in text_of("README.md")
    for target in re.findall(r"\]\(([\w.-]+\.md)", text_of(f"docs/{page}")):
        assert (ROOT / "docs" / target).exists(), target
