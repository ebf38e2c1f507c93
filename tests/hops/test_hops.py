"""``python -m tests.hops`` counts what it says, and the same each time."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from tests.hops.counting import Hops, folders_of, hops
from tests.hops.packets import every_kind
from tests.hops.table import beside, counted_in, table
from tests.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FRONT = """
from . import back

def way(between):
    back.step()
    own()
    back.step_back(between)
    list(count())
    try:
        back.fail()
    except ValueError:
        own()

def own():
    pass

def count():
    yield 1
    yield 2
"""
BACK = """
from . import front

def step():
    step_further()

def step_further():
    pass

def step_back(between):
    between(front.own)

def fail():
    raise ValueError
"""


def test_a_way_of_known_length_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "toy_to_count"
    folder.mkdir()
    for name, text in (("__init__", ""), ("front", FRONT), ("back", BACK)):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    toy = importlib.import_module("toy_to_count")
    way = importlib.import_module("toy_to_count.front").way
    done = hops(lambda: way(lambda own: sorted([own() or 0])), folders_of(toy))
    # way, step, step_further, own, step_back, own, count three times, fail, own; of these step,
    # step_back and fail are entered from front, and own from back, by way of what is not counted.
    assert done.numbers == (11, 2, 4, 3)
    assert list(done.way[:4]) == [
        "toy_to_count/front: way",
        "  toy_to_count/back: step",
        "    toy_to_count/back: step_further",
        "  toy_to_count/front: own",
    ]
    assert sys.getprofile() is None


def test_what_does_nothing_of_ours_is_nothing() -> None:
    assert hops(lambda: sorted([2, 1]), ["/nowhere/"]) == Hops(0, 0, 0, 0)


def test_two_runs_count_the_same_here_and_in_a_process_of_their_own() -> None:
    counts = every_kind()
    assert counts == every_kind() == counted_in(ROOT)
    for name, done in counts.items():
        assert done.calls > done.changes >= done.files - 1 > 0, name
        assert done.depth > 1, name
    assert counts["idle `poll()` of a server"].calls < counts["gd_mp in (server)"].calls


def test_tables_of_one_checkout_and_of_two() -> None:
    assert table({"a": Hops(4, 3, 2, 1)}).splitlines() == [
        "| one warm packet | calls | files | changes of file | depth |",
        "| --- | --: | --: | --: | --: |",
        "| a | 4 | 3 | 2 | 1 |",
    ]
    both = beside({"a": Hops(4, 3, 0, 1)}, {"a": Hops(6, 3, 2, 1)})
    assert both.splitlines()[2] == "| a | 4 → 6 (1.50) | 3 → 3 (1.00) | 0 → 2 | 1 → 1 (1.00) |"
