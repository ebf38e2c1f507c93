"""Random worlds in a simulated network, under every preset: in the end everybody has the truth."""

from __future__ import annotations

import pytest

from multiplayer import GODOT_4, NATIVE, Dialect, SceneMultiplayer
from multiplayer.testing import PRESETS, Schedule, SimulatedNetwork
from tests.multiplayer.scene.replication.random_world import Game

ACTS = 60
BETWEEN = 0.1
"""So many seconds lie between two acts."""
ENOUGH = 60.0
"""Within so many seconds of quiet all should have the truth."""


class Simulated:
    """A game in a simulated network, with faults."""

    def __init__(self, dialect: Dialect, seed: int, conditions: str) -> None:
        self.network = SimulatedNetwork(seed, conditions)
        self._envelope = "godot4" if dialect is GODOT_4 else "gd_mp"
        self.game = Game(dialect, seed, self.join, self.leave)
        self.server = self.network.create_server(envelope=self._envelope)
        self.game.server.api.multiplayer_peer = self.server
        self.network.attach(self.game.server.api)

    def join(self, api: SceneMultiplayer) -> None:
        """Begin to connect."""
        api.multiplayer_peer = self.network.create_client(self.server)
        self.network.attach(api)

    def leave(self, api: SceneMultiplayer) -> None:
        """Disconnect."""
        api.multiplayer_peer.close()

    def play(self, *, faults: bool) -> None:
        """Let all do something for a while; then let the network be quiet."""
        for _ in range(3):
            self.game._somebody_joins()
        self.network.advance(3.0)
        if faults:
            numbers = range(1, len(self.network.peers))
            schedule = Schedule.random(
                self.network.seed, numbers, seconds=ACTS * BETWEEN, conditions=PRESETS.values()
            )
            self.network.schedule(schedule)
        for _ in range(ACTS):
            self.game.lost()
            self.game.act()
            self.network.advance(BETWEEN)
        self.network.quiet()

    def differences(self) -> list[str]:
        """What is not as it should be after a while of quiet."""
        until = self.network.now + ENOUGH
        while True:
            self.game.lost()
            found = self.game.differences()
            if not found or self.network.now > until:
                return [*found, *self.game.told, self.network.story()] if found else []
            self.network.advance(0.5)


@pytest.mark.parametrize("dialect", [GODOT_4, NATIVE], ids=lambda each: each.name)
@pytest.mark.parametrize("preset", PRESETS)
def test_everybody_has_the_truth(dialect: Dialect, preset: str) -> None:
    for seed in range(2):
        session = Simulated(dialect, seed, preset)
        session.play(faults=True)
        assert session.differences() == []
