"""What the front starts: ``python -m peers.workers MODULE:CLASS[,…]``; of no use by itself."""

from __future__ import annotations

import argparse
import gc
import sys
from typing import TYPE_CHECKING

import trio

from multiplayer import MultiplayerError

from .kinds import load_kinds, load_setup
from .processes import PIPE, inherited_pipe
from .worker import Worker, ignore_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from peers.rooms.room import Room
    from peers.rooms.room_server import RoomServer


def main() -> int:
    """Be a worker, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m peers.workers")
    parser.add_argument("kinds", nargs="+", metavar="MODULE:CLASS")
    parser.add_argument("--save-every", type=float, default=5.0)
    parser.add_argument("--setup")
    options = parser.parse_args()
    ignore_signals()
    try:
        kinds = load_kinds(options.kinds)
        setup = options.setup and load_setup(options.setup)
    except MultiplayerError as error:
        print(f"python -m peers.workers: {error.message}", file=sys.stderr, flush=True)
        return 1
    gc.freeze()  # what is here now stays: the collector need not look at it again
    trio.run(_work, kinds, options.save_every, setup)
    return 0


async def _work(
    kinds: dict[str, type[Room]],
    save_every: float,
    setup: Callable[[RoomServer], object] | None,
) -> None:
    try:
        pipe, secret = inherited_pipe()
    except (KeyError, OSError):
        message = f"there is no front ({PIPE}); run python -m peers serve-rooms --workers N"
        raise SystemExit(message) from None
    try:
        await Worker(kinds, pipe, secret=secret, setup=setup, save_every=save_every).run()
    finally:
        pipe.close()


if __name__ == "__main__":
    sys.exit(main())
