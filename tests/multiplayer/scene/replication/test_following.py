"""Whatever says what a synchronizer sends may be changed at any time, one thing at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import Vector2

from .rig import ALWAYS, NEVER, ON_CHANGE, SERVER, A, B, C, Player, Rig, config
from .test_states import static

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer import MultiplayerSynchronizer

    Change = Callable[[MultiplayerSynchronizer], object]


def settled() -> tuple[Rig, Any]:
    """Two clients that have what a node is, some ticks ago."""
    rig = Rig(A, B, build=static((".:hp", True, ALWAYS), (".:title", True, ON_CHANGE)))
    rig.settle()
    rig.tick()
    return rig, rig.node(SERVER, "T")


@pytest.mark.handlers_fail
@pytest.mark.parametrize(
    ("change", "hp", "title"),
    [
        (lambda sync: None, 1, "new"),
        (lambda sync: setattr(sync, "replication_interval", 60.0), 0, "new"),
        (lambda sync: setattr(sync, "delta_interval", 60.0), 1, "old"),
        (lambda sync: setattr(sync, "replication_config", None), 0, "old"),
        (lambda sync: setattr(sync, "replication_config", config()), 0, "old"),
        (lambda sync: sync.replication_config.remove_property(".:title"), 1, "old"),
        (
            lambda sync: sync.replication_config.property_set_replication_mode(".:hp", NEVER),
            0,
            "new",
        ),
        (lambda sync: sync.add_visibility_filter(lambda peer: False), 0, "old"),
    ],
)
def test_a_change_counts_from_the_next_tick_on(change: Change, hp: int, title: str) -> None:
    rig, thing = settled()
    thing.hp, thing.title = 0, "old"
    rig.tick()
    rig.tick()
    change(thing.get_node("Sync"))
    thing.hp, thing.title = 1, "new"
    rig.tick()
    rig.tick()
    there = rig.node(A, "T")
    assert (there.hp, there.title) == (hp, title)


def test_a_filter_that_is_removed_hides_nothing_any_more() -> None:
    rig, thing = settled()
    sync = thing.get_node("Sync")

    def only_b(peer: int) -> bool:
        return peer == B

    sync.add_visibility_filter(only_b)
    thing.title = "for B"
    rig.settle()
    sync.remove_visibility_filter(only_b)
    sync.update_visibility()
    thing.hp = 7
    rig.settle()
    assert [(rig.node(own_id, "T").hp, rig.node(own_id, "T").title) for own_id in (A, B)] == [
        (7, "for B")
    ] * 2


def test_an_interval_that_ends_lets_go_what_it_has_held_back() -> None:
    rig, thing = settled()
    sync = thing.get_node("Sync")
    thing.title = "first"
    rig.tick()
    sync.delta_interval = 60.0
    thing.title = "held"
    rig.tick()
    rig.tick()
    assert rig.node(A, "T").title == "first"
    sync.delta_interval = 0.0
    rig.tick()
    rig.tick()
    assert rig.node(A, "T").title == "held"


@pytest.mark.handlers_fail
def test_peers_that_see_the_same_may_lack_different_things() -> None:
    """Of what cannot be written a newcomer lacks all, and the others the last change."""
    rig = Rig(A, B, build=static((".:hp", False, ON_CHANGE), (".:title", False, ON_CHANGE)))
    rig.apis[SERVER].max_delta_packet_size = 200
    thing = rig.node(SERVER, "T")
    thing.hp = 7
    rig.settle()
    thing.title = "x" * 300
    rig.settle()
    rig.join(C)
    rig.settle()
    assert rig.node(C, "T").hp == 100
    thing.title = "short"
    rig.settle()
    for own_id in (A, B, C):
        there = rig.node(own_id, "T")
        assert (own_id, there.hp, there.title) == (own_id, 7, "short")


def test_what_comes_and_goes_says_its_own_and_takes_no_room_for_ever() -> None:
    rig = Rig(A, B)
    home = rig.node(SERVER, "Home")
    for turn in range(12):
        players = [Player(f"P{turn}x{number}") for number in range(6)]
        for number, player in enumerate(players):
            home.add_child(player)
            player.sync.public_visibility = False
            player.sync.set_visibility_for((A, B)[number % 2], True)
        rig.settle()
        home.remove_child(players.pop(turn % 6))
        for number, player in enumerate(players):
            player.position, player.hp = Vector2(turn, number), turn * 10 + number
            player.sync.set_visibility_for(A, True)
        rig.settle()
        for player in players:
            there = rig.node(A, f"Home/{player.name}")
            assert (there.position, there.hp) == (player.position, player.hp)
        for player in players:
            home.remove_child(player)
    rig.settle()
    states = rig.apis[SERVER]._session.replicator._states
    assert len(states._elements) <= 12
    assert not states._slotted
    assert not states._shown
