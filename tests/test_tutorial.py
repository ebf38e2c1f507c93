"""``docs/tutorial.md``, followed word for word in an empty folder."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.marked_blocks import blocks_of, saved, text_of
from tests.programs import PATIENCE, started

if TYPE_CHECKING:
    from pathlib import Path

TEXT: Final = text_of("docs/tutorial.md")
BLOCKS: Final = blocks_of(TEXT)
COMMANDS: Final = [
    line.partition("#")[0].strip()
    for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder, with all files of the page."""
    for _, name in BLOCKS:
        saved(BLOCKS["run", name], tmp_path, name)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    return tmp_path


def test_the_page_has_these_files_and_nothing_is_marked_otherwise() -> None:
    files = ["world.py", "room.py", "play.py", "bot.py", "test_arena.py"]
    assert [*BLOCKS] == [("run", name) for name in files]
    assert TEXT.count("\n<!-- ") == len(BLOCKS)


def test_the_tests_pass(folder: Path) -> None:
    assert "python -m pytest" in COMMANDS
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")  # a folder of its own: none of ours
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(settings)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "= 4 passed" in ended.stdout
    assert "\n4 passed\n" in TEXT


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_it_is_served_and_played(folder: Path, workers: tuple[str, ...]) -> None:
    pytest.importorskip("pygame", reason="pygame-ce is not installed: group demos")
    for name in ("play.py", "bot.py"):
        assert f"python {name} ws://127.0.0.1:9080/arena/any" in COMMANDS
    serving = "python -m peers serve-rooms room:Arena"
    assert {serving, f'{serving} --host "*" --port 9080 --workers 2'} <= {*COMMANDS}
    arguments = [*serving.split()[1:], *workers, "--port", "0"]
    with started(*arguments) as server:
        url = server.until(r"listening on (ws://127\.0\.0\.1:\d+).*")[1] + "/arena/any"
        bot = ("-W", "error", str(folder / "bot.py"), url)
        with started("-W", "error", str(folder / "play.py"), url) as player:
            player.until(r"you are \d+")
            with started(*bot) as one:  # in the same room, which has its first player by now
                one.until("score: 2")
            player.process.send_signal(signal.SIGTERM)
            player.until("the end: goodbye")
            assert player.status() == 0
        server.process.send_signal(signal.SIGTERM)
        assert server.status() == 0


def test_what_the_service_manager_runs_is_what_the_page_ran() -> None:
    (line,) = re.findall(r"^ExecStart=\S+/python (.*)$", TEXT, re.MULTILINE)
    assert line.split()[:4] == ["-m", "peers", "serve-rooms", "room:Arena"]
    assert {*line.split()[4:]} <= {"--host", '"*"', "--port", "9080", "--workers", "2"}


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_it_ends_with_the_arena(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame", reason="pygame-ce is not installed: group demos")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    readme = text_of("demos/arena/README.md")
    lines = [line for line in COMMANDS if line.startswith("python -m demos.arena")]
    assert [line.split()[3] for line in lines] == ["server", "play"]
    for line in lines:
        assert " ".join(line.split()[:4]) in readme
    serve, play = (line.split()[1:] for line in lines)
    with started(*serve, "--port", "0") as server:
        port = server.until(r".*:(\d+).*")[1]
        play = [word.replace(":9080", f":{port}") for word in play]
        with started(*play, "--seconds", "1") as player:
            player.rest()
            assert player.status() == 0
        server.process.send_signal(signal.SIGTERM)
        assert server.status() == 0
