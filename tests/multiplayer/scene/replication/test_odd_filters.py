"""Visibility filters that change what they are asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from multiplayer import (
    Error,
    MultiplayerError,
    MultiplayerSpawner,
    MultiplayerSynchronizer,
    Node,
    SceneMultiplayer,
    VisibilityUpdateMode,
    replicated,
    rpc,
    synchronizer_of,
)

from .games import A, B, Game, Kind, each_kind

if TYPE_CHECKING:
    from collections.abc import Callable


class Sheep(Node):
    wool = replicated(0, mode="on_change")
    heard = 0

    @rpc("authority")
    def whistle(self) -> None:
        self.heard += 1


def meadow(api: SceneMultiplayer) -> None:
    assert api.root is not None
    spawner = MultiplayerSpawner("Spawner")
    spawner.spawn_path = ".."
    spawner.add_spawnable_scene("sheep", Sheep)
    api.root.add_child(spawner)


def with_sheep(kind: Kind) -> tuple[Game, Sheep, MultiplayerSynchronizer]:
    game = Game(kind, meadow, A, B)
    sheep = Sheep("Dolly")
    game.at(1, ".").add_child(sheep)
    game.tick()
    return game, sheep, synchronizer_of(sheep)


@each_kind
def test_a_filter_that_changes_its_mind_whenever_it_is_asked_ends(kind: Kind) -> None:
    game, _, synchronizer = with_sheep(kind)
    asked: list[int] = []

    def fickle(peer: int) -> bool:
        asked.append(peer)
        synchronizer.set_visibility_for(A, not synchronizer.get_visibility_for(A))
        return True

    synchronizer.public_visibility = False
    synchronizer.add_visibility_filter(fickle)
    game.tick(5)
    assert len(asked) < 100
    synchronizer.remove_visibility_filter(fickle)
    synchronizer.set_visibility_for(A, True)
    game.tick()
    assert (game.has(A, "Dolly"), game.has(B, "Dolly")) == (True, False)
    assert not game.rejected


@each_kind
def test_a_filter_that_has_all_filters_asked_ends(kind: Kind) -> None:
    game, _, synchronizer = with_sheep(kind)

    def eager(peer: int) -> bool:
        synchronizer.update_visibility()
        return peer == A

    synchronizer.add_visibility_filter(eager)
    game.tick()
    assert (game.has(A, "Dolly"), game.has(B, "Dolly")) == (True, False)


@each_kind
def test_a_filter_that_calls_the_node_ends(kind: Kind) -> None:
    game, _, _ = with_sheep(kind)
    for api in game.apis.values():
        assert api.root is not None
        api.root.add_child(Sheep("Shaun"))  # there on all sides
    shaun: Any = game.at(1, "Shaun")
    synchronizer = synchronizer_of(shaun)

    def noisy(peer: int) -> bool:
        shaun.whistle.rpc()
        return peer == A

    synchronizer.add_visibility_filter(noisy)
    game.tick(4)
    heard: Any = game.at(A, "Shaun")
    assert 0 < heard.heard < 100


@each_kind
def test_what_a_filter_shows_to_another_peer_is_shown_at_the_next_tick(kind: Kind) -> None:
    game, _, synchronizer = with_sheep(kind)
    synchronizer.public_visibility = False
    synchronizer.visibility_update_mode = VisibilityUpdateMode.VISIBILITY_PROCESS_NONE
    game.tick()
    assert not game.has(A, "Dolly")

    def shows_it_to_a(peer: int) -> bool:
        synchronizer.set_visibility_for(A, True)
        return True

    synchronizer.add_visibility_filter(shows_it_to_a)
    synchronizer.update_visibility(B)
    game.tick()
    assert (game.has(A, "Dolly"), game.has(B, "Dolly")) == (True, False)


def removes(sheep: Sheep, synchronizer: MultiplayerSynchronizer) -> None:
    del synchronizer
    if sheep.parent is not None:
        sheep.parent.remove_child(sheep)


def frees(sheep: Sheep, synchronizer: MultiplayerSynchronizer) -> None:
    del sheep
    if synchronizer.parent is not None:
        synchronizer.parent.remove_child(synchronizer)


def hands_over(sheep: Sheep, synchronizer: MultiplayerSynchronizer) -> None:
    synchronizer.set_multiplayer_authority(B)


@each_kind
@pytest.mark.parametrize("does", [removes, frees, hands_over])
def test_a_filter_may_end_what_it_is_asked_about(
    kind: Kind, does: Callable[[Sheep, MultiplayerSynchronizer], None]
) -> None:
    game, sheep, synchronizer = with_sheep(kind)

    def ending(peer: int) -> bool:
        does(sheep, synchronizer)
        return True

    synchronizer.add_visibility_filter(ending)
    other = Sheep("Shaun")
    game.at(1, ".").add_child(other)
    game.tick()  # an error would be raised
    other.wool = 5
    game.tick()
    seen: Any = game.at(A, "Shaun")
    assert seen.wool == 5
    assert game.has(A, "Dolly") == (does is not removes)


def test_what_can_never_work_is_refused_when_it_is_set() -> None:
    synchronizer, spawner = MultiplayerSynchronizer(), MultiplayerSpawner()
    nothing: Any = None
    for wrong in (
        lambda: synchronizer.add_visibility_filter(nothing),
        lambda: spawner.add_spawnable_scene("sheep", nothing),
        lambda: setattr(synchronizer, "replication_config", {".:wool": 1}),
    ):
        with pytest.raises(MultiplayerError) as raised:
            wrong()
        assert raised.value.code == Error.ERR_INVALID_PARAMETER
    assert not synchronizer.get_filters()
    assert synchronizer.replication_config is None
