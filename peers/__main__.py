"""The command line: ``python -m peers serve``, ``serve-rooms`` and ``join``."""

from __future__ import annotations

import argparse
import math
import os
import sys
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.channel_settings import SESSION_HEARTBEAT
from multiplayer.rooms.lease import Policy
from multiplayer.rooms.supervision import BEAT_PATIENCE
from multiplayer.testing.simulation.presets import PRESETS, preset

from .cli.godot4_relay import Godot4Relay
from .cli.relay import Godot3Relay
from .cli.serve_node import NodeOptions
from .cli.serve_rooms import RoomsOptions, serve_rooms
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
    parser.add_argument("--version", action="version", version=f"gdpeers {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands.add_parser)
    _add_serve_rooms(commands.add_parser)
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
    _add_address(parser)
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
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="print a line of totals at this interval, in seconds",
    )
    parser.add_argument(
        "--heartbeat",
        type=_seconds_or_never,
        default=SESSION_HEARTBEAT,
        metavar="SECONDS",
        help="""ping clients that have been silent for this many seconds, and disconnect those that
            have been for three times as long; 0 for never (%(default)g)""",
    )
    _add_tls(parser)
    _add_conditions(parser)
    parser.set_defaults(command=partial(_serve, parser))


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", default="127.0.0.1", help='address to listen on, "*" for all (%(default)s)'
    )
    parser.add_argument(
        "--port", type=int, default=9080, help="TCP port, 0 for a free one (%(default)s)"
    )


def _add_tls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tls-cert", metavar="FILE", help="certificate (PEM), with its chain: serve wss:// only"
    )
    parser.add_argument("--tls-key", metavar="FILE", help="private key of the certificate (PEM)")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < math.inf:
        raise ValueError
    return seconds


def _seconds_or_never(text: str) -> float:
    return 0.0 if float(text) == 0 else _seconds(text)


# What argparse calls a wrong one.
_seconds.__name__ = _seconds_or_never.__name__ = "number of seconds"


