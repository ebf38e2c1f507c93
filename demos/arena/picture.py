"""The arena in characters: what a terminal shows, and what a line says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .ground import HEIGHT, WALLS, WIDTH

if TYPE_CHECKING:
    from multiplayer import Vector2

    from .client import Client

COLUMNS: Final = int(WIDTH)
ROWS: Final = int(HEIGHT) // 2  # a character is twice as high as wide

EMPTY: Final = " "
WALL: Final = "█"
SHOT: Final = "·"
DEAD: Final = "x"


def picture(client: Client) -> list[list[str]]:
    """Return what a player sees now, row by row: players by the first letter of their names."""
    rows = [[EMPTY] * COLUMNS for _ in range(ROWS)]
    for wall in WALLS:
        for row in range(int(wall.top) // 2, -(-int(wall.bottom) // 2)):
            for column in range(int(wall.left), int(wall.right)):
                rows[row][column] = WALL
    for shot in client.shots():
        _put(rows, shot, SHOT)
    for figure in reversed(client.figures()):
        letter = figure.nick[:1] or "?"
        if figure.away:
            letter = letter.lower()
        _put(rows, figure.position, letter if figure.health > 0 else DEAD)
    return rows


def _put(rows: list[list[str]], at: Vector2, letter: str) -> None:
    column = min(max(int(at.x), 0), COLUMNS - 1)
    row = min(max(int(at.y) // 2, 0), ROWS - 1)
    rows[row][column] = letter


def headline(client: Client) -> str:
    """Return what is going on, in words."""
    world = client.world
    if world.phase == "playing":
        return f"round {world.round}, {client.time_left():.0f} s left"
    if world.phase == "over":
        winner = world.everybody().get(world.last_winner)
        won = f"{winner.nick} has won" if winner else "nobody has won"
        return f"round {world.round} is over, {won}"
    if world.ends_at:
        return f"waiting for all to be ready, at most {client.time_left():.0f} s"
    return "waiting until all are ready"


def scores(client: Client) -> str:
    """Return the scores, in a line."""
    return ", ".join(
        f"{figure.nick} {figure.score}{' (away)' if figure.away else ''}"
        for figure in client.figures()
    )
