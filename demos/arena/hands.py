"""What hands do at a keyboard and a mouse, as inputs of the game."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import pygame

from .movement import Input

if TYPE_CHECKING:
    from multiplayer import Vector2

LEFT: Final = frozenset({pygame.K_a, pygame.K_LEFT})
RIGHT: Final = frozenset({pygame.K_d, pygame.K_RIGHT})
UP: Final = frozenset({pygame.K_w, pygame.K_UP})
DOWN: Final = frozenset({pygame.K_s, pygame.K_DOWN})
FIRE: Final = frozenset({pygame.K_SPACE})


class Hands:
    """Knows what is held down now.

    Attributes:
        wants_to_go: the window was closed, or Escape was pressed.
    """

    def __init__(self) -> None:
        self.wants_to_go = False
        self._keys: set[int] = set()
        self._trigger = False
        self._tapped: set[int] = set()
        self._mouse = (0, 0)

    def take(self, event: pygame.Event) -> None:
        """Take note of an event of the window; of most there is nothing to note."""
        if event.type == pygame.QUIT:
            self.wants_to_go = True
        elif event.type == pygame.KEYDOWN:
            self.wants_to_go = self.wants_to_go or event.key == pygame.K_ESCAPE
            self._keys.add(event.key)
            self._tapped.add(event.key)
        elif event.type == pygame.KEYUP:
            self._keys.discard(event.key)
        elif event.type == pygame.MOUSEMOTION:
            self._mouse = event.pos
        elif event.type in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP) and event.button == 1:
            self._trigger = event.type == pygame.MOUSEBUTTONDOWN
            self._mouse = event.pos
        elif event.type == pygame.WINDOWFOCUSLOST:  # nobody says when those keys are released
            self._keys.clear()
            self._trigger = False

    def input(self, own: Vector2 | None) -> Input:
        """Return what to do in the next tick.

        A key that was pressed and released since the last one counts for one tick.

        Args:
            own: where the player is drawn, in pixels: it aims from there at the mouse; None if it
                is not in the arena.
        """
        held = self._keys | self._tapped
        self._tapped.clear()
        right = bool(held & RIGHT) - bool(held & LEFT)
        down = bool(held & DOWN) - bool(held & UP)
        aim = 0.0
        if own is not None:
            aim = math.atan2(self._mouse[1] - own.y, self._mouse[0] - own.x)
        return Input(right, down, aim, self._trigger or bool(held & FIRE))
