"""What is shipped, and what installing depends on."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = ["msgpack", "trio", "wsproto"]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (built,) = folder.iterdir()
    return built


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    metadata = f"gdpeers-{PROJECT['version']}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"multiplayer", "peers", metadata}
    shipped = {name for name in names if not name.startswith(metadata)}
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in ("multiplayer", "peers")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert shipped == sources
    assert {"multiplayer/py.typed", "peers/py.typed", f"{metadata}/licenses/LICENSE"} <= names


def test_the_wheel_needs_the_core_dependencies_only(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        metadata = archive.read(f"gdpeers-{PROJECT['version']}.dist-info/METADATA").decode()
    needed = re.findall(r"^Requires-Dist: ([\w-]+)(.*)", metadata, re.MULTILINE)
    assert sorted(name for name, when in needed if "extra" not in when) == CORE
    extra = sorted(name for name, when in needed if "extra == 'testing'" in when)
    assert extra == ["hypothesis", "pytest"]
    assert [name for name, when in needed if "extra == 'redis'" in when] == ["coredis"]
    shown = sorted(name for name, when in needed if "extra == 'demos'" in when)
    assert shown == ["prometheus-client", "pygame-ce", "rich"]


def test_the_changelog_has_a_section_for_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]\n" in changelog
    assert PROJECT["version"] in changelog


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_says_what_to_install_and_not_where_from(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    for word in ("://", "--index", "--extra-index", "--find-links", "@ "):
        assert word not in text
    requirements = re.findall(r"^\S+==\S+(?: ;.*)? \\\n    --hash=", text, re.MULTILINE)
    assert len(requirements) == len(re.findall(r"^\w", text, re.MULTILINE)) > 0


def test_there_are_locks_for_each_kind_of_work() -> None:
    names = ["bench", "check", "core", "demos", "docs", "fuzz", "games", "speedups", "test"]
    assert [lock.name for lock in LOCKS] == [f"{name}.lock" for name in names]
