"""What ``python -m demos.arena`` runs: a server, four bots and a view of it, or one of them."""

from __future__ import annotations

import random
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

import peers

from .bots import NAMES
from .measuring import metrics_of
from .movement import TICK_HZ
from .playing import BotPlayer
from .rules import Settings
from .screen import has_terminal, key, show, single_keys
from .shared import KINDS, Matches
from .summary import Tally, of_players
from .website import Website

if TYPE_CHECKING:
    from peers import RoomServer

    from .client import Client

BOTS: Final = 4
WATCHED: Final = 60.0
"""How many seconds the demo takes in a terminal, unless a key is pressed."""

UNWATCHED: Final = 10.0
"""How many it takes without one."""


SHORT: Final = Settings(points=5, round_ticks=int(7 * TICK_HZ), pause_ticks=int(2 * TICK_HZ))
"""Rounds for those who do not want to wait."""


async def demo(seconds: float | None, conditions: str = "") -> int:
    """Run a server and bots, show what one of them sees, and sum it up.

    Args:
        seconds: for how long; None for a time that depends on whether somebody watches.
        conditions: of the bots' connections; see ``playing.joined``.

    Returns:
        The exit status.

    Raises:
        MultiplayerError: a bot could not join.
    """
    live = has_terminal()
    if seconds is None:
        seconds = WATCHED if live else UNWATCHED
    bots = [BotPlayer(number, conditions=conditions) for number in range(BOTS)]
    begun = trio.current_time()
    async with peers.serve_rooms(0, peer=site_of(SHORT)) as server:
        tally = Tally(server)
        url = address(server)
        say(f"The arena is open at {url}")
        say(f"Another player: python -m demos.arena bot --url {url}")
        say(f"You, in a window: python -m demos.arena play --url {url}")
        say(f"You, in a browser: {page(server)}")
        async with trio.open_nursery() as nursery:
            for bot in bots:
                nursery.start_soon(bot.play, url)
            with trio.move_on_after(seconds):
                await watch(bots[0].client, live=live)
            for bot in bots:
                bot.stop()
        say(tally.line(trio.current_time() - begun))
    for line in of_players(bot.line for bot in bots if bot.line):
        say(line)
    return 0


async def watch(client: Client, *, live: bool) -> None:
    """Show what a client sees, until a key is pressed in a terminal."""
    with single_keys() if live else nullcontext(False) as keys:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(show, client, live=live))
            if not keys:
                await trio.sleep_forever()
            await key()
            nursery.cancel_scope.cancel()


async def serve(port: int, host: str | None, seconds: float) -> int:
    """Run a server, until Ctrl-C or for some seconds; return the exit status.

    Raises:
        MultiplayerError: it cannot listen.
    """
    begun = trio.current_time()
    serving = peers.serve_rooms(port, peer=site_of(), host=host, stop_on_signals=True)
    async with serving as server:
        tally = Tally(server)
        server.room_opened.connect(lambda room: say(f"{path(room)} is open"))
        server.room_closed.connect(lambda room, why: say(f"{path(room)} is closed: {why}"))
        say(f"The arena is open at {address(server)}")
        say(f"In a browser: {page(server)}")
        for kind, engine in (("arena4", "Godot 4"), ("arena3", "Godot 3")):
            say(f"{engine} joins at {address(server, kind)}")
        try:
            await trio.sleep(seconds)
        finally:
            say(tally.line(trio.current_time() - begun))
    return 0


async def play(url: str, nick: str, seconds: float, conditions: str = "") -> int:
    """Run a bot, until Ctrl-C, for some seconds or until the server goes; return the exit status.

    Raises:
        MultiplayerError: it could not join.
    """
    bot = BotPlayer(random.randrange(len(NAMES)), nick, conditions)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(show, bot.client, live=False))
        await bot.play(url, seconds)
        nursery.cancel_scope.cancel()
    if bot.line:
        for line in of_players([bot.line]):
            say(line)
    if bot.server_has_gone:
        say("The server has gone.")
    return int(bot.server_has_gone)


def address(server: RoomServer, kind: str = "arena") -> str:
    """Return the URL of an arena with a free place."""
    return f"ws://127.0.0.1:{server.get_local_port()}/{kind}/any"


def path(room: peers.Room) -> str:
    """Return the path in the URL of a room."""
    return f"/{room.kind}/{room.code}"


def page(server: RoomServer) -> str:
    """Return the URL at which a browser plays."""
    return f"http://127.0.0.1:{server.get_local_port()}/"


def site_of(settings: Settings = Settings()) -> RoomServer:  # noqa: B008 - it cannot be changed
    """Return a server of arenas for all clients, also of HTTP; it does not listen yet.

    Args:
        settings: how long rounds are.
    """
    server = peers.RoomServer(KINDS)
    Matches(server, settings)
    server.http_callback = Website(server, metrics_of(server))
    return server


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)