def _serve(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if (options.tls_cert is None) != (options.tls_key is None):
        parser.error("--tls-cert and --tls-key belong together")
    kind = Godot4Relay if options.godot4 else partial(Godot3Relay, plain=options.plain)
    relay: Relay = kind(
        _say,
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
        _complain("serve", _why(error, options.port))
        return 1
    try:
        trio.run(relay.run)
    except* KeyboardInterrupt:
        pass  # means the same as the signals that the relay waits for
    _say(relay.totals())
    return 0


def _add_serve_rooms(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add_parser(
        "serve-rooms",
        help="run a server of rooms",
        description="""Serve rooms of your game behind one port: each class that derives from
            peers.Room is a kind of room, reached by /KIND/new, /KIND/any and /KIND/CODE. With
            --workers, several processes have the rooms; those that die are replaced, and their
            rooms restored from what they have saved.""",
    )
    parser.add_argument(
        "kinds",
        nargs="+",
        metavar="MODULE:CLASS",
        help="a kind of room, as in game:Duel; NAME=MODULE:CLASS for another name than duel",
    )
    _add_address(parser)
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="how many processes have the rooms; 0 or 1 for this one alone (%(default)s)",
    )
    parser.add_argument(
        "--save-every",
        type=_seconds,
        metavar="SECONDS",
        help="""with workers or --redis, save each room at this interval, besides whenever
            somebody comes or goes (5)""",
    )
    parser.add_argument(
        "--patience",
        type=_seconds,
        metavar="SECONDS",
        help=f"""replace a worker that has given no sign of life for this many seconds
            ({BEAT_PATIENCE:g})""",
    )
    parser.add_argument(
        "--drain",
        type=_seconds_or_never,
        metavar="SECONDS",
        help="""with workers or --redis, when asked to stop, close rooms over this many seconds,
            with 4012, after which clients come back (1); one process closes all at once""",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FILE",
        help="""write the rooms that are open to this file at the end, and go on with those in it at
            the beginning, so that a restart ends no game; keep it secret""",
    )
    parser.add_argument(
        "--setup",
        default="",
        metavar="MODULE:FUNCTION",
        help="""a function that is called with each RoomServer before it begins, for its settings,
            in each process: as in game:setup""",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing about rooms")
    _add_tls(parser)
    _add_node(parser)
    parser.set_defaults(command=partial(_serve_rooms, parser))


def _add_node(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "several machines", "share the rooms with other nodes, by a directory in Redis or Valkey"
    )
    group.add_argument("--redis", metavar="URL", help="the directory, as in redis://10.0.0.1:6379")
    group.add_argument("--node", metavar="NAME", help="this node's name; needs --redis")
    group.add_argument(
        "--node-host",
        metavar="ADDRESS",
        help="the address at which other nodes reach this one (127.0.0.1)",
    )
    group.add_argument(
        "--node-port",
        type=int,
        metavar="PORT",
        help="the TCP port for what other nodes pass on; 0 for a free one (0)",
    )
    group.add_argument(
        "--isolated",
        choices=[policy.value for policy in Policy],
        help="""what rooms do while the directory cannot be reached: keep on playing, without
            newcomers, or fence, that is close (keep)""",
    )


def _node_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> NodeOptions | None:
    if (options.redis is None) != (options.node is None):
        parser.error("--redis and --node belong together")
    if options.redis is None:
        return None
    if options.workers > 1:
        parser.error("--redis takes one process; start another node for each more, with its port")
    if options.keep is not None:
        parser.error("--redis and --keep exclude each other: the directory keeps the rooms")
    return NodeOptions(
        redis=options.redis,
        name=options.node,
        host=options.node_host or "127.0.0.1",
        port=options.node_port or 0,
        isolated=Policy(options.isolated or Policy.KEEP),
        **_given(options, "save_every", "drain"),
    )


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return those options that were given; the others have their defaults where they count."""
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _refuse_what_does_nothing(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    has_workers, is_node = options.workers > 1, options.redis is not None
    for name, counts, needs in (
        ("patience", has_workers, "--workers 2 or more"),
        ("save_every", has_workers or is_node, "--workers 2 or more, or --redis"),
        ("drain", has_workers or is_node, "--workers 2 or more, or --redis"),
        ("node_host", is_node, "--redis"),
        ("node_port", is_node, "--redis"),
        ("isolated", is_node, "--redis"),
    ):
        if getattr(options, name) is not None and not counts:
            parser.error(f"--{name.replace('_', '-')} does nothing without {needs}")


def _serve_rooms(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if (options.tls_cert is None) != (options.tls_key is None):
        parser.error("--tls-cert and --tls-key belong together")
    if options.workers < 0:
        parser.error("--workers takes a number of processes, 0 for none besides this one")
    _refuse_what_does_nothing(parser, options)
    rooms = RoomsOptions(
        kinds=options.kinds,
        host=options.host,
        port=options.port,
        workers=options.workers,
        certificate=options.tls_cert and Path(options.tls_cert),
        key=options.tls_key and Path(options.tls_key),
        quiet=options.quiet,
        setup=options.setup,
        keep=options.keep,
        node=_node_of(parser, options),
        **_given(options, "save_every", "patience", "drain"),
    )
    status = 0
    try:
        serve_rooms(rooms, _say)
    except* KeyboardInterrupt:
        pass  # means the same as the signals that it heeds
    except* MultiplayerError as errors:
        (error,) = errors.exceptions
        assert isinstance(error, MultiplayerError)
        _complain("serve-rooms", _why(error, options.port))
        status = 1
    return status


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
        type=_seconds_or_never,
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
    terminal = Terminal(_say, partial(_complain, "join"), kind, options.conditions)
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


def _why(error: MultiplayerError, port: int) -> str:
    if error.code == Error.ERR_ALREADY_IN_USE:
        return f"port {port} is in use; choose another, or --port 0 for a free one"
    return error.message


def _complain(command: str, why: str) -> None:
    print(f"python -m peers {command}: {why}", file=sys.stderr, flush=True)


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
