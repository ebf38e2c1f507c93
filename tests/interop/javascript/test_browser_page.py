"""The program of ``docs/game/browser.md``, with somebody at its button."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

import peers
from tests.interop.javascript.browsing import browsing
from tests.interop.javascript.page import CLIENT
from tests.marked_blocks import blocks_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.godot4
SCENARIOS = False  # Chromium runs no engine here

PROGRAM = blocks_of(text_of("docs/game/browser.md"))["run", "browser.py"]


async def test_two_press_the_button(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(CLIENT, tmp_path)  # "put gdpeers.js beside this program"
    monkeypatch.chdir(tmp_path)
    game: dict[str, Any] = {"__name__": "browser"}
    exec(PROGRAM.replace("\ntrio.run(main)\n", ""), game)
    async with peers.serve_rooms(0, peer=game["server"]) as server, browsing() as browser:
        url = f"http://127.0.0.1:{server.get_local_port()}/"
        tabs = [await browser.open(url) for _ in range(2)]
        output = "document.querySelector('output').textContent"
        for number, tab in enumerate(tabs, 1):
            await tab.until(f"{output} !== ''")
            await tab.do(lambda page: page.click("button"))
            for each in tabs:
                await each.until(f"{output} === '{number}'")
        # The address bar has asked for /favicon.ico, which is not there: HTTP 426.
        assert [said for tab in tabs for said in tab.complaints if "426" not in said] == []
