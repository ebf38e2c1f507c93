"""``Arena``: a room of players who shoot each other, for ``peers.serve_rooms``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import peers

from .match import Match
from .movement import TICK_HZ
from .rules import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .match import Saved


class Arena(peers.Room):
    """A room; the game itself is its ``match``.

    Attributes:
        settings: how long rounds are.
        clock: what time it is, in seconds.
        match: the game.
    """

    capacity = 16
    grace = 30.0  # a player who drops keeps its id, its score and its place for so long
    tick_hz = TICK_HZ
    relays = False  # players have nothing to say to each other but through the server
    settings = Settings()
    clock = staticmethod(time.monotonic)

    match: Match

    def opened(self, options: Mapping[str, str]) -> None:
        """Set the game up."""
        del options
        self.api.validate = True  # what does not fit the annotations does not reach the game
        assert self.peer  # it is made when somebody asks for it, and a match takes APIs that listen
        self.match = Match(self.settings, self.clock, [self.api])

    def joined(self, seat: peers.Seat) -> None:
        """Let a player in."""
        self.match.join(seat.id)

    def suspended(self, seat: peers.Seat) -> None:
        """A connection is lost: the others see it, and nothing else changes."""
        self.match.set_away(seat.id, away=True)

    def resumed(self, seat: peers.Seat) -> None:
        """It is back."""
        self.match.set_away(seat.id, away=False)

    def left(self, seat: peers.Seat, why: str) -> None:
        """Let a player go."""
        del why
        self.match.leave(seat.id)

    def process(self, delta: float) -> None:
        """Let ticks pass."""
        del delta
        self.match.process()

    def save(self) -> object:
        """Let another process go on, should this one die: see docs/workers.md."""
        return self.match.save()

    def restored(self, data: object) -> None:
        """Be that other process."""
        self.match.restore(cast("Saved", data))
