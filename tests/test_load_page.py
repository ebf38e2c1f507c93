"""``docs/howto/load.md``: its bots play in the tutorial's arena."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.marked_blocks import blocks_of, saved, text_of
from tests.programs import started

if TYPE_CHECKING:
    from pathlib import Path

TEXT: Final = text_of("docs/howto/load.md")
BLOCKS: Final = blocks_of(TEXT)
TUTORIAL: Final = blocks_of(text_of("docs/tutorial.md"))


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
def test_bots_play_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [*BLOCKS] == [("run", "load.py")]
    assert re.search(
        r"^python load\.py ws://127\.0\.0\.1:9080/arena/any \d+ \d+$", TEXT, re.MULTILINE
    )
    for name in ("world.py", "room.py"):
        saved(TUTORIAL["run", name], tmp_path, name)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = saved(BLOCKS["run", "load.py"], tmp_path, "load.py")
    with started("-m", "peers", "serve-rooms", "room:Arena", "--port", "0") as server:
        url = server.until(r"listening on (ws://127\.0\.0\.1:\d+).*")[1] + "/arena/any"
        with started("-W", "error", program, url, "12", "1") as load:  # two rooms
            load.until("12 bots have played to the end")
            assert int(load.until(r"each got (\d+) bytes a second")[1]) > 0
            load.until(r"the worst step was \d+ ms late")
            assert load.status() == 0
        server.process.send_signal(signal.SIGTERM)
        assert server.status() == 0
