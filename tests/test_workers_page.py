"""``docs/workers.md``: its game runs in several processes by the command that it shows."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from peers.__main__ import main
from tests.marked_blocks import blocks_of, saved, text_of, without_numbers
from tests.programs import started

if TYPE_CHECKING:
    from pathlib import Path

PAGE = text_of("docs/workers.md")
BLOCKS = blocks_of(PAGE)
COMMANDS = re.findall(r"^python (-m peers serve-rooms .*)$", PAGE, re.MULTILINE)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_the_game_is_served_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(BLOCKS["run", "duel.py"], tmp_path, "duel.py")
    player = saved(BLOCKS["run", "player.py"], tmp_path, "player.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with started(*COMMANDS[0].replace("--port 9080", "--port 0").split()) as server:
        first = server.line()
        assert first is not None
        port = first.rpartition(":")[2].partition(",")[0]
        with started("-W", "error", player, f"ws://127.0.0.1:{port}/duel/new") as playing:
            assert playing.rest() == BLOCKS["output", "player.py"].splitlines()
        said = [first, server.line() or ""]
        wanted = BLOCKS["output", "server"].splitlines()
        code = re.compile("/duel/[0-9A-Z]+")
        assert [without_numbers(code.sub("", line)) for line in said] == [
            without_numbers(code.sub("", line)) for line in wanted
        ]
        server.process.send_signal(signal.SIGTERM)
        assert server.status() == 0


def test_the_options_that_it_names_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve-rooms", "--help"])
    shown = capsys.readouterr().out
    for option in {*re.findall(r"--[a-z]+[a-z-]*", PAGE)}:
        assert option in shown, option
