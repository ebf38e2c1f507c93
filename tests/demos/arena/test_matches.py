"""Whole matches in a network in a box: everybody sees the same, whatever the network does."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Final

import pytest

from demos.arena.movement import SPEED, TICK, Body, Input
from multiplayer import Dialect
from multiplayer.testing import BROADBAND
from tests.demos.arena.matches import Place, of, random_match

if TYPE_CHECKING:
    from collections.abc import Sequence

MATCHES = 200 if os.environ.get("GDPEERS_FULL") == "1" else 20


BOTH: Final = (Dialect.NATIVE, Dialect.GODOT_4)


@pytest.mark.parametrize(
    ("seed", "dialects"),
    [
        *((seed, BOTH[:1]) for seed in range(MATCHES)),
        *((seed, BOTH) for seed in range(MATCHES // 5)),
    ],
)
def test_all_agree_after_drops_and_returns(seed: int, dialects: Sequence[Dialect]) -> None:
    place = random_match(seed, dialects)
    assert place.all_are_here()
    truth = of(place.match.world)
    assert {*place.match.everybody()} == {player.id for player in place.players}
    for player in place.players:
        assert player.client.id == player.id  # it has kept it
        assert of(player.client.world) == truth
        assert player.client.prediction is not None
        assert player.client.prediction.state == place.match.game.fighters[player.id].body


def test_one_sees_oneself_at_once_and_others_smoothly() -> None:
    place = Place(1)
    ada, bob = place.join().client, place.join().client
    place.play(3.0)
    steps: list[float] = []
    before = next(each for each in bob.figures() if each.id == ada.id)
    for _ in range(90):
        place.play(TICK)
        after = next(each for each in bob.figures() if each.id == ada.id)
        alive = after.health > 0 and before.health > 0
        steps += [(after.position - before.position).length()] if alive else []
        before = after
    walked = SPEED * TICK
    assert max(steps) < 2 * walked  # by a tick's way and a bit, and never by a jump
    assert sum(step > 0.1 * walked for step in steps) > len(steps) / 2

    place.idle = True
    place.play(1.0)
    assert ada.prediction is not None
    here = ada.prediction.state.position
    ada.tick(Input(right=1 if here.x < 32 else -1))
    assert (ada.prediction.state.position - here).length() > 0.5 * walked
    assert place.match.game.fighters[ada.id].body == Body(here)  # not there yet


def test_events_arrive_exactly_once_over_a_drop() -> None:
    place = Place(2)
    ada, bob = place.join(), place.join()
    for _ in range(4):
        place.play(3.0)
        place.drop(ada)
    place.end()
    assert ada.returns
    assert not ada.renewed
    assert ada.client.hits == bob.client.hits > 0
    assert ada.client.kills == bob.client.kills
    assert ada.client.rounds == bob.client.rounds


def test_each_tick_of_a_room_is_one_of_the_match_however_late_it_is() -> None:
    place, chance, now = Place(1), random.Random(1), 100.0
    place.match._now = lambda: now + chance.uniform(0.0, 0.45 * TICK)
    for _ in range(300):
        assert place.match.process() == 1
        now += TICK


def test_inputs_that_came_at_once_do_not_delay_the_others_for_good() -> None:
    place = Place(3, BROADBAND)
    ada = place.join()
    queue = place.match._queues[ada.id]
    place.play(1.0)
    place.network.hold(ada.peer, place.peers[0])
    place.play(0.5)
    place.network.release(ada.peer, place.peers[0])
    place.play(2 * TICK)
    assert len(queue) > 3
    place.play(2.0)
    waiting: list[int] = []
    for _ in range(8):
        place.play(TICK)
        waiting.append(len(queue))
    assert min(waiting) <= 2
