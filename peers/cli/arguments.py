"""What the commands of ``python -m peers`` share: some arguments, and how they speak."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING

from multiplayer import Error

if TYPE_CHECKING:
    import argparse

    from multiplayer import MultiplayerError


def add_address(parser: argparse.ArgumentParser) -> None:
    """Add where to listen: ``--host`` and ``--port``."""
    parser.add_argument(
        "--host", default="127.0.0.1", help='address to listen on, "*" for all (%(default)s)'
    )
    parser.add_argument(
        "--port", type=int, default=9080, help="TCP port, 0 for a free one (%(default)s)"
    )


def add_tls(parser: argparse.ArgumentParser) -> None:
    """Add ``--tls-cert`` and ``--tls-key``, which belong together."""
    parser.add_argument(
        "--tls-cert", metavar="FILE", help="certificate (PEM), with its chain: serve wss:// only"
    )
    parser.add_argument("--tls-key", metavar="FILE", help="private key of the certificate (PEM)")


def seconds(text: str) -> float:
    """Return a number of seconds above zero, for ``type`` of an argument.

    Raises:
        ValueError: it is none.
    """
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def seconds_or_never(text: str) -> float:
    """Return the same, or 0.

    Raises:
        ValueError: it is neither.
    """
    return 0.0 if float(text) == 0 else seconds(text)


# What argparse calls a wrong one.
seconds.__name__ = seconds_or_never.__name__ = "number of seconds"


def why_not(error: MultiplayerError, port: int) -> str:
    """Return why a server cannot listen on a port, for whoever can choose another."""
    if error.code == Error.ERR_ALREADY_IN_USE:
        return f"port {port} is in use; choose another, or --port 0 for a free one"
    return error.message


def complain(command: str, why: str) -> None:
    """Print why a command fails, to stderr."""
    print(f"python -m peers {command}: {why}", file=sys.stderr, flush=True)


def say(line: str) -> None:
    """Print a line at once; if nobody reads any more, go on without."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end, and that must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
