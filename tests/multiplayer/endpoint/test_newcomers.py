"""``multiplayer.endpoint.newcomers``: the oldest that is pending gives way."""

from __future__ import annotations

from typing import Any

from multiplayer.endpoint.newcomers import Newcomers


class Comer:
    """A channel that is pending, or not."""

    def __init__(self) -> None:
        self.is_pending = True
        self.looks = 0
        self.gave_way_at: float | None = None

    @property
    def pending(self) -> bool:
        self.looks += 1
        return self.is_pending

    def give_way(self, now: float) -> None:
        self.gave_way_at = now


def test_the_oldest_that_is_pending_gives_way_and_nobody_else() -> None:
    newcomers = Newcomers[Any]()
    newcomers.most = 2
    first, second, third, fourth = comers = [Comer() for _ in range(4)]
    assert [*newcomers.add(first, 1.0)] == [*newcomers.add(second, 1.0)] == []
    first.is_pending = False  # it is of the session now
    assert [*newcomers.add(third, 2.0)] == []
    assert [*newcomers.add(fourth, 3.0)] == [second]
    assert [each.gave_way_at for each in comers] == [None, 3.0, None, None]


def test_those_who_come_at_once_are_looked_through_once() -> None:
    newcomers = Newcomers[Any]()
    newcomers.most = 8
    comers = [Comer() for _ in range(64)]
    gone = [each for comer in comers for each in newcomers.add(comer, 1.0)]
    assert gone == comers[:-8]
    assert sum(each.looks for each in comers) == 9
    comers[-8].is_pending = False
    newcomers.looked_through = False  # as each service of an endpoint begins
    assert [*newcomers.add(Comer(), 2.0)] == []


def test_without_a_limit_nobody_gives_way() -> None:
    newcomers = Newcomers[Any]()
    newcomers.most = 0
    assert [gone for _ in range(100) for gone in newcomers.add(Comer(), 1.0)] == []


def test_after_an_interrupt_those_are_pending_who_are_here_and_say_so() -> None:
    newcomers = Newcomers[Any]()
    newcomers.most = 0
    gone, here, unknown, member = (Comer() for _ in range(4))
    member.is_pending = False
    for comer in (gone, here):
        assert [*newcomers.add(comer, 1.0)] == []
    newcomers.recover([here, unknown, member])
    assert [*newcomers.waiting] == [here, unknown]
