"""Bots: what a player does who looks for the nearest other, keeps moving, and shoots."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

from multiplayer import Vector2

from .ground import HEIGHT, WIDTH, sees
from .movement import SPEED, TICK, TICK_HZ, Input
from .rules import SHOT_SPEED

if TYPE_CHECKING:
    from .client import Client, Figure

NEAR: Final = 10.0
"""Nearer than this it walks around the other instead of to it."""

RANGE: Final = 25.0
"""From how far it shoots."""

ERROR: Final = 0.08
"""By how much it misses its aim, in radians, on average."""

NAMES: Final = ("Ada", "Bob", "Cyd", "Dot", "Eve", "Fay", "Gil", "Hal")


class Bot:
    """Decides what to do, from what its client shows, as somebody at a screen would.

    Args:
        client: whose player it is.
        seed: of its chance: the same one decides the same in the same situations.
    """

    def __init__(self, client: Client, seed: int) -> None:
        self.client = client
        self._chance = random.Random(seed)
        self._target = Vector2(WIDTH / 2, HEIGHT / 2)
        self._turns = 1
        self._until = 0
        self._ticks = 0
        self._seen: dict[int, Vector2] = {}
        self._before = Vector2(0, 0)

    def play(self) -> None:
        """Do something for a tick."""
        self.client.tick(self.decide())

    def decide(self) -> Input:
        """Return what to do in this tick."""
        self._ticks += 1
        figures = self.client.figures()
        own = next((figure for figure in figures if figure.is_own), None)
        if own is None:
            return Input()
        others = [each for each in figures if not each.is_own and each.health > 0]
        nearest = min(
            others, key=lambda each: (each.position - own.position).length(), default=None
        )
        self._choose(own, nearest)
        right, down = _directions(self._target - own.position)
        if nearest is None:
            return Input(right, down, own.aim)
        way = self._ahead_of(nearest, own) - own.position
        aim = math.atan2(way.y, way.x) + self._chance.gauss(0.0, ERROR)
        fires = way.length() < RANGE and sees(own.position, nearest.position)
        return Input(right, down, math.remainder(aim, math.tau), fires)

    def _ahead_of(self, other: Figure, own: Figure) -> Vector2:
        """Return where the other will be when a shot comes there, if it walks on."""
        before = self._seen.get(other.id, other.position)
        self._seen[other.id] = other.position
        step = other.position - before
        if step.length() > 2 * SPEED * TICK:  # it has jumped
            return other.position
        ticks = (other.position - own.position).length() / (SHOT_SPEED * TICK)
        return other.position + step * ticks

    def _choose(self, own: Figure, nearest: Figure | None) -> None:
        """Choose where to walk: to the other, around it, or anywhere if something is in the way."""
        stuck = (own.position - self._before).length() < SPEED * TICK / 4
        self._before = own.position
        if self._ticks < self._until:
            return
        if stuck or nearest is None:
            self._wander()
            return
        way = nearest.position - own.position
        if way.length() > NEAR:
            self._target = nearest.position
            return
        if self._chance.random() < 0.02:
            self._turns = -self._turns
        self._target = own.position + Vector2(-way.y, way.x) * self._turns

    def _wander(self) -> None:
        self._target = Vector2(self._chance.uniform(0, WIDTH), self._chance.uniform(0, HEIGHT))
        self._until = self._ticks + self._chance.randrange(int(TICK_HZ / 3), int(TICK_HZ))


def _directions(way: Vector2) -> tuple[int, int]:
    """Return which keys to press to go that way."""
    right = 0 if abs(way.x) < abs(way.y) / 2 else round(math.copysign(1, way.x))
    down = 0 if abs(way.y) < abs(way.x) / 2 else round(math.copysign(1, way.y))
    return (right, down) if way.length() > 1 else (0, 0)
