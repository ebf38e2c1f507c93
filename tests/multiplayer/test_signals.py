"""``multiplayer.signals``."""

from __future__ import annotations

import gc
import weakref

import pytest

from multiplayer import Error, MultiplayerError, Signal


class Bell:
    rung = Signal[int, str]("times", "tune")


def test_listeners_are_called_in_order_with_the_arguments() -> None:
    bell = Bell()
    heard: list[object] = []
    bell.rung.connect(lambda times, tune: heard.append((1, times, tune)))

    @bell.rung.connect
    def second(times: int, tune: str) -> None:
        heard.append((2, times, tune))

    bell.rung.emit(3, "a")
    assert heard == [(1, 3, "a"), (2, 3, "a")]
    assert bell.rung.is_connected(second)


def test_instances_share_nothing() -> None:
    one, other = Bell(), Bell()
    heard: list[object] = []
    one.rung.connect(lambda *args: heard.append(args))
    other.rung.emit(1, "b")
    assert heard == []
    assert one.rung is one.rung
    assert one.rung is not other.rung


def test_one_shot_listens_once_even_if_it_emits_again() -> None:
    bell = Bell()
    heard: list[int] = []

    def listen(times: int, tune: str) -> None:
        heard.append(times)
        if times < 5:
            bell.rung.emit(times + 1, tune)

    bell.rung.connect(listen, one_shot=True)
    bell.rung.emit(1, "c")
    bell.rung.emit(9, "c")
    assert heard == [1]


def test_connecting_twice_and_disconnecting_a_stranger_are_refused() -> None:
    bell = Bell()
    listener = bell.rung.connect(lambda times, tune: None)
    with pytest.raises(MultiplayerError, match="disconnect it first") as twice:
        bell.rung.connect(listener)
    assert twice.value.code is Error.ERR_INVALID_PARAMETER
    bell.rung.disconnect(listener)
    assert not bell.rung.is_connected(listener)
    with pytest.raises(MultiplayerError) as stranger:
        bell.rung.disconnect(listener)
    assert stranger.value.code is Error.ERR_DOES_NOT_EXIST


def test_listeners_may_change_who_listens_during_an_emission() -> None:
    bell = Bell()
    heard: list[str] = []

    def late(times: int, tune: str) -> None:
        heard.append("late")

    def gone(times: int, tune: str) -> None:
        heard.append("gone")

    def first(times: int, tune: str) -> None:
        heard.append("first")
        bell.rung.connect(late)
        bell.rung.disconnect(gone)
        bell.rung.disconnect(first)

    bell.rung.connect(first)
    bell.rung.connect(gone)
    bell.rung.emit(1, "d")
    assert heard == ["first"]
    bell.rung.emit(2, "d")
    assert heard == ["first", "late"]


def test_a_listener_that_raises_stops_nobody() -> None:
    bell = Bell()
    heard: list[int] = []

    def fail(times: int, tune: str) -> None:
        raise ValueError(tune)

    bell.rung.connect(fail)
    bell.rung.connect(lambda times, tune: heard.append(times))
    with pytest.raises(ValueError, match="e"):
        bell.rung.emit(1, "e")
    assert heard == [1]

    def fail_too(times: int, tune: str) -> None:
        raise KeyError(tune)

    bell.rung.connect(fail_too)
    with pytest.raises(ExceptionGroup) as several:
        bell.rung.emit(2, "f")
    assert [type(error) for error in several.value.exceptions] == [ValueError, KeyError]
    assert heard == [1, 2]


def test_a_signal_keeps_nobody_alive() -> None:
    bell = Bell()
    signal, reference = bell.rung, weakref.ref(bell)
    del bell
    gc.collect()
    assert reference() is None
    signal.emit(1, "g")


def test_it_says_what_it_is() -> None:
    bell = Bell()
    bell.rung.connect(print)
    assert repr(Bell.rung) == "<Signal rung(times, tune)>"
    assert repr(bell.rung) == "<signal rung(times, tune), 1 listeners>"
