"""Where the native engines are, if they are here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

FETCHED = Path(__file__).parents[3] / ".cache" / "engines"
"""Where ``make engines`` puts them; git ignores it."""

PROGRAMS = {"native4": "godot4", "native3": "godot3"}
"""Each marker's program in the folder ``bin``."""

HOW_TO_GET_IT = (
    "Debian and its kin: apt-get update, then make engines; or name a directory that has the "
    "engines as bin/godot4 and bin/godot3 in GODOT_NATIVE"
)


def executable(marker: str) -> str | None:
    """The path of a marker's engine: below ``$GODOT_NATIVE``, or where it is fetched to."""
    folder = Path(os.environ.get("GODOT_NATIVE") or FETCHED)
    return shutil.which(folder / "bin" / PROGRAMS[marker])
