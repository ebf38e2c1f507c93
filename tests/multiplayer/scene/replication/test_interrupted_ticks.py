"""A tick that is interrupted at any line loses nothing: what follows makes up for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from multiplayer import (
    GridInterest,
    MultiplayerSpawner,
    Node,
    SceneMultiplayer,
    Vector2,
    replicated,
    synchronizer_of,
)

from .games import A, B, Game, Kind, each_kind
from .interrupting import Interrupting

HERE = str(Path("multiplayer", "scene", "replication"))
FULL = os.environ.get("GDPEERS_FULL") == "1"
RUNS = 2000 if FULL else 40


class Sheep(Node):
    position = replicated(Vector2(0, 0))
    wool = replicated(0, mode="on_change")
    diary = replicated(default_factory=list[int], mode="on_change")


def with_spawner(api: SceneMultiplayer) -> None:
    assert api.root is not None
    spawner = MultiplayerSpawner("Spawner")
    spawner.spawn_path = ".."
    spawner.add_spawnable_scene("sheep", Sheep)
    api.root.add_child(spawner)


def played(kind: Kind, budget: int, at: int) -> int:
    """Play a bit, interrupted at that line; return how many lines there were."""
    game = Game(kind, with_spawner, A, B)
    server = game.apis[1]
    server.replication_budget = budget
    root = server.root
    assert root is not None
    grid = GridInterest(10, api=server)
    flock = [Sheep(f"Sheep{number}") for number in range(4)]
    for number, sheep in enumerate(flock):
        sheep.position = Vector2(number * 10 + 5, 5)
        sheep.diary = list(range(50))
        root.add_child(sheep)
        grid.follow(sheep)
    grid.place_peer(A, (5, 5))
    grid.place_peer(B, (25, 5))
    game.tick(8)
    for number, sheep in enumerate(flock):
        sheep.wool = number + 1
        sheep.diary[number] = -1
        sheep.diary.append(number)
    flock[3].position = Vector2(15, 5)
    trace = Interrupting(at, HERE)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        grid.update()
        grid.place_peer(B, (5, 5))
        server.poll()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    grid.place_peer(B, (5, 5))  # what was interrupted may not have been done at all
    grid.place_peer(B, (6, 5))
    flock[0].diary.append(7)
    for _ in range(4):
        grid.update()
        game.tick(4)
    for peer in (A, B):
        for sheep in flock:
            seen = grid.sees(peer, synchronizer_of(sheep))
            assert game.has(peer, sheep.name) is seen, (at, peer, sheep)
            if seen:
                there: Any = game.at(peer, sheep.name)
                assert there.wool == sheep.wool, (at, peer, sheep)
                assert there.diary == sheep.diary, (at, peer, sheep)
                assert there.position == sheep.position, (at, peer, sheep)
    return trace.lines


@pytest.mark.parametrize("budget", [0, 400], ids=["all", "budget"])
@each_kind
def test_an_interrupt_at_any_line_loses_nothing(kind: Kind, budget: int) -> None:
    lines = played(kind, budget, 0)
    assert lines > 200
    step = max(lines // RUNS, 1)
    for at in range(1, lines, step):
        played(kind, budget, at)
