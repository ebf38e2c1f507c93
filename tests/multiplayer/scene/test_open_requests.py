"""``OpenRequests``: the numbers of questions, of which an open one must never be given twice."""

from __future__ import annotations

from typing import Final

from multiplayer import SceneMultiplayer
from multiplayer.scene.pending_calls import OpenRequests

LARGEST: Final = 2**32 - 1


def new_questions() -> OpenRequests:
    return OpenRequests(SceneMultiplayer().handlers)


def test_numbers_count_from_1() -> None:
    questions = new_questions()
    assert [questions.open(2, "", bool)[0] for _ in range(3)] == [1, 2, 3]
    assert questions.open(3, "", bool)[0] == 4


def test_after_the_largest_comes_1_again() -> None:
    questions = new_questions()
    questions._last = LARGEST - 1
    assert [questions.open(2, "", bool)[0] for _ in range(3)] == [LARGEST, 1, 2]


def test_numbers_that_are_open_are_left_out() -> None:
    questions = new_questions()
    calls = dict(questions.open(2, str(i), bool) for i in range(4))
    questions.answer(2, 3, None)
    questions._last = LARGEST
    number, call = questions.open(2, "new", bool)
    assert number == 3
    assert not call.done
    assert questions.open(2, "newer", bool)[0] == 5
    questions._last = 0
    assert questions.open(3, "another peer's", bool)[0] == 1
    assert questions.answer(2, 1, "one")
    assert calls[1].result() == "one"
    assert not calls[2].done
