"""``python -m peers serve-rooms --redis URL --node NAME``: rooms shared with other nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from multiplayer.endpoint.close_code import CloseCode
from multiplayer.rooms.lease import Policy
from peers.cluster.groups import open_group
from peers.cluster.node import Node
from peers.cluster.redis_directory import RedisDirectory
from peers.driving.drivable import leaving_patience
from peers.driving.stop_signals import STOP_SIGNALS
from peers.trio import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from peers.cluster.tls_end import TlsEnd
    from peers.rooms.room_server import RoomServer


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What the command line says of a node.

    Attributes:
        redis: the URL of the directory.
        name: the node's name.
        host: the address at which other nodes reach it.
        port: the port there; 0 for a free one.
        isolated: what becomes of rooms while the directory cannot be reached.
        save_every: how often rooms are saved at least, in seconds.
        drain: over how many seconds rooms are given away at the end.
    """

    redis: str
    name: str
    host: str = "127.0.0.1"
    port: int = 0
    isolated: Policy = Policy.KEEP
    save_every: float = 5.0
    drain: float = 1.0


async def serve_node(
    server: RoomServer,
    options: NodeOptions,
    where: str,
    say: Callable[[str], object],
    tls: TlsEnd | None = None,
) -> None:
    """Share the rooms of a server that has begun, until a signal asks to stop; then give them away.

    A second signal ends it at once.

    Args:
        server: has begun.
        options: the command line.
        where: where it listens.
        say: takes each line for the terminal.
        tls: has the port, if it is encrypted.

    Raises:
        MultiplayerError: as for ``RedisDirectory.opened`` and ``Node.joined``.
    """
    joined, stopping, ended = trio.Event(), trio.Event(), trio.Event()
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        async with open_group() as nursery:

            async def drive() -> None:
                await run(server)
                ended.set()

            policies = dict.fromkeys(server.kinds, options.isolated)
            say(f"waiting for {_without_password(options.redis)}")
            async with RedisDirectory.opened(options.redis) as directory:
                nursery.start_soon(_heed, signals, joined, stopping, nursery.cancel_scope)
                async with Node.joined(
                    server,
                    directory,
                    options.name,
                    host=options.host,
                    port=options.port,
                    policies=policies,
                    save_every=options.save_every,
                ) as node:
                    joined.set()
                    # Not before: it would open rooms, and refuse seats, that are other nodes'.
                    nursery.start_soon(drive)
                    if tls is not None:
                        nursery.start_soon(tls.run)
                    say(f"node {options.name}, listening on {where}")
                    await stopping.wait()
                    await node.drain(options.drain)
                    server.begin_leaving(CloseCode.MOVED, "retry=1")
            with trio.move_on_after(leaving_patience(server)):
                await ended.wait()
            nursery.cancel_scope.cancel()


async def _heed(
    signals: AsyncIterator[int], joined: trio.Event, stopping: trio.Event, scope: trio.CancelScope
) -> None:
    await anext(signals)
    if joined.is_set():  # else there is nothing to give away, and perhaps no directory
        stopping.set()
        await anext(signals)
    scope.cancel()


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
