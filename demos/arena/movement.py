"""How a player moves: the rule that the server and the player's own program both apply."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from multiplayer import Vector2

from .ground import is_free

TICK_HZ: Final = 30.0
"""Ticks a second, of the server and of every client."""

TICK: Final = 1.0 / TICK_HZ
"""How long one is, in seconds."""

SPEED: Final = 12.0
"""How far a player walks in a second."""

RADIUS: Final = 0.8


GRAIN: Final = 256.0
"""Positions are multiples of 1/256: floats of 32 bits, as they travel, have those exactly.

So a client that goes on from what the server has sent gets what the server gets, to the last bit.
"""


class Input(NamedTuple):
    """What a player does in a tick.

    Attributes:
        right: -1 to walk left, 1 to walk right.
        down: -1 to walk up, 1 to walk down.
        aim: where the player aims, in radians from the right, clockwise.
        fire: whether the trigger is pulled.
    """

    right: int = 0
    down: int = 0
    aim: float = 0.0
    fire: bool = False


class Body(NamedTuple):
    """What a player's inputs change at once, and so what a client predicts."""

    position: Vector2
    alive: bool = True


def step(body: Body, input: Input) -> Body:  # noqa: A002 - it is one
    """Return what becomes of a body in one tick; one who is dead does not move.

    It slides along walls: each axis is tried by itself.
    """
    if not body.alive or not (input.right or input.down):
        return body
    length = round(SPEED * TICK / math.hypot(input.right, input.down) * GRAIN) / GRAIN
    at = body.position
    across = Vector2(at.x + input.right * length, at.y)
    at = across if is_free(across, RADIUS) else at
    along = Vector2(at.x, at.y + input.down * length)
    at = along if is_free(along, RADIUS) else at
    return Body(at)


def to_wire(input: Input) -> tuple[int, float]:  # noqa: A002 - it is one
    """Return an input as it travels: four directions and the trigger as bits, and where it aims."""
    bits = (input.right < 0) | (input.right > 0) << 1 | (input.down < 0) << 2
    return bits | (input.down > 0) << 3 | bool(input.fire) << 4, input.aim


def from_wire(bits: object, aim: object) -> Input | None:
    """Return the input; None if that is none, since a stranger can send anything.

    Args:
        bits: see :func:`to_wire`.
        aim: the same.
    """
    if type(bits) is not int or not 0 <= bits < 32 or not isinstance(aim, int | float):
        return None
    if not -7 <= aim <= 7:  # not a number, too
        return None
    right, down = (bits >> 1 & 1) - (bits & 1), (bits >> 3 & 1) - (bits >> 2 & 1)
    return Input(right, down, float(aim), bool(bits & 16))
