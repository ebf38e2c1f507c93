"""The command line: ``python -m peers serve``, ``serve-rooms`` and ``join``."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

import peers
from multiplayer import MultiplayerError
from multiplayer.endpoint.channel_settings import SESSION_HEARTBEAT
from multiplayer.testing.simulation.presets import PRESETS, preset

from .cli.arguments import (
    add_address,
    add_tls,
    complain,
    say,
    seconds,
    seconds_or_never,
    why_not,
)
from .cli.collector import nothing_new
from .cli.godot4_relay import Godot4Relay
from .cli.relay import Godot3Relay
from .cli.rooms_command import add_serve_rooms
from .cli.speakers import Godot3, Godot4, Plain
from .cli.terminal import COMMANDS, Terminal
from .websocket.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multiplayer.testing.simulation.conditions import Conditions

    from .cli.relay import Relay


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: the command line; that of the process if None.
    """
    parser = argparse.ArgumentParser(
        prog="python -m peers", description="Godot-style multiplayer peers over WebSocket."
    )
    parser.add_argument("--version", action="version", version=f"gdpeers {peers.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands.add_parser)
    add_serve_rooms(commands.add_parser)
    _add_join(commands.add_parser)
    options = parser.parse_args(arguments)
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="backslashreplace")  # strangers may write what cannot be shown here
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _add_serve(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "serve",
        help="run a relay server",
        description="""Run a relay server for gd_mp peers, real Godot 3 games included, or with
            --godot4 for Godot 4 games.""",
    )
    add_address(parser)
    protocol = parser.add_mutually_exclusive_group()
    protocol.add_argument(
        "--godot4", action="store_true", help="serve games with Godot 4's WebSocketMultiplayerPeer"
    )
    protocol.add_argument(
        "--plain",
        action="store_true",
        help="serve any WebSocket clients: pass each message on to all the others",
    )
    parser.add_argument("--quiet", action="store_true", help="print no joins and leaves")
    parser.add_argument(
        "--stats",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="print a line of totals at this interval, in seconds",
    )
    parser.add_argument(
        "--heartbeat",
        type=seconds_or_never,
        default=SESSION_HEARTBEAT,
        metavar="SECONDS",
        help="""ping clients that have been silent for this many seconds, and disconnect those that
            have been for three times as long; 0 for never (%(default)g)""",
    )
    add_tls(parser)
    _add_conditions(parser)
    parser.set_defaults(command=partial(_serve, parser))


def _serve(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if (options.tls_cert is None) != (options.tls_key is None):
        parser.error("--tls-cert and --tls-key belong together")
    kind = Godot4Relay if options.godot4 else partial(Godot3Relay, plain=options.plain)
    relay: Relay = kind(
        say,
        quiet=options.quiet,
        stats=options.stats,
        heartbeat=options.heartbeat,
        conditions=options.conditions,
    )
    try:
        if options.tls_cert is not None:
            relay.encrypt(options.tls_cert, options.tls_key)
        relay.listen(options.host, options.port)
    except MultiplayerError as error:
        complain("serve", why_not(error, options.port))
        return 1
    try:
        with nothing_new():
            trio.run(relay.run)
    except* KeyboardInterrupt:
        pass  # means the same as the signals that the relay waits for
    say(relay.totals())
    return 0


def _add_join(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "join",
        help="join a session and talk",
        description=f"""Join a gd_mp session, that of a real Godot 3 game included, or with --godot4
            that of a Godot 4 game, and show who comes and goes and what arrives: printable text as
            it is, other packets as bytes. Each line that is typed, or comes from a pipe, is sent to
            everybody, except for {COMMANDS}; //text is sent as /text. The end of the input means
            /quit.""",
        epilog="""exit status: 0 left by /quit, at the end of the input or by Ctrl-C; 1 never
            connected; 2 wrong usage; 3 the server closed the connection, or it was lost.""",
    )
    parser.add_argument("url", metavar="URL", help="the server, as in ws://127.0.0.1:9080")
    protocol = parser.add_mutually_exclusive_group()
    protocol.add_argument(
        "--godot4",
        action="store_true",
        help="join a session of Godot 4's WebSocketMultiplayerPeer; lines go out as send_bytes()",
    )
    protocol.add_argument(
        "--plain",
        action="store_true",
        help="speak to any WebSocket server, in text messages; the only command is /quit",
    )
    parser.add_argument(
        "--heartbeat",
        type=seconds_or_never,
        default=0.0,
        metavar="SECONDS",
        help="""ping a server that has been silent for this many seconds, and leave one that has
            been for three times as long; 0 for never (%(default)g)""",
    )
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument(
        "--cafile",
        metavar="FILE",
        help="trust only servers with this certificate, or one signed by it (PEM)",
    )
    trust.add_argument(
        "--insecure", action="store_true", help="trust whatever certificate the server has"
    )
    _add_conditions(parser)
    parser.set_defaults(command=partial(_join, parser))


def _add_conditions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--conditions",
        type=_preset,
        metavar="NETWORK",
        help=f"""let packets be late, and unreliable ones lost, as on such a network, for playing:
            {", ".join(PRESETS)}""",
    )


def _preset(name: str) -> Conditions:
    try:
        return preset(name)
    except MultiplayerError as error:
        raise argparse.ArgumentTypeError(error.message) from error


def _join(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if (options.cafile or options.insecure) and not options.url.lower().startswith("wss://"):
        parser.error("--cafile and --insecure are for wss:// URLs; others are not encrypted")
    try:
        parse_url(options.url)
    except MultiplayerError as error:
        parser.error(error.message)
    if options.conditions and options.plain:
        parser.error("--conditions is for sessions; a plain client has none")
    kind = Godot4 if options.godot4 else Plain if options.plain else Godot3
    terminal = Terminal(say, partial(complain, "join"), kind, options.conditions)
    terminal.client.heartbeat_interval = options.heartbeat
    if options.cafile is not None:
        terminal.trust(Path(options.cafile))
    if options.insecure:
        terminal.trust(None)
    try:
        trio.run(terminal.run, options.url)
    except* KeyboardInterrupt:
        pass  # means the same as the second of the signals that the terminal heeds
    return terminal.ending


if __name__ == "__main__":
    sys.exit(main())
