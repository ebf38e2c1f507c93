"""Programs and their outputs in a page.

Marked ``<!-- run: name -->`` and ``<!-- output: name -->``, on the line above the fence.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.programs import PATIENCE, ROOT

if TYPE_CHECKING:
    from pathlib import Path


def text_of(page: str) -> str:
    """A page of the repository."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(text: str) -> dict[tuple[str, str], str]:
    """The marked blocks of a page, by "run" or "output" and name."""
    return {
        (kind, name): block
        for kind, name, block in re.findall(
            r"^<!-- (run|output): (.+?) -->\n```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
        )
    }


def without_numbers(text: str) -> str:
    """The text with ``#`` for each number: ports and peer ids are never the same."""
    return re.sub(r"\d+", "#", text)


def saved(block: str, folder: Path, name: str) -> str:
    """Write a program to a file, and return its path."""
    path = folder / name
    path.write_text(block, encoding="utf-8")
    return str(path)


def ran(block: str, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", saved(block, folder, name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
