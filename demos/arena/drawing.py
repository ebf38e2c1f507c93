"""The arena on a pygame surface: what a window shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import pygame

from multiplayer import Vector2

from .ground import HEIGHT, WALLS, WIDTH
from .movement import RADIUS
from .picture import headline
from .rules import FULL_HEALTH, PLAYING, Hit

if TYPE_CHECKING:
    from .client import Client, Figure

SIDE: Final = 220
"""How wide the column of scores is, in pixels."""

TOP: Final = 36
"""How high the line above the arena is, in pixels."""

SIZE: Final = (14 * int(WIDTH) + SIDE, 14 * int(HEIGHT) + TOP)
"""How large a window is at first, in pixels."""

SPARKS: Final = 0.4
"""How long a hit is seen, in seconds."""

BACKGROUND: Final = (18, 20, 26)
FLOOR: Final = (30, 34, 43)
LINES: Final = (38, 43, 54)
WALL: Final = (92, 101, 120)
TEXT: Final = (222, 227, 236)
FAINT: Final = (138, 146, 160)
SHOT: Final = (255, 241, 184)
HEALTHY: Final = (97, 214, 132)
HURT: Final = (86, 46, 52)
SPARK: Final = (255, 170, 80)


def colour_of(id: int) -> tuple[int, int, int]:  # noqa: A002 - as in the whole framework
    """Return a player's colour: the same in every window, and seldom that of another player."""
    colour = pygame.Color(0)
    colour.hsva = (id * 137.508 % 360, 62, 96, 100)
    return (colour.r, colour.g, colour.b)


