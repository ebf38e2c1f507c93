"""``docs/several-machines.md``: its programs run, and each row of its table is a test."""

from __future__ import annotations

import re
import shlex
import signal
from typing import TYPE_CHECKING

import pytest

from tests.marked_blocks import blocks_of, saved, text_of
from tests.peers.cluster import redis_server
from tests.programs import ROOT, started
from tests.test_security_page import names_in

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/several-machines.md")
BLOCKS = blocks_of(TEXT)


def here(block: str, url: str) -> str:
    """A block with addresses of this machine."""
    block = block.replace("redis://10.0.0.1:6379", url).replace("10.0.0.5", "127.0.0.1")
    return block.replace('"*"', '"127.0.0.1"').replace("'*'", "127.0.0.1").replace("9080", "0")


@pytest.mark.redis
@pytest.mark.parametrize("way", ["node", "node.py"])
def test_a_node_runs_and_drains(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(BLOCKS["run", "duel.py"], tmp_path, "duel.py")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with redis_server.running() as server:
        block = here(BLOCKS["run", way], server.url)
        if way == "node":
            _, *arguments = [*shlex.split(block), "--port", "0"]
        else:
            arguments = [saved(block, tmp_path, way)]
        with started(*arguments) as node:
            node.until("ready|node a, listening on .*")
            node.process.send_signal(signal.SIGTERM)
            assert node.status() == 0


def test_every_test_in_the_table_is_there() -> None:
    rows = re.findall(r"`(test_\w+\.py)::(\w+)`", TEXT)
    assert len(rows) >= 10
    for path, name in rows:
        assert name in names_in(ROOT / "tests/peers/cluster" / path), name
