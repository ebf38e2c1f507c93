"""Calls that go straight from the queue to the method, beside the same ones on the long way.

Random traffic of several peers, with methods that fail, and methods that change what the next
packet depends on: in both worlds the same has to happen, in the same order, with the same counts.
"""

from __future__ import annotations

import os
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from multiplayer.scene.calls.straight_calls import StraightCalls

from .straight_games import ACTIONS
from .straight_worlds import KINDS, Kind, World

if TYPE_CHECKING:
    from multiplayer.runs import Fetching, Run, Watch

SEEDS = int(os.environ.get("GDPEERS_STRAIGHT_SEEDS", "6"))
STEPS = 8


@pytest.fixture
def straight(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many packets went straight each time that some could."""
    counts: list[int] = []
    take = StraightCalls.take

    def counting(
        self: StraightCalls, peer: int, run: Run, at: int, link: object, watch: Watch
    ) -> bytes | None:
        before = run.taken
        left = take(self, peer, run, at, link, watch)
        counts.append(run.taken - before - (left is not None))
        return left

    take_one = StraightCalls.take_one

    def counting_one(self: StraightCalls, peer: int, data: bytes, at: int, link: Fetching) -> bool:
        went = take_one(self, peer, data, at, link)
        counts.append(went)
        return went

    monkeypatch.setattr(StraightCalls, "take", counting)
    monkeypatch.setattr(StraightCalls, "take_one", counting_one)
    return counts


@pytest.mark.handlers_fail
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
def test_both_ways_lead_to_the_same(kind: Kind, straight: list[int]) -> None:
    first = KINDS.index(kind) * SEEDS
    for seed in range(first, first + SEEDS):
        one = World(kind, seed, straight=True)
        other = World(kind, seed, straight=False)
        for step in range(STEPS):
            one.step()
            other.step()
            lines = zip_longest(one.log, other.log)
            for place, (here, there) in enumerate(lines):
                assert here == there, (seed, step, place, one.log[max(0, place - 5) : place])
            one.log.clear()
            other.log.clear()
        assert one.whole() == other.whole(), seed
    assert sum(straight) > 40 * SEEDS


@pytest.mark.handlers_fail
@pytest.mark.parametrize("what", range(ACTIONS))
@pytest.mark.parametrize("kind", [KINDS[0], KINDS[2], KINDS[6]], ids=lambda kind: kind.label)
def test_what_changes_in_the_midst_is_seen_by_the_next_packet(
    kind: Kind, what: int, straight: list[int]
) -> None:
    one, other = World(kind, what, straight=True), World(kind, what, straight=False)
    for world in (one, other):
        world.change(what)
    assert one.log == other.log
    assert one.whole() == other.whole()
    assert sum(straight) > 0
