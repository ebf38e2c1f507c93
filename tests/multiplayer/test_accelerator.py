"""How gdpeers-speedups is found, and when it is not used."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING

import pytest

from tests.programs import PATIENCE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import logging
logging.basicConfig(format="%(message)s")
from multiplayer.accelerator import accelerated, is_accelerated, pure

@accelerated
def twin():
    return "as written"

print(is_accelerated(), twin(), pure["twin"]())
"""
FITS = "INTERFACE = 1\ndef twin():\n    return 'fast'\n"


def run(folder: Path, module: str, setting: str = "") -> tuple[str, str]:
    """What a program prints and logs beside such a module."""
    (folder / "gdpeers_speedups.py").write_text(module, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env={"PYTHONPATH": f"{folder}:{ROOT}", "GDPEERS_PURE": setting},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout.strip(), done.stderr.strip()


@pytest.mark.parametrize("setting", ["", "0"])
def test_its_functions_are_taken_if_it_is_there(tmp_path: Path, setting: str) -> None:
    assert run(tmp_path, FITS, setting) == ("True fast as written", "")


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    assert run(tmp_path, FITS, "1") == ("False as written as written", "")


@pytest.mark.parametrize("module", [FITS.replace("1", "0"), ""])
def test_one_for_another_version_is_named_and_not_used(tmp_path: Path, module: str) -> None:
    said, logged = run(tmp_path, module)
    assert said == "False as written as written"
    assert logged == "gdpeers-speedups is for another version of gdpeers: install the matching one"


@pytest.mark.parametrize(
    "error",
    ["ImportError('no such symbol', name='somewhere')", "AttributeError('no such symbol')"],
)
def test_one_that_cannot_be_loaded_is_named(tmp_path: Path, error: str) -> None:
    said, logged = run(tmp_path, f"raise {error}\n")
    assert said == "False as written as written"
    assert logged == "gdpeers-speedups cannot be loaded: no such symbol"


def test_one_that_is_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / f"gdpeers_speedups{EXTENSION_SUFFIXES[0]}").write_bytes(b"no library")
    said, logged = run(tmp_path, "raise AssertionError\n")
    assert said == "False as written as written"
    assert logged.startswith("gdpeers-speedups cannot be loaded: ")


def test_a_function_without_a_twin_stays(tmp_path: Path) -> None:
    assert run(tmp_path, "INTERFACE = 1\n") == ("True as written as written", "")
