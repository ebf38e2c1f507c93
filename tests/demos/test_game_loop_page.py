"""``docs/howto/game-loop.md``: players in arcade and Panda3D meet a bot in the tutorial's arena.

``make games`` runs these with both libraries installed; elsewhere they are skipped.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests import programs
from tests.marked_blocks import blocks_of, saved, text_of
from tests.programs import started

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS: Final = blocks_of(text_of("docs/howto/game-loop.md"))
TUTORIAL: Final = blocks_of(text_of("docs/tutorial.md"))
PLAYERS: Final = {"play_arcade.py": "arcade", "play_panda3d.py": "panda3d"}

WITHOUT_A_SCREEN: Final = """
from panda3d.core import loadPrcFileData

loadPrcFileData("", "load-display p3tinydisplay")
loadPrcFileData("", "window-type offscreen")
loadPrcFileData("", "audio-library-name null")
"""


def test_the_page_has_these_programs() -> None:
    assert [*BLOCKS] == [("run", name) for name in PLAYERS]


@pytest.mark.timeout(150)
@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("name", PLAYERS)
def test_a_bot_meets_the_player(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec(PLAYERS[name]) is None:
        assert os.environ.get("GDPEERS_REQUIRE_GAMES") != "1", "make games installs it"
        pytest.skip(f"{PLAYERS[name]} is not installed (make games)")
    for file in ("world.py", "room.py", "bot.py"):
        saved(TUTORIAL["run", file], tmp_path, file)
    monkeypatch.setattr(programs, "PATIENCE", 60.0)  # the libraries take long to load
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("ARCADE_HEADLESS", "True")
    text = BLOCKS["run", name]
    if PLAYERS[name] == "panda3d":
        text = text.replace("import sys\n", f"import sys\n{WITHOUT_A_SCREEN}", 1)
    player = saved(text, tmp_path, name)
    with started("-m", "peers", "serve-rooms", "room:Arena", "--port", "0") as server:
        url = server.until(r"listening on (ws://127\.0\.0\.1:\d+).*")[1] + "/arena/any"
        with started(player, url), started(str(tmp_path / "bot.py"), url) as bot:
            bot.until("score: 1")
        server.process.send_signal(signal.SIGTERM)
        assert server.status() == 0
