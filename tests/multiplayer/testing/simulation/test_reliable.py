"""Reliable calls under every preset: all of them arrive, in order, once; and what joins late."""

from __future__ import annotations

from itertools import count

import pytest

from multiplayer import GODOT_3, GODOT_4, NATIVE, Dialect
from multiplayer.testing import PRESETS, SimulatedNetwork
from tests.multiplayer.testing.simulation.games import Player, call, game

WAYS = [("gd_mp", NATIVE), ("godot4", GODOT_4), ("gd_mp", GODOT_3)]

CALLS = 60


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("envelope", "dialect"), WAYS, ids=["native", "godot4", "godot3"])
def test_all_of_them_arrive_in_order_once(preset: str, envelope: str, dialect: Dialect) -> None:
    network = SimulatedNetwork(seed=11, conditions=preset)
    players = game(network, 3, envelope, dialect)
    numbers = count()
    answers = []

    def step(seconds: float) -> None:
        del seconds
        number = next(numbers)
        for player in players:
            call(player, "say", 0, number)
            call(player, "move", 0, -1 - number)
            if dialect is NATIVE and player.id != 1:
                answers.append((number, player.arena.double.call_id(1, number)))

    network.run_loop(step, hz=20, seconds=CALLS / 20)
    network.settle()
    for player in players:
        for other in players:
            heard = [what for who, what in player.arena.heard if who == other.id]
            said = [what for what in heard if isinstance(what, int) and what >= 0]
            assert said == ([*range(CALLS)] if other is not player else []), network.story()
    assert [answer.result() for _, answer in answers] == [2 * number for number, _ in answers]


@pytest.mark.parametrize("preset", PRESETS)
def test_who_joins_late_hears_all_from_then_on(preset: str) -> None:
    network = SimulatedNetwork(seed=12, conditions=preset)
    server, one = game(network, 1)
    call(server, "say", 0, "before")
    network.settle()
    late = Player(network, network.create_client(server.peer, handshake_timeout=60.0))
    network.run_until(lambda: len(one.api.get_peers()) == 2 == len(late.api.get_peers()))
    for number in range(20):
        call(server, "say", 0, number)
        call(one, "say", late.id, number)
        network.advance(0.01)
    network.settle()
    for sender in (server, one):
        assert [what for who, what in late.arena.heard if who == sender.id] == [*range(20)]
    late.peer.close()
    network.settle()
    assert late.id not in one.api.get_peers() == [1]
