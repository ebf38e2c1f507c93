"""``multiplayer.departed``."""

from __future__ import annotations

from multiplayer.departed import MOST_REMEMBERED, Departed


def test_it_remembers_the_last_4096_that_left() -> None:
    assert MOST_REMEMBERED == 4096
    departed = Departed()
    for peer in range(2, 2 + 4096):
        departed.add(peer)
    assert 2 in departed
    departed.add(2)  # who leaves again has left last
    departed.add(100_000)
    assert 2 in departed
    assert 3 not in departed
    assert 4 in departed
    assert 100_000 in departed


def test_who_has_joined_again_has_not_left() -> None:
    departed = Departed()
    departed.discard(7)
    departed.add(7)
    departed.discard(7)
    assert 7 not in departed


def test_another_session_knows_nothing_of_it() -> None:
    departed = Departed()
    departed.add(7)
    departed.clear()
    assert 7 not in departed
