"""One seed gives one trace: in each process, with each hash seed, on each Python there is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.multiplayer.testing.simulation.seeded import digest, packets
from tests.programs import ROOT

PACKETS = "0c74c5e4d651595d9918576e425a115700a9fb8e9ae4a885d6aeac3ebd89f688"
"""The digest of packets alone, without an API: only what the simulation itself does changes it."""


def pythons() -> list[str]:
    """Those that can be had: on the path, or made by pyenv."""
    names = [f"python3.{minor}" for minor in range(11, 16)]
    found = [path for path in map(shutil.which, names) if path is not None]
    versions = Path.home() / ".pyenv" / "versions"
    found += [str(each / "bin" / "python") for each in sorted(versions.glob("3.1[1-9].*"))]
    return found


def run(python: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [python, "-m", "tests.multiplayer.testing.simulation.seeded"]
    env = {**os.environ, **environment}
    return output(command, cwd=ROOT, env=env)


def output(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=50, **options
    )


def test_the_vector() -> None:
    assert packets().trace().digest() == PACKETS


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_hash_seeds_change_nothing(seed: str) -> None:
    ended = run(sys.executable, PYTHONHASHSEED=seed)
    assert ended.stdout.split() == [PACKETS, digest()], ended.stderr


def test_every_python_does_the_same() -> None:
    """With our packages; msgpack's compiled part is for one Python only, and is left out."""
    packages = sysconfig.get_path("purelib")
    expected = [PACKETS, digest()]
    tried: set[str] = set()
    for python in pythons():
        asked = output([python, "-V"])
        if asked.returncode or asked.stdout in tried:
            continue  # a name that pyenv has a version for, but not here
        tried.add(asked.stdout)
        ended = run(
            python, PYTHONPATH=packages, MSGPACK_PUREPYTHON="1", PYTHONDONTWRITEBYTECODE="1"
        )
        assert ended.stdout.split() == expected, (python, ended.stderr)
    assert tried or sys.platform == "win32"
