"""``python -m demos.arena play``: a window, a keyboard and a mouse, in a plain loop.

There is neither ``async`` nor a thread: each turn of the loop polls, which takes what has arrived
and sends what is to go, plays the ticks that are due, and draws. A game of yours in pygame-ce looks
like this.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING, Final

import pygame

import peers
from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.game import FixedTicks

from .client import Client
from .drawing import SIZE, Painter, Scale
from .hands import Hands
from .movement import TICK_HZ
from .summary import Line, of_players

if TYPE_CHECKING:
    from multiplayer import Vector2

FRAMES: Final = 60
"""How often a second it is drawn at most."""

GOODBYE: Final = 1.0
"""How many seconds the server has to take note that we go."""


class Window:
    """A player at a window; :meth:`turn` is what happens between two pictures.

    Args:
        url: the room's.
        nick: how the player is called.
        conditions: a network as bad as this preset: see docs/bad-network.md; "" for the real one.

    Attributes:
        client: what the player sees.
        hands: what is pressed.
        end: why there is no more to play; "" as long as there is.
        has_failed: whether it could not join at all.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: that is no URL.
    """

    def __init__(self, url: str, nick: str, conditions: str = "") -> None:
        self.client = Client(nick, time.monotonic)
        self.hands = Hands()
        self.end = ""
        self.has_failed = False
        self._screen = pygame.display.set_mode(SIZE, pygame.RESIZABLE)
        pygame.display.set_caption("The arena")
        self._painter = Painter(self.client)
        self._ticks = FixedTicks(TICK_HZ)
        self._peer = peers.WebSocketClient()
        self._peer.resume = peers.Resume()  # all that coming back takes
        self._peer.connect_to_url(url, gd_mp_api=True)
        api = self.client.api
        api.multiplayer_peer = (
            peers.ConditionedPeer(self._peer, conditions) if conditions else self._peer
        )
        api.connection_failed.connect(self._failed)
        api.server_disconnected.connect(self._gone)

    def _failed(self) -> None:
        self.has_failed = True
        self.end = (
            f"Nobody can be reached there: {self._peer.failure}\n"
            "Is there a server? python -m demos.arena server"
        )

    def _gone(self) -> None:
        self.end = "The server has gone."

    def turn(self) -> bool:
        """Take what has happened, play, and draw; return whether to go on."""
        for event in pygame.event.get():
            self.hands.take(event)
        self.client.api.poll()
        if self.end:
            return False
        for _ in self._ticks.due(time.monotonic()):
            self.client.tick(self.hands.input(self._own()))
        self._painter.draw(self._screen, time.monotonic())
        pygame.display.flip()
        return not self.hands.wants_to_go

    def _own(self) -> Vector2 | None:
        """Return where our own player is drawn, in pixels."""
        scale = Scale(self._screen.get_size())
        for figure in self.client.figures():
            if figure.is_own:
                return scale.pixel(figure.position)
        return None

    def leave(self) -> None:
        """Have the server know that we go for good, instead of waiting for us to come back."""
        self.client.api.server_disconnected.disconnect(self._gone)  # now it is we who go
        self.client.api.connection_failed.disconnect(self._failed)
        self._peer.begin_leaving()
        patience = time.monotonic() + GOODBYE
        disconnected = ConnectionStatus.CONNECTION_DISCONNECTED
        while self._peer.get_connection_status() != disconnected and time.monotonic() < patience:
            self.client.api.poll()
            time.sleep(0.01)

    def line(self, seconds: float) -> Line:
        """Return what the summary says of a player who has played so long, in seconds."""
        return Line.of(self.client, self._peer.statistics, seconds)


def play(url: str, nick: str, seconds: float = math.inf, conditions: str = "") -> int:
    """Open a window and play, until it is closed, for some seconds or until the server goes.

    Args:
        url: the room's.
        nick: how the player is called.
        seconds: for how long at most.
        conditions: see :class:`Window`.

    Returns:
        The exit status.

    Raises:
        MultiplayerError: ``ERR_UNAVAILABLE``: there is no screen; otherwise as :class:`Window`.
    """
    pygame.display.init()
    pygame.font.init()
    try:
        window = Window(url, nick, conditions)
        pace = pygame.Clock()
        begun = time.monotonic()
        with contextlib.suppress(KeyboardInterrupt):  # a way out, as closing the window is
            while window.turn() and time.monotonic() < begun + seconds:
                pace.tick(FRAMES)
        line = window.line(time.monotonic() - begun)
        window.leave()
    except pygame.error as error:
        raise MultiplayerError(Error.ERR_UNAVAILABLE, f"no window: {error}") from error
    finally:
        pygame.quit()
    for each in of_players([line]) if not window.has_failed else ():
        print(each, flush=True)
    if window.end:
        print(window.end, flush=True)
    return int(bool(window.end))
