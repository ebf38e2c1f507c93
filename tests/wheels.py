"""``python -m tests.wheels``: the built wheel, installed where nothing else is, runs the programs.

For this Python or, with ``--all``, for each from 3.11 on that is there: those on the path, and
pyenv's. A fresh environment gets
the wheel, with what pip finds for its requirements, and runs the programs of the README and of the
how-to pages in an empty folder, so that nothing of the source tree can help.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.marked_blocks import blocks_of
from tests.programs import ROOT

OLDEST = 11
NEWEST = 14
PATIENCE = 300
"""Seconds for one command."""


def pythons() -> dict[str, str]:
    """One Python of each minor version that is there, by version."""
    found: dict[str, str] = {}
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(OLDEST, NEWEST + 1):
        name = f"python3.{minor}"
        candidates = [sys.executable] if sys.version_info[1] == minor else []
        if on_path := shutil.which(name):
            candidates.append(on_path)
        candidates += sorted(str(each) for each in versions.glob(f"3.{minor}.*/bin/python"))
        for candidate in candidates:
            tried = subprocess.run(
                [candidate, "-c", "import sys; print(sys.version_info[:2])"],
                capture_output=True,
                text=True,
                check=False,
            )
            if tried.stdout.strip() == f"(3, {minor})":  # a shim may stand for nothing
                found[f"3.{minor}"] = candidate
                break
    return found


def programs() -> dict[str, tuple[str, str]]:
    """The programs that take no arguments, and what each prints, by how-to page and name.

    Those whose output is shown in part, with "…", are not among them.
    """
    found: dict[str, tuple[str, str]] = {}
    for page in sorted((ROOT / "docs" / "howto").glob("*.md")):
        blocks = blocks_of(page.read_text(encoding="utf-8"))
        for (kind, name), block in blocks.items():
            output = blocks.get(("output", name), "…")
            if kind == "run" and "…" not in output and "sys.argv" not in block:
                found[f"{page.stem}/{name}"] = block, output
    return found


def said(*command: str, folder: Path) -> str:
    """Run a command in a folder, with nothing of ours on its path, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if ended.returncode:
        sys.exit(f"{' '.join(command)}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def lamp(inside: str, folder: Path) -> None:
    """Run the README's server, and its client beside it."""
    blocks = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
    for name in ("server.py", "client.py"):
        assert blocks["run", name].count("9080") == 1
    (folder / "server.py").write_text(blocks["run", "server.py"].replace("9080", "0"), "utf-8")
    with subprocess.Popen(
        [inside, "-u", "server.py"], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().split()[-1]
            client = blocks["run", "client.py"].replace("9080", port)
            (folder / "client.py").write_text(client, "utf-8")
            printed = said(inside, "client.py", folder=folder)
        finally:
            server.kill()
    if printed != "the lamp is on\n":
        sys.exit(f"the README's client prints\n{printed}")


def check(version: str, python: str, wheel: Path, folder: Path) -> int:
    """Install the wheel for one Python, run everything, and return how many programs ran."""
    home = folder / version
    said(python, "-m", "venv", str(home), folder=folder)
    inside = str(home / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    said(inside, *pip, str(wheel), folder=folder)
    empty = folder / f"empty-{version}"
    empty.mkdir()
    where = said(inside, "-c", "import peers; print(peers.__file__)", folder=empty)
    if not Path(where.strip()).is_relative_to(home):
        sys.exit(f"{version}: not the installed package: {where}")
    told = said(inside, "-m", "peers", "--version", folder=empty).strip()
    if not re.fullmatch(r"gdpeers \d.*", told) or told.split()[1] not in wheel.name:
        sys.exit(f"{version}: {told!r} is not the version of {wheel.name}")
    count = 0
    for name, (program, output) in programs().items():
        path = empty / name.rpartition("/")[2]
        path.write_text(program, encoding="utf-8")
        printed = said(inside, str(path), folder=empty)
        if printed != output:
            sys.exit(f"{version}: {name} prints\n{printed}instead of\n{output}")
        count += 1
    lamp(inside, empty)
    return count + 2


def main() -> None:
    """Check a wheel that is built."""
    parser = argparse.ArgumentParser(prog="python -m tests.wheels")
    parser.add_argument("wheel", type=Path, help="one that is built")
    parser.add_argument("--all", action="store_true", help="with each Python that is there")
    options = parser.parse_args()
    this = f"3.{sys.version_info[1]}"
    found = pythons() if options.all else {this: sys.executable}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel: Path = options.wheel.resolve()
        for version, python in found.items():
            count = check(version, python, wheel, folder)
            print(f"Python {version}: {wheel.name} is installed, and {count} programs run")
    missing = [f"3.{minor}" for minor in range(OLDEST, NEWEST + 1) if f"3.{minor}" not in found]
    if options.all and missing:
        print(f"not there: Python {', '.join(missing)}")


if __name__ == "__main__":
    main()
