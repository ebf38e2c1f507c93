"""The builds of gdpeers that are compared: this one, pure and with its speedups, and version 0.1.0.

The old one is taken out of this repository's history, by its commit, into ``.cache``; a clone
without that commit measures without it.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
RELEASED: Final = "b6db536a65111220ceeca442207bea6578d2d58f"
"""The commit of 0.1.0."""
_KEPT: Final = ROOT / ".cache" / "gdpeers-0.1.0"
_PACKAGES: Final = ("multiplayer", "peers")


@dataclass(frozen=True)
class Build:
    """One build of gdpeers.

    Attributes:
        name: what the tables call it.
        environment: what the environment of its programs has, besides the usual.
    """

    name: str
    environment: tuple[tuple[str, str], ...] = ()

    def python(self, module: str, *arguments: object) -> list[str]:
        """What runs a module of ours with this build."""
        settings = [f"{name}={value}" for name, value in self.environment]
        return ["env", *settings, sys.executable, "-P", "-m", module, *map(str, arguments)]


HERE: Final = Build("gdpeers", (("PYTHONPATH", str(ROOT)),))
"""As it is installed, which is with its speedups if those are."""
FAST: Final = replace(HERE, name="gdpeers with speedups")
"""The same; for where it is known that they are."""
PURE: Final = Build("gdpeers, pure", (("GDPEERS_PURE", "1"), ("PYTHONPATH", str(ROOT))))
OLD: Final = Build("gdpeers 0.1.0", (("PYTHONPATH", f"{_KEPT}:{ROOT}"),))


def fetch_old() -> bool:
    """Put 0.1.0 into ``.cache``, unless it is there; return whether it is there now."""
    if all((_KEPT / package).is_dir() for package in _PACKAGES):
        return True
    command = ["git", "-C", str(ROOT), "archive", RELEASED, *_PACKAGES]
    packed = subprocess.run(command, capture_output=True, check=False)
    if packed.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(_KEPT, filter="data")
    return True
