"""Where the engine and the browser it runs in are, if they are here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

FILES = ("index.js", "index.wasm")
"""What the engine consists of."""

FETCHED = Path(__file__).parents[3] / ".cache" / "godot4"
"""Where ``install.py`` puts the engine; git ignores it."""

HOW_TO_GET_IT = (
    "Debian: apt-get install --no-install-recommends chromium npm, then make godot4; or name a "
    "directory with the web build of Godot 4.6 in GODOT4_WEB and a Chromium in CHROMIUM"
)


def engine() -> Path | None:
    """The directory of the engine: ``$GODOT4_WEB``, or where it is fetched to."""
    directory = Path(os.environ.get("GODOT4_WEB") or FETCHED)
    return directory if all((directory / name).is_file() for name in FILES) else None


def chromium() -> str | None:
    """The path of the browser: ``$CHROMIUM``, or what the ``PATH`` has."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def missing() -> str | None:
    """What keeps the engine from running here; None if nothing does."""
    if os.name != "posix":
        return "this harness ends Chromium by its process group, which only POSIX systems have"
    if engine() is None:
        return "no Godot 4.6 here"
    if chromium() is None:
        return "no Chromium here, in which Godot 4.6 runs"
    return None
