"""``docs/metrics.md``: its program prints what it says, and it has every figure that there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import peers
from multiplayer import SceneMultiplayer
from peers.memory import MemoryNetwork
from peers.metrics import Metrics
from tests.marked_blocks import blocks_of, ran, text_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/metrics.md")
BLOCKS = blocks_of(TEXT)
NAME = "metrics.py"


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    assert [*BLOCKS] == [("run", NAME), ("output", NAME)]
    ended = ran(BLOCKS["run", NAME], tmp_path, NAME)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", NAME]


def test_the_table_has_every_figure_of_ours() -> None:
    network = MemoryNetwork()
    server = network.add(peers.WebSocketMultiplayerPeer())
    server.heartbeat_interval = 1.0
    server.create_server(9080)
    client = network.add(peers.WebSocketMultiplayerPeer())
    client.create_client("ws://localhost:9080/")
    network.advance(5.0)
    api = SceneMultiplayer()
    body = Metrics(server, api).answer().content.decode()
    there = {*re.findall(r"^# TYPE (gdpeers_\w+) ", body, re.MULTILINE)}
    rows = [line for line in TEXT.splitlines() if line.startswith("| `gdpeers_")]
    named = {name for row in rows for name in re.findall(r"`(gdpeers_\w+)`", row.split("|")[1])}
    assert named == there
