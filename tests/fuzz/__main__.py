"""Runs fuzz targets under atheris: ``python -m tests.fuzz [--seconds N] [TARGET …]``.

Each target gets a process of its own, since atheris ends it. What it learns stays in ``.fuzz/``.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tests.fuzz.targets import TARGETS, seeds_of
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_MEMORY: Final = ROOT / ".fuzz"
_LONGEST_INPUT: Final = 4096


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=30, help="for each target (%(default)s)")
    options = parser.parse_args()
    if unknown := {*options.targets} - {*TARGETS}:
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    print("| target | executions | branches covered | inputs kept | found |")
    print("|---|---|---|---|---|", flush=True)
    found = 0
    for name in options.targets or TARGETS:
        found += _fuzz(name, options.seconds)
    return min(found, 1)


def _fuzz(name: str, seconds: int) -> int:
    """Run one target and print its row; return how many inputs did harm."""
    memory = _MEMORY / name
    corpus = memory / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds_of(name):
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    before = _harmful(memory)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "tests.fuzz.one", name, str(corpus)),
            *(f"-max_total_time={seconds}", f"-max_len={_LONGEST_INPUT}", "-timeout=10"),
            *("-print_final_stats=1", f"-artifact_prefix={memory}/"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=seconds + 120,
        check=False,
    )
    log = ended.stdout + ended.stderr
    (memory / "log.txt").write_text(log, encoding="utf-8")
    found = _harmful(memory) - before
    executions = _last(r"stat::number_of_executed_units: (\d+)", log)
    covered = _last(r"cov: (\d+)", log)
    kept = sum(1 for _ in corpus.iterdir())
    print(f"| {name} | {executions} | {covered} | {kept} | {len(found)} |", flush=True)
    if found or ended.returncode:
        print(log[-3000:], file=sys.stderr)
        print(f"{name} failed: {ended.returncode}, {sorted(map(str, found))}", file=sys.stderr)
    return len(found) or min(abs(ended.returncode), 1)


def _harmful(memory: Path) -> set[Path]:
    return {
        path for path in memory.iterdir() if path.name.startswith(("crash-", "timeout-", "oom-"))
    }


def _last(pattern: str, log: str) -> str:
    return (re.findall(pattern, log) or ["?"])[-1]


if __name__ == "__main__":
    sys.exit(main())
