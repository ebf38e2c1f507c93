"""Random worlds, without anything between the members but order: in the end all have the truth."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

import pytest

from multiplayer import GODOT_4, NATIVE, Dialect, MultiplayerSynchronizer, SceneMultiplayer
from multiplayer.testing import LoopbackNetwork, LoopbackPeer
from multiplayer.wire.dialects.godot4_replication import Godot4Replication
from tests.multiplayer.scene.replication.random_world import Game

TICK = 0.05
ACTS = 120


class InOrder:
    """What arrives at once, in the order in which it was sent."""

    def __init__(self, dialect: Dialect, seed: int, budget: int) -> None:
        self._network = LoopbackNetwork(relays=False)
        self._apis: list[SceneMultiplayer] = []
        self.game = Game(dialect, seed, self.join, self.leave, budget=budget)
        server = LoopbackPeer(self._network)
        server.create_server()
        self.game.server.api.multiplayer_peer = server
        self._apis.append(self.game.server.api)

    def join(self, api: SceneMultiplayer) -> None:
        """Connect."""
        client = LoopbackPeer(self._network)
        client.create_client()
        api.multiplayer_peer = client
        self._apis.append(api)
        for _ in range(3):
            self.poll()

    def leave(self, api: SceneMultiplayer) -> None:
        """Disconnect."""
        api.multiplayer_peer.close()
        self._apis.remove(api)

    def poll(self) -> None:
        """Let a tick go by."""
        self._network.time += TICK
        for api in self._apis:
            api.poll()


def differences(dialect: Dialect, seed: int, budget: int = 0) -> list[str]:
    """What is not as it should be in the end."""
    session = InOrder(dialect, seed, budget)
    for _ in range(ACTS):
        session.game.act()
        session.poll()
    for _ in range(60 if budget else 5):
        session.poll()
    found = session.game.differences()
    return [*found, *session.game.told] if found else []


@pytest.mark.parametrize("dialect", [GODOT_4, NATIVE], ids=lambda each: each.name)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("budget", [0, 150])
def test_everybody_has_the_truth(dialect: Dialect, seed: int, budget: int) -> None:
    assert differences(dialect, seed, budget) == []


Bug = Callable[[pytest.MonkeyPatch], None]


def ends_get_lost(patch: pytest.MonkeyPatch) -> None:
    """A DESPAWN of another node."""
    patch.setattr(Godot4Replication, "despawn", lambda _, node: struct.pack("<BI", 5, node + 1000))


def changes_get_lost(patch: pytest.MonkeyPatch) -> None:
    """A delta without what it says, once in four times."""
    write = Godot4Replication.delta_element
    chance = Random(1)

    def delta_element(wire: Godot4Replication, number: int, bits: int, state: bytes) -> bytes:
        return b"" if chance.random() < 0.25 else write(wire, number, bits, state)

    patch.setattr(Godot4Replication, "delta_element", delta_element)


def lists_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """Whoever was shown something has it for ever."""
    change = MultiplayerSynchronizer.set_visibility_for

    def set_visibility_for(sync: MultiplayerSynchronizer, peer: int, visible: bool) -> None:
        if visible or not peer:
            change(sync, peer, visible)

    patch.setattr(MultiplayerSynchronizer, "set_visibility_for", set_visibility_for)


def filters_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """Filters are never asked."""
    patch.setattr(MultiplayerSynchronizer, "add_visibility_filter", lambda *_: None)


@pytest.mark.parametrize(
    "bug",
    [ends_get_lost, changes_get_lost, lists_are_ignored, filters_are_ignored],
    ids=lambda each: each.__name__,
)
def test_a_planted_bug_is_found(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    assert any(differences(GODOT_4, seed) for seed in range(40))
