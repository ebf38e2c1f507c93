"""``docs/connection.md`` is what the table of phases says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from peers.websocket.phases import TABLE, Action, Input, Phase

from . import drawing
from .drawing import PAGE, page

if TYPE_CHECKING:
    import pytest


def test_the_page_is_up_to_date() -> None:
    message = "docs/connection.md is out of date; run `python -m tests.phases`"
    assert PAGE.read_text(encoding="utf-8") == page(), message


def test_another_table_gives_another_page(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {**TABLE[Phase.OPEN], Input.PONG: (Action.WAIT, Phase.AWAITING)}
    monkeypatch.setattr(drawing, "TABLE", {**TABLE, Phase.OPEN: row})
    assert PAGE.read_text(encoding="utf-8") != page()


def test_each_phase_is_drawn_once_with_what_it_leads_to() -> None:
    lines = [*drawing.drawing()]
    names = [match[1] for line in lines if (match := re.search(r"(?:─▶ |^)([A-Z_]+)$", line))]
    assert sorted(names) == sorted(phase.name for phase in Phase if phase is not Phase.OVER)


def test_each_entry_has_a_row() -> None:
    rows = [line for line in drawing.table() if line.startswith("| ")]
    assert len(rows) == sum(len(row) + 1 for row in TABLE.values() if row)


def test_no_two_phases_or_inputs_are_called_the_same() -> None:
    for kind in (Phase, Input, Action):
        words = [each.words if isinstance(each, Phase) else each.value for each in kind]
        assert len(words) == len({*words})
