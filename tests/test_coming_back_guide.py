"""``docs/coming-back.md``: its programs print what it says, and its numbers are the code's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer.endpoint import backoff
from multiplayer.endpoint.channel_settings import SESSION_HEARTBEAT
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.heartbeat import Heartbeat
from peers import Resume
from tests.marked_blocks import blocks_of, ran, text_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/coming-back.md")
BLOCKS = blocks_of(TEXT)
PROGRAMS = [name for kind, name in BLOCKS if kind == "run"]


def test_every_program_has_its_output() -> None:
    assert [name for kind, name in BLOCKS if kind == "output"] == PROGRAMS
    assert len(PROGRAMS) == 2


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_the_page_says(name: str, tmp_path: Path) -> None:
    ended = ran(BLOCKS["run", name], tmp_path, name)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", name]


def test_the_numbers_are_those_of_the_code() -> None:
    first, most = backoff.FIRST, backoff.MOST
    assert f"within {first:g} s, then {2 * first:g} s, {4 * first:g} s" in TEXT
    assert f"up to {most:g} s" in TEXT
    assert f"`ring_bytes`\n  ({Resume().ring_bytes // 1024} KiB)" in TEXT
    assert f"`ring_packets` ({Resume().ring_packets})" in TEXT
    patience = Heartbeat(SESSION_HEARTBEAT, 0.0).patience
    assert f"after at most {patience:g} s by default" in TEXT
    retried = [code for code in CloseCode if code.is_retried and code >= 1001]
    assert retried == [1001, 1005, 1006, 4012, 4013]
    assert "the codes 1001, 4012 (moved) and 4013 (try later)" in TEXT
