"""The harness of native engines: got once, driven, ended in every case, other versions told."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tests import conftest
from tests.driving import until
from tests.interop.godot4.engine import ScriptError
from tests.interop.godot4.keeper import alive
from tests.interop.native import versions
from tests.interop.native.godot4 import NativeGodot4
from tests.programs import started

if TYPE_CHECKING:
    from tests.interop.conftest import Launch

SCRIPT = Path(__file__).parent / "engines.sh"
KILLED = """
import trio
from tests.interop.native.godot4 import NativeGodot4

async def main():
    engine = NativeGodot4()
    async with engine.lent():
        print(engine.group, flush=True)
        async with engine.standing_still():
            print("standing", flush=True)
            await trio.sleep_forever()

trio.run(main)
"""

SCENARIOS = False


@pytest.mark.native4
async def test_values_reach_gdscript_and_come_back(godot4: NativeGodot4) -> None:
    text = 'a "quoted" \\ ü 😀\t\n'
    given = [None, True, -5, 2.5, text, b"\x00\xff", b"", [], {"k": [1]}]
    types = await godot4.do("return args.map(func(value): return typeof(value))", *given)
    assert json.loads(types) == [0, 1, 2, 3, 4, 29, 29, 28, 27]
    hexadecimal = await godot4.do("return args[0].to_utf8_buffer().hex_encode()", text)
    assert bytes.fromhex(json.loads(hexadecimal)).decode() == text


@pytest.mark.native4
async def test_code_that_does_not_compile_is_told(godot4: NativeGodot4) -> None:
    with pytest.raises(ScriptError, match="does not compile"):
        await godot4.do("this is no GDScript")
    assert await godot4.do("return 1 + 1") == "2"
    await godot4.complained("Parse Error")


@pytest.mark.native4
async def test_frames_are_60_a_second_at_most(godot4: NativeGodot4) -> None:
    assert await godot4.do("return Engine.max_fps") == "60"


@pytest.mark.native4
async def test_an_engine_that_stands_still_goes_on(godot4: NativeGodot4) -> None:
    async with godot4.standing_still():
        assert godot4.stands_still
    await godot4.frames()
    assert not godot4.stands_still


@pytest.mark.native4
async def test_the_engine_of_killed_tests_ends() -> None:
    with started("-c", KILLED) as program:
        group = int(program.until(r"^\d+$")[0])
        program.until("standing")
        assert alive(group)
        program.process.kill()
        await until(lambda: not alive(group))


@pytest.mark.native4
def test_a_closed_engine_is_gone() -> None:
    engine = NativeGodot4()
    assert alive(engine.group)
    engine.close()
    assert not alive(engine.group)


async def test_a_native_3_does_the_steps_of_the_3_2_project(launch: Launch) -> None:
    godot = await launch()
    assert (await godot.step("eval", expr="Engine.get_version_info().major"))["str"] == "3"
    async with godot.standing_still():
        pass
    assert (await godot.step("eval", expr="1 + 1"))["str"] == "2"


class Reporter:
    """Stands for pytest's: no test was skipped, and what is written is kept."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def getreports(self, name: str) -> list[pytest.TestReport]:
        return []

    def section(self, title: str, **markup: bool) -> None:
        self.said.append(title)

    def write_line(self, line: str) -> None:
        self.said.append(line)


def summary() -> list[str]:
    """What the tests say at their end."""
    reporter = Reporter()
    said = conftest.pytest_terminal_summary(cast("pytest.TerminalReporter", reporter))
    for _ in said:  # pytest's own summary comes where it yields
        assert reporter.said == []
    return reporter.said


def test_another_version_is_told_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "_seen", {})
    versions.note("native3", versions.PROVEN["native3"])
    assert summary() == []
    versions.note("native4", "4.7-stable")
    title, line, _ = summary()
    assert title == "other engines than the proven ones"
    assert "Godot 4.7-stable" in line
    assert versions.PROVEN["native4"] in line


def run_script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script where apt-get is a program that does nothing but fail."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("apt-get", "dpkg-deb"):
        (programs / name).write_text("#!/bin/sh\necho called >&2\nexit 1\n")
        (programs / name).chmod(0o755)
    return subprocess.run(
        ["sh", str(SCRIPT), *arguments],
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_an_engine_that_is_there_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "engines"
    (kept / "godot4").mkdir(parents=True)
    (kept / "bin").mkdir()
    (kept / "bin" / "godot4").write_text("#!/bin/sh\necho 4.6.3.stable\n")
    (kept / "bin" / "godot4").chmod(0o755)
    done = run_script(tmp_path, str(kept), "godot4")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("godot4: Godot 4.6.3.stable is here")


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_without_an_archive_nothing_is_left_behind(tmp_path: Path) -> None:
    done = run_script(tmp_path, str(tmp_path / "engines"), "godot3")
    assert done.returncode == 1
    assert "run apt-get update first" in done.stderr
    assert not (tmp_path / "engines" / "bin").exists()


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_the_script_says_what_it_does_not_know(tmp_path: Path) -> None:
    done = run_script(tmp_path, str(tmp_path / "engines"), "godot5")
    assert done.returncode == 1
    assert "what is godot5?" in done.stderr


def test_the_script_names_no_address() -> None:
    assert "://" not in SCRIPT.read_text(encoding="utf-8")
