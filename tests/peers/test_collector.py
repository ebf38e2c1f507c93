"""What programs that serve spare the garbage collector."""

from __future__ import annotations

import gc

import pytest

from peers.cli.collector import nothing_new


def test_what_is_here_is_not_looked_at_and_what_comes_is() -> None:
    before = len(gc.get_objects())
    with nothing_new():
        assert gc.get_freeze_count() > before / 2
        come: list[object] = [[]]
        come.append(come)
        assert any(each is come for each in gc.get_objects())
    assert gc.get_freeze_count() == 0


def test_all_is_looked_at_again_whatever_ends_it() -> None:
    with pytest.raises(KeyboardInterrupt), nothing_new():
        raise KeyboardInterrupt
    assert gc.get_freeze_count() == 0