class Scale:
    """Where places of the arena are on a surface.

    Args:
        size: of the surface, in pixels.

    Attributes:
        unit: how many pixels a unit of the arena is.
        area: the part of the surface that is the arena.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        across, down = max(size[0] - SIDE, 1), max(size[1] - TOP, 1)
        self.unit = min(across / WIDTH, down / HEIGHT)
        self.area = pygame.Rect(0, TOP, round(WIDTH * self.unit), round(HEIGHT * self.unit))

    def pixel(self, at: Vector2) -> Vector2:
        """Return which pixel a place is."""
        return Vector2(self.area.left + at.x * self.unit, self.area.top + at.y * self.unit)

    def place(self, pixel: Vector2) -> Vector2:
        """Return which place a pixel is."""
        away = pixel - Vector2(self.area.left, self.area.top)
        return Vector2(away.x / self.unit, away.y / self.unit)


class Painter:
    """Draws what a client's player sees.

    Args:
        client: whose.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._sparks: list[tuple[float, Hit]] = []
        self._new: list[Hit] = []
        self._fonts = {size: pygame.font.Font(None, size) for size in (20, 24, 44)}
        client.world.was_hit.connect(self._new.append)

    def draw(self, surface: pygame.Surface, now: float) -> None:
        """Draw everything.

        Args:
            surface: what to draw on.
            now: the time, in seconds: sparks fade by it.
        """
        scale = Scale(surface.get_size())
        figures = self.client.figures()
        surface.fill(BACKGROUND)
        self._draw_ground(surface, scale)
        for shot in self.client.shots():
            pygame.draw.circle(surface, SHOT, _whole(scale.pixel(shot)), max(scale.unit / 4, 2))
        for figure in reversed(figures):  # the best on top
            self._draw_figure(surface, scale, figure)
        surface.set_clip(scale.area)
        self._draw_sparks(surface, scale, now)
        surface.set_clip(None)
        self._draw_headline(surface, scale)
        self._draw_scores(surface, scale, figures)

    # ---------------------------------------------------------------- the arena

    def _draw_ground(self, surface: pygame.Surface, scale: Scale) -> None:
        surface.fill(FLOOR, scale.area)
        for x in range(0, int(WIDTH) + 1, 4):
            above, below = (_whole(scale.pixel(Vector2(x, y))) for y in (0, HEIGHT))
            pygame.draw.line(surface, LINES, above, below)
        for y in range(0, int(HEIGHT) + 1, 4):
            left, right = (_whole(scale.pixel(Vector2(x, y))) for x in (0, WIDTH))
            pygame.draw.line(surface, LINES, left, right)
        for wall in WALLS:
            left, top = _whole(scale.pixel(Vector2(wall.left, wall.top)))
            right, bottom = _whole(scale.pixel(Vector2(wall.right, wall.bottom)))
            size = (right - left, bottom - top)
            pygame.draw.rect(surface, WALL, (left, top, *size), border_radius=int(scale.unit / 3))

    def _draw_figure(self, surface: pygame.Surface, scale: Scale, figure: Figure) -> None:
        at = scale.pixel(figure.position)
        radius = RADIUS * scale.unit
        colour = colour_of(figure.id)
        if figure.health <= 0:
            for turn in (0.25, 0.75):
                arm = Vector2(math.cos(turn * math.pi), math.sin(turn * math.pi)) * radius
                pygame.draw.line(surface, colour, _whole(at - arm), _whole(at + arm), 3)
            return
        way = Vector2(math.cos(figure.aim), math.sin(figure.aim))
        barrel = (_whole(at + way * (radius * 1.1)), _whole(at + way * (radius * 1.8)))
        pygame.draw.line(surface, TEXT, *barrel, max(int(scale.unit / 3), 2))
        # One whose connection is lost is hollow.
        pygame.draw.circle(surface, colour, _whole(at), radius, 2 if figure.away else 0)
        if figure.is_own:
            pygame.draw.circle(surface, TEXT, _whole(at), radius + 3, 2)
        left, below = at.x - radius, at.y + radius + 5
        bar = pygame.Rect(left, below, 2 * radius, 4)
        surface.fill(HURT, bar)
        bar.width = round(bar.width * figure.health / FULL_HEALTH)
        surface.fill(HEALTHY, bar)
        self._write(surface, figure.nick, 20, TEXT, (at.x, at.y - radius - 12), centre=True)

    def _draw_sparks(self, surface: pygame.Surface, scale: Scale, now: float) -> None:
        self._sparks += [(now, hit) for hit in self._new]
        self._new.clear()
        self._sparks = [(begun, hit) for begun, hit in self._sparks if now - begun < SPARKS]
        for begun, hit in self._sparks:
            age = (now - begun) / SPARKS
            radius = (0.5 + age * (4 if hit.fatal else 2)) * scale.unit
            pygame.draw.circle(surface, SPARK, _whole(scale.pixel(hit.at)), radius, 2)

    # ---------------------------------------------------------------- words

    def _draw_headline(self, surface: pygame.Surface, scale: Scale) -> None:
        client = self.client
        said = headline(client)
        self._write(surface, said, 24, TEXT, (12, 10))
        if client.suspended:
            said = "the connection is lost; coming back …"
        elif client.prediction is None:
            said = "joining …"
        elif client.world.phase == PLAYING:
            return
        self._write(surface, said, 44, TEXT, scale.area.center, centre=True)

    def _draw_scores(self, surface: pygame.Surface, scale: Scale, figures: list[Figure]) -> None:
        left, clock = scale.area.right + 16, self.client.clock
        for row, figure in enumerate(figures):
            down = TOP + 8 + 26 * row
            pygame.draw.circle(surface, colour_of(figure.id), (left + 6, down + 7), 6)
            colour = FAINT if figure.away else TEXT
            self._write(surface, figure.nick, 24, colour, (left + 20, down))
            self._write(surface, str(figure.score), 24, colour, (left + 180, down))
        words = (
            f"ping {1000 * clock.round_trip:.0f} ms, jitter {1000 * clock.jitter:.0f} ms",
            f"{self.client.corrections} corrections",
            "WASD or arrows, mouse; Esc",
        )
        for row, line in enumerate(words):
            down = scale.area.bottom - 20 * (len(words) - row)
            self._write(surface, line, 20, FAINT, (left, down))

    def _write(
        self,
        surface: pygame.Surface,
        words: str,
        size: int,
        colour: tuple[int, int, int],
        at: tuple[float, float],
        *,
        centre: bool = False,
    ) -> None:
        line = self._fonts[size].render(words.replace("\0", "?"), True, colour)
        place = line.get_rect(center=at) if centre else line.get_rect(topleft=at)
        surface.blit(line, place)


def _whole(at: Vector2) -> tuple[int, int]:
    return round(at.x), round(at.y)
