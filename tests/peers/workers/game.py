"""A game for tests of workers: a score that outlives its process, and rooms that misbehave."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import peers
from multiplayer import Node, rpc

if TYPE_CHECKING:
    from collections.abc import Mapping


class World(Node):
    """The node that clients call."""

    room: Duel

    @rpc("any_peer")
    def add(self, points: int) -> int:
        self.room.score += points
        return self.room.score

    @rpc("any_peer")
    def who(self) -> list[int]:
        return [os.getpid(), *self.room.seats]

    @rpc("any_peer")
    def times_saved(self) -> int:
        return self.room.times_saved

    @rpc("any_peer")
    def options(self) -> dict[str, str]:
        return self.room.given

    @rpc("any_peer")
    def hang(self) -> None:
        time.sleep(60)

    @rpc("any_peer")
    def lock(self) -> None:
        self.room.locked = True
        self.room.metadata = {"locked": "yes"}


class Duel(peers.Room):
    capacity = 2
    grace = 30.0

    score = 0
    times_saved = 0
    given: dict[str, str]

    def opened(self, options: Mapping[str, str]) -> None:
        if "refuse" in options:
            raise ValueError("no such game")
        self.given = dict(options)
        world = World("World")
        world.room = self
        self.root.add_child(world)

    def save(self) -> Any:
        self.times_saved += 1
        return {"score": self.score}

    def restored(self, data: Any) -> None:
        self.score = data["score"]


def quick(server: peers.RoomServer) -> None:
    """Set a server up."""
    server.handshake_timeout = 0.5
