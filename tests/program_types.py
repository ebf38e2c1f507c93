"""``python -m tests.program_types``: pyright, strict, over every Python program of README and docs.

Part of ``make check``. Each page's programs lie in one folder, since some import each other, and
one run of pyright sees all of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from tests.marked_blocks import blocks_of
from tests.programs import ROOT

NOT_YET: Final = frozenset(
    (
        "docs.finding-a-race/test_floor.py",  # hypothesis draws by its source; the page shows what
        "docs.howto.game-loop/play_arcade.py",  # for a library that is not installed here
        "docs.howto.game-loop/play_panda3d.py",
    )
)
"""The programs that have errors, by page and name; none may be added."""


def write(folder: Path) -> list[str]:
    """Write the programs of all pages, and return which there are, by page and name."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    pages += sorted((ROOT / "demos").rglob("*.md"))
    written: list[str] = []
    homes: list[str] = []
    for page in pages:
        home = page.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        blocks = blocks_of(page.read_text(encoding="utf-8"))
        programs = {name: block for (kind, name), block in blocks.items() if kind == "run"}
        for name, program in programs.items():
            if name.endswith(".py"):
                path = folder / home / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(program, encoding="utf-8")
                written.append(f"{home}/{name}")
        if (folder / home).exists():
            homes.append(home)
    others = [str(ROOT), str(folder / "docs.tutorial")]  # whose world other pages play in
    settings = {
        "strict": ["."],
        "pythonVersion": "3.11",
        "venvPath": str(Path(sys.prefix).parent),
        "venv": Path(sys.prefix).name,
        "executionEnvironments": [{"root": home, "extraPaths": others} for home in homes],
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    return written


def main() -> None:
    """Check all programs, and exit with 1 if one has an error."""
    argparse.ArgumentParser(prog="python -m tests.program_types", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        written = write(folder)
        command = [sys.executable, "-m", "pyright", "--outputjson", "-p", str(folder)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if not ended.stdout.startswith("{"):
            sys.exit(ended.stdout + ended.stderr)
        counts = Counter[str]()
        shown: list[str] = []
        for found in json.loads(ended.stdout)["generalDiagnostics"]:
            program = Path(found["file"]).relative_to(folder).as_posix()
            counts[program] += 1
            if program not in NOT_YET:
                line = found["range"]["start"]["line"] + 1
                shown.append(f"{program}:{line}: {found['message']} ({found.get('rule', '')})")
        print("\n".join(shown))
        clean = sorted(each for each in NOT_YET if not counts[each])
        if clean:
            sys.exit(f"these have no errors any more; remove them from NOT_YET: {clean}")
        if shown:
            sys.exit(f"{len(shown)} errors in programs of README and docs")
        print(f"{len(written) - len(NOT_YET)} of {len(written)} programs have no errors")


if __name__ == "__main__":
    main()
