"""Where the players walk: a rectangle with walls in it."""

from __future__ import annotations

from typing import Final, NamedTuple

from multiplayer import Vector2

WIDTH: Final = 64.0
"""How wide the arena is; lengths have no unit, a player is 1.6 wide."""

HEIGHT: Final = 32.0


class Wall(NamedTuple):
    """A rectangle through which nothing goes."""

    left: float
    top: float
    right: float
    bottom: float

    def touches(self, x: float, y: float, radius: float) -> bool:
        """Return whether a disc overlaps it, or at least touches it."""
        if x + radius < self.left or x - radius > self.right:
            return False
        across = x - min(max(x, self.left), self.right)
        down = y - min(max(y, self.top), self.bottom)
        return across * across + down * down <= radius * radius


WALLS: Final = (
    Wall(14, 6, 17, 12),
    Wall(14, 20, 17, 26),
    Wall(47, 6, 50, 12),
    Wall(47, 20, 50, 26),
    Wall(26, 15, 38, 17),
)

STARTS: Final = tuple(
    Vector2(x, y)
    for x, y in ((4, 4), (60, 28), (60, 4), (4, 28), (32, 5), (32, 27), (8, 16), (56, 16))
)
"""Where players appear."""


def is_free(at: Vector2, radius: float) -> bool:
    """Return whether a disc has room there: inside of the arena, and outside of its walls."""
    x, y = at.x, at.y
    if not (radius <= x <= WIDTH - radius and radius <= y <= HEIGHT - radius):
        return False
    return not any(wall.touches(x, y, radius) for wall in WALLS)


def sees(one: Vector2, other: Vector2) -> bool:
    """Return whether no wall is between two points."""
    way = other - one
    steps = max(int(way.length() * 2), 1)
    return all(is_free(one + way * (step / steps), 0.0) for step in range(steps + 1))
