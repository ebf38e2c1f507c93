"""A budget of bytes a tick: who gets what, and that nothing is missing in the end."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from multiplayer import (
    GODOT_3,
    Error,
    MultiplayerError,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    SceneReplicationConfig,
    replicated,
    synchronizer_of,
)

from .games import A, B, Game, Kind, each_kind

COUNT = 40


class Thing(Node):
    position = replicated(0.5)
    health = replicated(0, mode="on_change")


def with_things(api: SceneMultiplayer) -> None:
    assert api.root is not None
    for number in range(COUNT):
        api.root.add_child(Thing(f"Thing{number}"))


def things(game: Game, peer: int) -> list[Any]:
    return [game.at(peer, f"Thing{number}") for number in range(COUNT)]


@each_kind
def test_a_peer_gets_no_more_than_its_bytes_and_in_the_end_all(kind: Kind) -> None:
    game = Game(kind, with_things, A, B)
    game.tick(10)
    game.apis[1].replication_budget = 200
    game.packets()
    for thing in things(game, 1):
        thing.position, thing.health = 7.5, 9
    ticks = 30
    for _ in range(ticks):
        game.tick(1)
    per_peer = sum(map(len, game.packets())) / ticks / (1 if kind.gd_mp else 2)
    assert 100 < per_peer < 2 * 230
    game.tick(1)
    for peer in (A, B):
        assert {(each.position, each.health) for each in things(game, peer)} == {(7.5, 9)}
    assert not game.rejected


@each_kind
def test_priority_is_a_share_of_the_bytes(kind: Kind) -> None:
    game = Game(kind, with_things, A)
    game.tick(10)
    game.apis[1].replication_budget = 200
    first = things(game, 1)[0]
    synchronizer_of(first).priority = 3
    seen: Counter[str] = Counter()
    for thing in things(game, A):
        name = thing.name
        synchronizer_of(thing).synchronized.connect(lambda name=name: seen.update([name]))
    game.tick(200)
    assert len(seen) == COUNT
    others = [count for name, count in seen.items() if name != first.name]
    assert max(others) - min(others) <= 2
    assert 2.5 < seen[first.name] / (sum(others) / len(others)) < 3.3


@each_kind
def test_one_with_low_priority_does_not_starve(kind: Kind) -> None:
    game = Game(kind, with_things, A)
    game.tick(10)
    game.apis[1].replication_budget = 128
    last = things(game, 1)[-1]
    synchronizer_of(last).priority = 0.1
    last.position, last.health = 7.5, 9
    for number in range(600):
        for thing in things(game, 1)[:-1]:
            thing.health = number
        game.tick(1)
    seen = things(game, A)[-1]
    assert (seen.position, seen.health) == (7.5, 9)


@each_kind
def test_switched_off_all_is_sent_again(kind: Kind) -> None:
    game = Game(kind, with_things, A)
    game.tick(10)
    game.apis[1].replication_budget = 128
    for thing in things(game, 1):
        thing.position, thing.health = 7.5, 9
    game.tick(8)
    assert {each.health for each in things(game, A)} == {0, 9}
    game.apis[1].replication_budget = 0
    game.tick(2)
    assert {(each.position, each.health) for each in things(game, A)} == {(7.5, 9)}


@each_kind
def test_what_comes_goes_and_is_hidden_meanwhile(kind: Kind) -> None:
    game = Game(kind, with_things, A)
    game.apis[1].replication_budget = 128
    game.tick(3)
    first, second, third = things(game, 1)[:3]
    synchronizer_of(first).public_visibility = False
    root = game.apis[1].root
    assert root is not None
    root.remove_child(second)
    third.health = 5
    first.health = 6
    game.tick(60)
    assert [each.health for each in things(game, A)[:3]] == [0, 0, 5]
    synchronizer_of(first).public_visibility = True
    root.add_child(second)
    second.health = 7
    game.tick(60)
    assert [each.health for each in things(game, A)[:3]] == [6, 7, 5]
    game.join(B)
    game.tick(60)
    assert [each.health for each in things(game, B)[:3]] == [6, 7, 5]
    feed = game.apis[1]._session.replicator.feeds[B]  # type: ignore[union-attr]
    assert feed.budget is not None
    assert len(feed.budget) <= 2 * COUNT


@each_kind
def test_a_property_that_sends_a_peer_away_ends_nothing(kind: Kind) -> None:
    class Bouncer(Node):
        api: SceneMultiplayer
        out = False

        @property
        def mood(self) -> int:
            if self.out and A in self.api.get_peers():
                self.api.disconnect_peer(A)
            return 5

        @mood.setter
        def mood(self, mood: int) -> None: ...

    def with_bouncer(api: SceneMultiplayer) -> None:
        assert api.root is not None
        bouncer, sync = Bouncer("Bouncer"), MultiplayerSynchronizer("Sync")
        bouncer.api = api
        sync.replication_config = config = SceneReplicationConfig()
        config.add_property(".:mood")
        bouncer.add_child(sync)
        api.root.add_child(bouncer)

    game = Game(kind, with_bouncer, A, B)
    server = game.apis[1]
    server.replication_budget = 500
    game.tick(5)
    game.at(1, "Bouncer").out = True  # type: ignore[attr-defined]
    for _ in range(5):
        server.poll()
        game.apis[B].poll()
    assert server.get_peers() == [B]
    assert not game.rejected


@pytest.mark.parametrize("size", [-1, 1, 127, 1000.0, True, "128"])
def test_sizes_that_make_no_sense(size: Any) -> None:
    api = SceneMultiplayer()
    with pytest.raises(MultiplayerError) as caught:
        api.replication_budget = size
    assert caught.value.code == Error.ERR_INVALID_PARAMETER
    assert api.replication_budget == 0


def test_where_there_is_no_replication_there_is_no_budget() -> None:
    with pytest.raises(MultiplayerError) as caught:
        SceneMultiplayer(dialect=GODOT_3).replication_budget = 1000
    assert caught.value.code == Error.ERR_UNAVAILABLE
