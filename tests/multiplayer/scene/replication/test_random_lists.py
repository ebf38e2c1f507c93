"""Long lists and dictionaries that change at random are the same everywhere in the end.

Whatever happens meanwhile: peers come and go, see it or do not, or make their node anew.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from multiplayer import Node, SceneMultiplayer, replicated, synchronizer_of

from .games import A, B, C, Game, Kind, each_kind


class Chest(Node):
    things = replicated(default_factory=list[Any], mode="on_change")
    prices = replicated(default_factory=dict[Any, Any], mode="on_change")


def with_chest(api: SceneMultiplayer) -> None:
    assert api.root is not None
    api.root.add_child(Chest("Chest"))


def change(rng: random.Random, chest: Chest) -> None:
    things, prices = chest.things, chest.prices
    if rng.random() < 0.6:
        things.insert(rng.randrange(len(things) + 1), rng.random())
        if len(things) > 250:
            del things[rng.randrange(100) : rng.randrange(100, 200)]
    else:
        key = rng.randrange(300)
        if prices.pop(key, None) is None or rng.random() < 0.5:
            prices[key] = rng.choice([1, "x", [1, 2], {"a": key}])


def disturb(rng: random.Random, game: Game, chest: Chest) -> None:
    match rng.randrange(5):
        case 0:
            synchronizer_of(chest).set_visibility_for(A, rng.random() < 0.5)
        case 1:
            synchronizer_of(chest).public_visibility = rng.random() < 0.6
        case 2:
            root = game.apis[A].root
            assert root is not None
            root.remove_child(game.at(A, "Chest"))
            root.add_child(Chest("Chest"))
        case _:
            if C in game.apis:
                game.leave(C)
            else:
                game.join(C)


@pytest.mark.parametrize("budget", [0, 300])
@each_kind
def test_they_are_the_same_in_the_end(kind: Kind, budget: int) -> None:
    rng = random.Random(f"{kind.dialect} {kind.gd_mp} {budget}")
    game = Game(kind, with_chest, A, B)
    game.apis[1].replication_budget = budget
    chest = game.at(1, "Chest")
    assert isinstance(chest, Chest)
    chest.things = list(range(200))
    chest.prices = {number: number for number in range(200)}
    for _ in range(300):
        change(rng, chest)
        if rng.random() < 0.15:
            disturb(rng, game, chest)
        if rng.random() < 0.5:
            game.tick(rng.randrange(1, 3))
    synchronizer_of(chest).public_visibility = True
    change(rng, chest)
    game.tick(40)
    for peer in [*game.apis][1:]:
        there: Any = game.at(peer, "Chest")
        assert there.things == chest.things, peer
        assert there.prices == chest.prices, peer
    assert not game.rejected
