"""``CONTRIBUTING.md``: its commands would run, and what it names is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.fuzz.targets import TARGETS
from tests.marked_blocks import text_of
from tests.programs import ROOT, run

TEXT: Final = text_of("CONTRIBUTING.md")
TIME_LIMIT: Final = 50
TOOLS: Final = {"echo", "ruff", "pyright", "lint-imports", "sphinx-build", "sh"}
PYTHON: Final = ".venv/bin/python"
PREPARES: Final = re.compile(r"\S+ -m (venv|pip) |pip install |import |touch |\{ echo |^@?#")


def commands() -> list[str]:
    """The lines of the page's shell blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]


def planned(command: str) -> list[str]:
    """What ``make`` would run, without what prepares it; the command itself if it is no make."""
    if not command.startswith("make "):
        return [command]
    # A make that runs this test passes its flags and variables, such as ARGS, to all below.
    alone = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [*shlex.split(command), "--dry-run"],
        cwd=ROOT,
        env=alone,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if not PREPARES.search(line)]


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize("command", commands())
def test_a_command_would_run(command: str) -> None:
    lines = planned(command)
    assert lines, command
    for line in lines:
        program, *arguments = shlex.split(line)
        if Path(program).name != "python":
            assert Path(program).name in TOOLS, line
            assert program != "sh" or (ROOT / arguments[0]).is_file(), line
            continue
        assert arguments[0] == "-m", line
        if arguments[1] == "pytest":
            assert arguments == ["-m", "pytest"] or collects(arguments[2:]), line
        else:
            assert understood(arguments[1], arguments[2:]), line


def collects(arguments: list[str]) -> bool:
    """Whether pytest finds tests to run."""
    done = run(
        "-m",
        "pytest",
        "--collect-only",
        "-qq",
        "-p",
        "no:cacheprovider",
        *arguments,
        within=TIME_LIMIT,
    )
    return done.returncode == 0


def understood(module: str, arguments: list[str]) -> bool:
    """Whether a program of ours knows its arguments, as far as its help tells."""
    if module == "tests.interop.godot4.install":
        return (ROOT / "tests/interop/godot4/install.py").is_file()
    done = run("-m", module, "--help", within=TIME_LIMIT)
    names = [*TARGETS] if module == "tests.fuzz" else []
    known = re.findall(r"[\w-]+", done.stdout) + names
    words = [each for each in arguments if not re.search(r"^\d+$|/", each)]
    return done.returncode == 0 and {*words} <= {*known}


def test_what_it_names_is_there() -> None:
    named = re.findall(r"`([\w.-]+/[\w./-]+|\w+\.(?:md|py))`", TEXT)
    named += re.findall(r"\]\(([^)#:]+)", TEXT)
    assert len(named) > 30
    for path in named:
        if path not in {"findings/NAME.sh", "worlds.py"}:
            assert (ROOT / path).exists(), path


def test_the_readme_mentions_it() -> None:
    assert "](CONTRIBUTING.md)" in text_of("README.md")
