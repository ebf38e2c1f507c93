"""The live view in a terminal, by ``rich``; a line a second where there is neither."""

from __future__ import annotations

import contextlib
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import trio

from .picture import DEAD, SHOT, WALL, headline, picture, scores

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.text import Text

    from .client import Client

FRAMES: Final = 15
"""How often a terminal is drawn, a second."""

COLOURS: Final = ("bright_cyan", "bright_magenta", "bright_yellow", "bright_green", "bright_red")


def has_terminal() -> bool:
    """Return whether somebody may be watching, in a terminal that can be drawn in."""
    return sys.stdout.isatty()


async def show(client: Client, *, live: bool) -> None:
    """Show what a player sees until cancelled."""
    if live:
        with contextlib.suppress(ImportError):
            await _draw(client)
    await _tell(client)


async def _tell(client: Client) -> None:
    begun = trio.current_time()
    second = 0
    while True:
        second += 1
        await trio.sleep_until(begun + second)
        round_trip = client.clock.round_trip * 1000
        print(
            f"{second:3} s: {headline(client)}: {scores(client)}; {len(client.shots())} shots, "
            f"{client.hits} hits, round trip {round_trip:.1f} ms",
            flush=True,
        )


async def _draw(client: Client) -> None:
    from rich.live import Live  # noqa: PLC0415 - the group `demos` has it

    with Live(_frame(client), auto_refresh=False, transient=True) as live:
        while True:
            live.update(_frame(client), refresh=True)
            await trio.sleep(1 / FRAMES)


def _frame(client: Client) -> Text:
    from rich.text import Text  # noqa: PLC0415

    figures = sorted(client.figures(), key=lambda figure: figure.id)
    colours = {
        figure.nick[:1]: COLOURS[number % len(COLOURS)] for number, figure in enumerate(figures)
    }
    styles = {WALL: "grey50", SHOT: "bright_white", DEAD: "red"} | colours
    frame = Text()
    frame.append(f" {client.nick} sees: {headline(client)}\n", "bold")
    rows = picture(client)
    frame.append(f"┌{'─' * len(rows[0])}┐\n", "grey50")
    for row in rows:
        frame.append("│", "grey50")
        for letter in row:
            frame.append(letter, styles.get(letter.upper() if letter != DEAD else DEAD, ""))
        frame.append("│\n", "grey50")
    frame.append(f"└{'─' * len(rows[0])}┘\n", "grey50")
    for figure in client.figures():
        hearts = "♥" * figure.health + "♡" * (3 - figure.health)
        away = "  away" if figure.away else ""
        frame.append(
            f" {figure.nick:<16} {figure.score:>3}  {hearts}{away}\n", colours[figure.nick[:1]]
        )
    clock = client.clock
    frame.append(
        f" round trip {1000 * clock.round_trip:.1f} ms, jitter {1000 * clock.jitter:.1f} ms, "
        f"{client.corrections} corrections; any key ends it"
    )
    return frame


@contextmanager
def single_keys() -> Generator[bool]:
    """Have keys arrive one by one; yield whether that works here."""
    try:
        import termios  # noqa: PLC0415 - Windows has none
        import tty  # noqa: PLC0415
    except ImportError:
        yield False
        return
    try:
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, termios.error):
        yield False
        return
    try:
        tty.setcbreak(descriptor)
        yield True
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def key() -> None:
    """Wait for a key, and swallow it."""
    await trio.lowlevel.wait_readable(sys.stdin.fileno())
    os.read(sys.stdin.fileno(), 64)
