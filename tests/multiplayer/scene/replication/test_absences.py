"""What is replicated to a peer that loses its connection, and what becomes of what it spawned."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from multiplayer import Limits, MultiplayerSpawner, Node, replicated
from multiplayer.scene.replication.keeping import PATIENCE
from peers.testing.leaks import REMEMBERED, places_of
from tests.kept import peers_kept
from tests.multiplayer.scene.seats import SeatGame

from .games import A, B, Kind, each_kind
from .interrupting import Interrupting

if TYPE_CHECKING:
    from multiplayer import SceneMultiplayer

HERE = str(Path("multiplayer", "scene"))
RUNS = 2000 if os.environ.get("GDPEERS_FULL") == "1" else 60


class Ship(Node):
    hull = replicated(100, mode="on_change")
    place = replicated(0)

    def __init__(self, name: str = "Ship") -> None:
        super().__init__(name)
        self.secret = 0


def build(api: SceneMultiplayer) -> None:
    """A spawner of the server's, and one of A's."""
    assert api.root is not None
    for name, authority in (("Servers", 1), ("Players", A)):
        place = Node(name)
        spawner = MultiplayerSpawner(name + "Spawner")
        spawner.spawn_path = "../" + name
        spawner.add_spawnable_scene("ship", Ship)
        spawner.set_multiplayer_authority(authority)
        api.root.add_child(place)
        api.root.add_child(spawner)


def launch(game: SeatGame, own_id: int, place: str, name: str) -> Ship:
    ship = Ship(name)
    ship.set_multiplayer_authority(own_id)
    game.at(own_id, place).add_child(ship)
    return ship


class Players(SeatGame):
    """The game; who spawns below ``Players`` is in charge of the ship there."""

    def __init__(self, kind: Kind, *, engines: tuple[int, ...] = ()) -> None:
        super().__init__(kind, build_with_owners, A, B, engines=engines)
        self.tick(4)


class Owned(Ship):
    def _enter_tree(self) -> None:
        if self.parent is not None and self.parent.name == "Players":
            self.set_multiplayer_authority(A)


def build_with_owners(api: SceneMultiplayer) -> None:
    build(api)
    assert api.root is not None
    spawner = api.root.get_node("PlayersSpawner")
    assert isinstance(spawner, MultiplayerSpawner)
    spawner.clear_spawnable_scenes()
    spawner.add_spawnable_scene("owned", Owned)


def ship_at(game: SeatGame, own_id: int, path: str) -> Ship:
    ship = game.at(own_id, path)
    assert isinstance(ship, Ship)
    return ship


@each_kind
@pytest.mark.parametrize("budget", [0, 400])
def test_what_changes_meanwhile_is_merged(kind: Kind, budget: int) -> None:
    game = Players(kind)
    game.apis[1].replication_budget = budget
    one, two = launch(game, 1, "Servers", "One"), launch(game, 1, "Servers", "Two")
    game.tick(6)
    there = ship_at(game, A, "Servers/One")
    game.lose(A)
    before = len(game.network.log)
    for hull in range(50):
        one.hull = hull
        game.tick(1)
    of_a = [each for each in game.network.log[before:] if each.target == A]
    assert of_a == []
    game.at(1, "Servers").remove_child(two)
    three = launch(game, 1, "Servers", "Three")
    short = launch(game, 1, "Servers", "Short")
    game.tick(2)
    game.at(1, "Servers").remove_child(short)
    three.hull = 7
    game.tick(2)
    assert game.has(A, "Servers/Two")
    assert ship_at(game, B, "Servers/Three").hull == 7
    game.come_back(A, replayed=True)
    game.tick(4)
    assert ship_at(game, A, "Servers/One") is there
    assert there.hull == 49
    assert not game.has(A, "Servers/Two")
    assert ship_at(game, A, "Servers/Three").hull == 7
    assert not game.has(A, "Servers/Short")
    assert game.rejected == []


@each_kind
@pytest.mark.parametrize("engines", [(), (A,)], ids=["words", "engine"])
def test_all_is_spawned_again(kind: Kind, engines: tuple[int, ...]) -> None:
    game = Players(kind, engines=engines)
    one, two = launch(game, 1, "Servers", "One"), launch(game, 1, "Servers", "Two")
    game.tick(6)
    before, of_b = ship_at(game, A, "Servers/One"), ship_at(game, B, "Servers/One")
    game.lose(A)
    one.hull = 3
    game.at(1, "Servers").remove_child(two)
    launch(game, 1, "Servers", "Three")
    game.tick(2)
    game.come_back(A, replayed=False)
    game.tick(6)
    again = ship_at(game, A, "Servers/One")
    assert again is not before
    assert before.parent is None or engines
    assert again.hull == 3
    assert not game.has(A, "Servers/Two")
    assert game.has(A, "Servers/Three")
    assert ship_at(game, B, "Servers/One") is of_b
    one.hull = 4
    game.tick(4)
    assert again.hull == of_b.hull == 4
    assert game.rejected == []


@each_kind
def test_what_it_has_spawned_stays(kind: Kind) -> None:
    """It spawns it again, and the nodes that are there take the new numbers."""
    game = Players(kind)
    mine, gone = [Owned(name) for name in ("Mine", "Gone")]
    for ship in (mine, gone):
        game.at(A, "Players").add_child(ship)
    game.tick(6)
    mine.hull = 5
    game.tick(4)
    there = [ship_at(game, each, "Players/Mine") for each in (1, B)]
    assert [ship.hull for ship in there] == [5, 5]
    there[0].secret = 42
    events: list[tuple[str, str]] = []
    spawner = game.at(1, "PlayersSpawner")
    assert isinstance(spawner, MultiplayerSpawner)
    spawner.spawned.connect(lambda node: events.append(("spawned", node.name)))
    spawner.despawned.connect(lambda node: events.append(("despawned", node.name)))
    game.lose(A)
    mine.hull = 6
    game.at(A, "Players").remove_child(gone)
    game.tick(2)
    assert game.has(1, "Players/Mine")
    game.come_back(A, replayed=False)
    game.tick(6)
    for each, ship in zip((1, B), there, strict=True):
        assert ship_at(game, each, "Players/Mine") is ship
        assert ship.hull == 6
        assert game.has(each, "Players/Gone")
    mine.hull = 7
    mine.place = 9
    game.tick(4)
    assert [(ship.hull, ship.place) for ship in there] == [(7, 9), (7, 9)]
    assert there[0].secret == 42
    assert events == []
    game.network.time += PATIENCE
    game.tick(3)
    assert events == [("despawned", "Gone")]
    assert [game.has(each, "Players/Gone") for each in (1, B)] == [False, False]
    assert [game.has(each, "Players/Mine") for each in (1, B)] == [True, True]
    game.at(A, "Players").remove_child(mine)
    game.tick(4)
    assert [game.has(each, "Players/Mine") for each in (1, B)] == [False, False]
    assert game.rejected == []


@each_kind
def test_it_comes_back_twice_before_it_has_spawned_all(kind: Kind) -> None:
    game = Players(kind)
    game.at(A, "Players").add_child(Owned("Mine"))
    game.tick(6)
    there = ship_at(game, 1, "Players/Mine")
    game.lose(A)
    game.seat(1).handlers.emit(game.seat(1).peer_resumed, A, A, False)  # nothing more comes
    game.seat(1).handlers.emit(game.seat(1).peer_suspended, A, A)
    game.come_back(A, replayed=False)
    game.network.time += PATIENCE
    game.tick(6)
    assert ship_at(game, 1, "Players/Mine") is there
    assert game.rejected == []


@each_kind
def test_what_it_has_spawned_goes_when_it_leaves(kind: Kind) -> None:
    game = Players(kind)
    game.at(A, "Players").add_child(Owned("Mine"))
    game.tick(6)
    game.lose(A)
    game.tick()
    assert game.has(1, "Players/Mine")
    game.seat(1).handlers.emit(game.seat(1).peer_resumed, A, A, False)
    game.leave(A)
    assert not game.has(1, "Players/Mine")
    assert not game.has(B, "Players/Mine")


@each_kind
def test_what_is_kept_makes_room_for_what_is_spawned(kind: Kind) -> None:
    game = Players(kind)
    game.peers[1].limits = Limits(max_spawned_nodes=3)
    for name in ("One", "Two", "Three"):
        game.at(A, "Players").add_child(Owned(name))
    game.tick(6)
    game.lose(A)
    for name in ("One", "Two", "Three"):
        players = game.at(A, "Players")
        players.remove_child(players.get_node(name))
    game.at(A, "Players").add_child(Owned("Four"))
    game.come_back(A, replayed=False)
    game.tick(6)
    assert [game.has(1, f"Players/{name}") for name in ("One", "Four")] == [False, True]
    assert game.rejected == []
    assert A in game.apis[1].get_peers()


@each_kind
def test_a_client_that_is_away_sends_no_states(kind: Kind) -> None:
    """They wait, merged: its ring holds what cannot be said again."""
    game = Players(kind)
    mine = Owned("Mine")
    game.at(A, "Players").add_child(mine)
    game.tick(6)
    game.lose(A)
    for hull in range(50):
        mine.hull = hull
        game.tick(1)
    assert game.seat(A).out == []
    game.come_back(A, replayed=True)
    game.tick(4)
    assert [ship_at(game, each, "Players/Mine").hull for each in (1, B)] == [49, 49]


@each_kind
def test_nothing_is_kept_of_one_that_came_back_and_left(kind: Kind) -> None:
    game = Players(kind)
    game.at(A, "Players").add_child(Owned("Mine"))
    launch(game, 1, "Servers", "One")
    game.tick(6)
    game.lose(A)
    game.come_back(A, replayed=False)
    game.lose(A)
    game.come_back(A, replayed=True)
    game.lose(A)
    game.seat(1).handlers.emit(game.seat(1).peer_resumed, A, A, False)
    game.leave(A)
    game.tick(4)
    for each, api in game.apis.items():
        game.at(each, "PlayersSpawner").set_multiplayer_authority(1)
        assert A not in peers_kept(api)
        found = places_of(api, A, api.multiplayer_peer)
        assert [place for place in found if not REMEMBERED.search(place)] == []


def interrupted(kind: Kind, at: int) -> int:
    """Let A begin anew, interrupted at that line of the server; return how many there were."""
    game = Players(kind)
    one = launch(game, 1, "Servers", "One")
    game.at(A, "Players").add_child(Owned("Mine"))
    game.tick(6)
    there = ship_at(game, 1, "Players/Mine")
    game.lose(A)
    one.hull = 3
    game.tick(2)
    game.seat(A).come_back(replayed=False)
    trace = Interrupting(at, HERE)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        game.apis[1].poll()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    game.tick(8)
    if A in game.apis[1].get_peers():
        assert game.apis[1].get_suspended_peers() == [], at
        assert ship_at(game, A, "Servers/One").hull == 3, at
        assert ship_at(game, 1, "Players/Mine") is there, at
        one.hull = 4
        game.tick(4)
        assert ship_at(game, A, "Servers/One").hull == 4, at
    else:  # it may have lost something, so that it was sent away
        assert not game.has(1, "Players/Mine"), at
        assert ("peer_disconnected", A) in game.told[B], at
    assert B in game.apis[1].get_peers()
    return trace.lines


@each_kind
def test_an_interrupt_at_any_line(kind: Kind) -> None:
    """It begins anew all the same, or leaves, and is of the session no more."""
    lines = interrupted(kind, 0)
    assert lines > 100
    for at in range(1, lines, max(lines // RUNS, 1)):
        interrupted(kind, at)
