"""``python -m demos.arena``: a server, four bots and a view; or one part of it alone."""

from __future__ import annotations

import argparse
import gc
import math
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from demos.arena import command
from multiplayer import Error, MultiplayerError
from multiplayer.testing import PRESETS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for and return the exit status."""
    options = _parser().parse_args(arguments)
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="replace")  # others may have names that cannot be shown here
    failure: BaseException | None = None
    try:
        if options.command == "play":
            return _play(options)
        gc.collect()
        gc.freeze()  # modules and classes stay: going through them all would cost a tick
        return trio.run(_chosen(options), strict_exception_groups=True)
    except* MultiplayerError as group:
        failure = group
    except* KeyboardInterrupt:
        pass  # the way out
    except* BrokenPipeError:  # whoever read the lines has enough of them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        gc.unfreeze()
    if failure is None:
        return 0
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    print(f"Something went wrong: {failure}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    bad_network: dict[str, Any] = {
        "default": "",
        "choices": [*PRESETS],
        "metavar": "PRESET",
        "help": "play on a bad network: " + ", ".join(PRESETS),
    }
    parser = argparse.ArgumentParser(prog="python -m demos.arena", description=__doc__)
    parser.add_argument("--seconds", type=float, help="for how long; by default 60 in a terminal")
    parser.add_argument("--conditions", **bad_network)
    commands = parser.add_subparsers(dest="command")
    server = commands.add_parser("server", help="host arenas")
    server.add_argument("--port", type=int, default=9080, help="0 for a free one (%(default)s)")
    server.add_argument("--host", help="where to listen; * for everywhere (127.0.0.1)")
    bot = commands.add_parser("bot", help="join one, and play by itself")
    play = commands.add_parser("play", help="join one in a window; takes pygame-ce")
    for each in (bot, play):
        each.add_argument("--url", default="ws://127.0.0.1:9080/arena/any", help="(%(default)s)")
        each.add_argument("--name", default="", help="what the others call the player")
        each.add_argument("--conditions", **bad_network)
    for each in (server, bot, play):
        each.add_argument("--seconds", type=float, default=math.inf, help="for ever by default")
    return parser


def _chosen(options: argparse.Namespace) -> Callable[[], Awaitable[int]]:
    if options.command == "server":
        return partial(command.serve, options.port, options.host, options.seconds)
    if options.command == "bot":
        return partial(command.play, options.url, options.name, options.seconds, options.conditions)
    return partial(command.demo, options.seconds, options.conditions)


def _play(options: argparse.Namespace) -> int:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it is in the README
    try:
        from demos.arena import window  # noqa: PLC0415 - only this command takes pygame-ce
    except ImportError as error:
        if error.name != "pygame":
            raise
        message = "the window takes pygame-ce: pip install pygame-ce"
        raise MultiplayerError(Error.ERR_UNAVAILABLE, message) from error
    return window.play(options.url, options.name or "You", options.seconds, options.conditions)


if __name__ == "__main__":
    sys.exit(main())
