"""``python -m demos.chat``: the scripted conversation; ``server`` and ``client`` are for people."""

from __future__ import annotations

import argparse
import sys

import trio

from demos.chat import interactive, scripted
from multiplayer import MultiplayerError


def main() -> int:
    """Run what the command line asks for and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m demos.chat", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    server = commands.add_parser("server", help="host a chat")
    server.add_argument("--port", type=int, default=9080, help="0 for a free one (%(default)s)")
    client = commands.add_parser("client", help="join a chat")
    client.add_argument("--name", required=True, help="what the others call you")
    client.add_argument("--url", default="ws://127.0.0.1:9080", help="the server (%(default)s)")
    options = parser.parse_args()
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="backslashreplace")  # others may type what cannot be shown here
    try:
        if options.command == "server":
            return trio.run(interactive.host, options.port)
        if options.command == "client":
            return trio.run(interactive.join, options.url, options.name)
        trio.run(scripted.play)
    except (MultiplayerError, LookupError) as error:
        print(f"Something went wrong: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass  # the way out of a chat
    return 0


if __name__ == "__main__":
    sys.exit(main())
