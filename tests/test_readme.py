"""The README: its programs run, its links lead somewhere, and it stays short."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

from tests.marked_blocks import blocks_of, text_of
from tests.programs import ROOT, started

if TYPE_CHECKING:
    from pathlib import Path

README: Final = text_of("README.md")
BLOCKS: Final = blocks_of(README)


def test_it_fits_a_few_screens_and_its_programs_twenty_lines_or_so() -> None:
    assert len(README.splitlines()) <= 200
    for name in ("server.py", "client.py", "dice.py"):
        assert sum(bool(line.strip()) for line in BLOCKS["run", name].splitlines()) <= 20


def test_every_marked_block_is_tested() -> None:
    assert [name for _, name in BLOCKS] == ["server.py", "client.py", "dice.py", "dice.gd"]
    assert README.count("\n<!-- ") == len(BLOCKS)


def test_the_client_switches_the_lamp_of_the_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    for name in ("server.py", "client.py"):
        assert BLOCKS["run", name].count("9080") == 1
        text = BLOCKS["run", name].replace("9080", port)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with started("-u", "-W", "error", str(tmp_path / "server.py")) as server:
        server.until(f"listening on port {port}")
        with started("-W", "error", str(tmp_path / "client.py")) as client:
            assert client.rest() == ["the lamp is on"]
            assert client.status() == 0
        server.until(r"\d+ has switched the lamp")


def test_a_client_without_a_server_says_why(tmp_path: Path) -> None:
    for name in ("server.py", "client.py"):
        text = BLOCKS["run", name].replace("9080", "1")  # where nothing listens
        (tmp_path / name).write_text(text, encoding="utf-8")
    with started("-W", "error", str(tmp_path / "client.py")) as client:
        (line,) = client.rest()
        assert line.startswith("the lamp is out of reach: ")
        assert "refused" in line


def test_its_links_and_pictures_are_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)", README)
    assert len(targets) > 30
    for target in targets:
        assert (ROOT / target).exists(), target


def test_the_table_of_peers_is_that_of_its_page() -> None:
    rows = re.findall(r"^\| (?:Python|Godot \d) .*$", README, re.MULTILINE)
    page = text_of("docs/which-peer.md")
    assert len(rows) == 3
    for row in rows:
        assert row.removesuffix(" |") in page


def test_the_modules_that_it_runs_are_there() -> None:
    for module in re.findall(r"python -m (demos[\w.]*)", README):
        assert (ROOT / module.replace(".", "/") / "__main__.py").is_file(), module
