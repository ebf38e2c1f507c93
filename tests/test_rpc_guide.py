"""``docs/rpc.md``: its programs print what it says, and its tables are what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from multiplayer import Dialect, Limits, Reason
from multiplayer.scene.cache.path_cache import MOST_PATH_BYTES
from multiplayer.scene.calls.runner import MOST_RUNNING
from multiplayer.scene.methods.config import Local, RPCMode, config_from_words
from multiplayer.scene.pending_calls import MOST_OPEN
from multiplayer.wire.dialects.api_packets import MOST_ARGUMENTS
from multiplayer.wire.dialects.choice import wire_of
from tests.marked_blocks import blocks_of, saved, text_of
from tests.programs import PATIENCE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXT = text_of("docs/rpc.md")
BLOCKS = blocks_of(TEXT)
PROGRAMS = ("objects.py", "godot3.py", "groups.py", "login.py", "kick.py")


def rows(title: str, heading: str) -> list[list[str]]:
    """The rows below a heading of a table in a section, in cells."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    table = section.partition(f"\n{heading}\n")[2].partition("\n\n")[0]
    cells = [re.split(r"(?<!\\)\|", line.strip("|")) for line in table.splitlines()[1:]]
    found = [[cell.strip() for cell in row] for row in cells]
    assert found, heading
    return found


def test_every_program_has_its_output() -> None:
    assert TEXT.count("\n<!-- ") == len(BLOCKS)
    programs = {name for kind, name in BLOCKS if kind == "run"}
    assert programs == {name for kind, name in BLOCKS if kind == "output"}
    assert programs == {*PROGRAMS}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_what_the_page_says(name: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", saved(BLOCKS["run", name], tmp_path, name)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == BLOCKS["output", name]


def test_every_reason_is_explained_once() -> None:
    table = rows("What is dropped, and why", "| reason | the packet |")
    assert [row[0].strip("`") for row in table] == [reason.value for reason in Reason]
    assert all(len(row[1]) > 10 for row in table)


def test_reasons_in_the_text_are_reasons() -> None:
    named = {*re.findall(r"\(`([a-z_]+)`\)", TEXT)} - {"call_local"}
    assert len(named) > 3
    assert named <= {reason.value for reason in Reason}


def test_the_table_of_dialects_is_what_they_do() -> None:
    heading = "| dialect | with | envelopes | values | authentication | asking | rset |"
    table = rows("Dialects and envelopes", heading)
    assert [row[0].strip("`") for row in table] == [dialect.name for dialect in Dialect]
    yes = {True: "yes", False: "no"}
    for row, dialect in zip(table, Dialect, strict=True):
        wire = wire_of(dialect)
        can = [yes[wire.authenticates], yes[wire.responds], yes[wire.assigns]]
        assert row[4:] == can, dialect
        has = {False: "gd_mp", True: "Godot 4"}
        assert row[2] == ", ".join(has[relays] for relays in sorted(dialect.envelopes))


def test_godot_3s_words_are_what_they_mean() -> None:
    heading = "| word | who may call it | where it runs | and on the caller's own side |"
    table = rows("The words of @rpc", heading)
    assert len(table) == 6
    for word, who, where, own in table:
        config = config_from_words([word.strip('`"')])
        authority, other = 7, 8
        may = {sender: config.accepts(sender, authority, 1) for sender in (authority, other)}
        takes = {own_id: config.accepts(other, authority, own_id) for own_id in (authority, 1)}
        if config.mode == RPCMode.RPC_MODE_MASTER:
            assert (who, where) == ("anybody", "on the authority")
            assert takes == {authority: True, 1: False}
        elif config.mode == RPCMode.RPC_MODE_ANY_PEER:
            assert (who, where) == ("anybody", "everywhere")
            assert takes == {authority: True, 1: True}
        else:
            assert (who, where) == ("the authority", "on all others")
            assert may == {authority: True, other: False}
        said = {Local.NEVER: "no", Local.ALWAYS: "yes"}.get(config.local)
        if said is None:
            at_authority = config.runs_here(is_authority=True)
            said = "if it is the authority" if at_authority else "if it is not the authority"
        assert own == said


def test_the_limits_are_the_codes() -> None:
    limits = {what: limit for what, limit, _ in rows("Limits", "| what | limit | above it |")}
    assert int(limits["numbers that one peer may announce for nodes"]) == Limits().max_rpc_paths
    assert MOST_PATH_BYTES == 1024 * 1024
    assert limits["text in these announcements, paths and methods"].startswith("1 MiB")
    assert int(limits["open questions to a peer"]) == MOST_OPEN
    running = limits["`async` methods running for one peer, called or asked"]
    assert int(running) == MOST_RUNNING
    assert int(limits["arguments of a call"]) == MOST_ARGUMENTS
