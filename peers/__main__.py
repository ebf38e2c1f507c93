"""The command line: ``python -m peers serve``."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import trio

from multiplayer import Error, MultiplayerError

from .relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: the command line; that of the process if None.
    """
    parser = argparse.ArgumentParser(
        prog="python -m peers", description="Godot-style multiplayer peers over WebSocket."
    )
    parser.add_argument("--version", action="version", version=f"gdpeers {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands.add_parser)
    options = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _add_serve(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "serve",
        help="run a relay server",
        description="Run a relay server for gd_mp peers, real Godot 3 games included.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help='address to listen at, "*" for all (%(default)s)'
    )
    parser.add_argument(
        "--port", type=int, default=9080, help="TCP port, 0 for a free one (%(default)s)"
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="serve any WebSocket clients: pass each message on to all the others",
    )
    parser.add_argument("--quiet", action="store_true", help="print no joins and leaves")
    parser.set_defaults(command=_serve)


def _serve(options: argparse.Namespace) -> int:
    relay = Relay(_say, plain=options.plain, quiet=options.quiet)
    try:
        relay.listen(options.host, options.port)
    except MultiplayerError as error:
        why = error.message
        if error.code == Error.ERR_ALREADY_IN_USE:
            why = f"port {options.port} is in use; choose another, or --port 0 for a free one"
        print(f"python -m peers serve: {why}", file=sys.stderr)
        return 1
    try:
        trio.run(relay.run)
    except* KeyboardInterrupt:
        pass  # means the same as the signals that the relay waits for
    _say(relay.totals())
    return 0


def _say(line: str) -> None:
    """Print a line at once; if nobody reads any more, go on without."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end, and that must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version() -> str:
    try:
        return version("gdpeers")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
