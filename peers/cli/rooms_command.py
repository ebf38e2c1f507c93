"""The arguments of ``python -m peers serve-rooms``, and what they mean together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multiplayer import MultiplayerError
from multiplayer.rooms.lease import Policy
from multiplayer.rooms.supervision import BEAT_PATIENCE

from .arguments import add_address, add_tls, complain, say, seconds, seconds_or_never, why_not
from .serve_node import NodeOptions
from .serve_rooms import RoomsOptions, serve_rooms

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add_serve_rooms(add_parser: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the command."""
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
    add_address(parser)
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="how many processes have the rooms; 0 or 1 for this one alone (%(default)s)",
    )
    parser.add_argument(
        "--save-every",
        type=seconds,
        metavar="SECONDS",
        help="""with workers or --redis, save each room at this interval, besides whenever
            somebody comes or goes (5)""",
    )
    parser.add_argument(
        "--patience",
        type=seconds,
        metavar="SECONDS",
        help=f"""replace a worker that has given no sign of life for this many seconds
            ({BEAT_PATIENCE:g})""",
    )
    parser.add_argument(
        "--drain",
        type=seconds_or_never,
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
    add_tls(parser)
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
        serve_rooms(rooms, say)
    except* KeyboardInterrupt:
        pass  # means the same as the signals that it heeds
    except* MultiplayerError as errors:
        (error,) = errors.exceptions
        assert isinstance(error, MultiplayerError)
        complain("serve-rooms", why_not(error, options.port))
        status = 1
    return status
