"""Steps that each happen, whatever interrupts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from multiplayer import Signal
from multiplayer.support.unfinished import Emission, Unfinished, count_running

if TYPE_CHECKING:
    from collections.abc import Callable


class Bell:
    rings = Signal[int]("times")


def at_first(error: BaseException, done: list[str], name: str) -> Callable[[], None]:
    """A step that is interrupted when it is done for the first time."""
    errors = [error]

    def step() -> None:
        if errors:
            raise errors.pop()
        done.append(name)

    return step


def test_what_was_interrupted_goes_on_where_it_was() -> None:
    unfinished, done = Unfinished(), list[str]()
    second = at_first(KeyboardInterrupt(), done, "second")
    with pytest.raises(KeyboardInterrupt):
        unfinished.do(lambda: done.append("first"), second, lambda: done.append("third"))
    assert unfinished
    assert done == ["first"]
    unfinished.finish()
    assert done == ["first", "second", "third"]
    assert not unfinished


def test_what_a_step_has_begun_is_finished_before_it_is_done_again() -> None:
    unfinished, done = Unfinished(), list[str]()

    def begin() -> None:
        if not done:
            done.append("begun")
            unfinished.do(at_first(KeyboardInterrupt(), done, "inner"))

    with pytest.raises(KeyboardInterrupt):
        unfinished.do(begin, lambda: done.append("last"))
    unfinished.finish()
    assert done == ["begun", "inner", "last"]


def test_a_step_that_fails_is_tried_twice_and_keeps_no_other_from_being_done() -> None:
    unfinished, done = Unfinished(), list[str]()
    with pytest.raises(MemoryError):
        unfinished.do(at_first(MemoryError(), done, "first"), lambda: done.append("second"))
    assert done == ["first", "second"]
    assert not unfinished


def test_an_emission_calls_each_listener_once_whatever_interrupts() -> None:
    bell, heard, failed = Bell(), list[str](), list[Exception]()

    def interrupted(times: int) -> None:
        heard.append(f"interrupted {times}")
        raise KeyboardInterrupt

    def wrong(times: int) -> None:
        heard.append(f"wrong {times}")
        raise ValueError

    def last(times: int) -> None:
        heard.append(f"last {times}")

    bell.rings.connect(wrong)
    bell.rings.connect(interrupted, one_shot=True)
    bell.rings.connect(last)
    emission = Emission(bell.rings, (3,), failed.append)
    with pytest.raises(KeyboardInterrupt):
        emission()
    emission()
    emission()
    assert heard == ["wrong 3", "interrupted 3", "last 3"]
    assert [type(error) for error in failed] == [ValueError]
    assert not bell.rings.is_connected(interrupted)


def test_an_emission_leaves_out_who_is_disconnected_meanwhile_and_all_if_it_is_to_spare_them() -> (
    None
):
    bell, heard = Bell(), list[int]()
    bell.rings.connect(lambda times: bell.rings.disconnect(heard.append))
    bell.rings.connect(heard.append)
    Emission(bell.rings, (1,), heard.append)()
    bell.rings.connect(heard.append)
    Emission(bell.rings, (2,), heard.append, unless=lambda: True)()
    assert heard == []


class Polled:
    def poll(self, *others: Polled) -> int:
        if others:
            return others[0].poll(*others[1:])
        return count_running(Polled.poll, self)


def test_calls_under_way_are_counted_for_each_object() -> None:
    one, other = Polled(), Polled()
    assert one.poll() == 1
    assert one.poll(other, one) == 2
    assert count_running(Polled.poll, one) == 0
