"""``python -m demos.arena.recording.browser``: make ``docs/pictures/browser.png``, by playing.

A Chromium joins ``make demo``; keys and mouse do what somebody would who follows the nearest other.
Needs Playwright and a Chromium (``CHROMIUM`` names another one than ``chromium``).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURE: Final = Path(__file__).parents[3] / "docs" / "pictures" / "browser.png"
SIZE: Final = (1000, 520)

NEAREST: Final = """() => {
  const figures = arena.figures(), me = figures.find((each) => each.isOwn);
  const apart = (each) => Math.hypot(each.x - me.x, each.y - me.y);
  const others = figures.filter((each) => !each.isOwn && each.health > 0);
  const box = document.getElementById("ground").getBoundingClientRect();
  const [near] = others.sort((one, other) => apart(one) - apart(other));
  if (!near || !me.health || arena.match.phase !== "playing") return null;
  const scale = box.width / 64;
  return {
    x: box.x + near.x * scale, y: box.y + near.y * scale,
    right: Math.sign(near.x - me.x), down: Math.sign(near.y - me.y),
    shots: arena.shots().length, score: me.score, alive: others.length, apart: apart(near),
  };
}"""
"""Where to aim and walk; null when there is nobody, or nothing to do but wait."""


def main() -> int:
    """Make it; return the exit status."""
    command = [sys.executable, "-u", "-m", "demos.arena", "--seconds", "90"]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        url = address(demo)
        with sync_playwright() as playwright:
            path = os.environ.get("CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            width, height = SIZE
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(f"{url}?nick=You")
            play(page)
            page.screenshot(path=PICTURE)
            browser.close()
    finally:
        demo.terminate()
        demo.wait()
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")
    return 0


def address(demo: subprocess.Popen[str]) -> str:
    """Return the address of the page, which the demo says."""
    assert demo.stdout
    for line in demo.stdout:
        if found := re.search(r"http://\S+", line):
            return found[0]
    message = "the demo has not said where a browser joins"
    raise RuntimeError(message)


def play(page: Page) -> None:
    """Play until there is something to see: a score, shots in the air and others who live."""
    held: set[str] = set()
    for _ in range(2000):
        page.wait_for_timeout(30)
        aim = page.evaluate(NEAREST) if page.evaluate("Boolean(arena.prediction)") else None
        wanted: set[str] = set()
        if aim:
            seen = aim["score"] > 0 and aim["shots"] > 1 and aim["alive"] > 2
            if seen and aim["apart"] > 6:
                page.wait_for_timeout(200)  # until the table has the score
                return
            page.mouse.move(aim["x"], aim["y"])
            wanted = {"Space", "d" if aim["right"] > 0 else "a", "s" if aim["down"] > 0 else "w"}
        for key in held - wanted:
            page.keyboard.up(key)
        for key in wanted - held:
            page.keyboard.down(key)
        held = wanted
    message = "there was nothing to see in time; try again"
    raise RuntimeError(message)


if __name__ == "__main__":
    sys.exit(main())
