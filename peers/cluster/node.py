"""``Node``: one of several processes or machines that share their rooms by a directory."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Self

import trio

from multiplayer import Error, MultiplayerError
from multiplayer.rooms.directory_entries import NodeEntry
from multiplayer.rooms.lease import LeaseTerms, Policy

from .directory import DirectoryError
from .draining import drain
from .groups import open_group
from .keeper import RoomKeeper
from .locator import Locator, refuse_for_now
from .opening import RoomOpener
from .other_rooms import OtherRooms
from .visitors import Visitors

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from peers.rooms.room_server import RoomServer

    from .directory import Directory

_LEAVING: Final = 1.0
"""How long the last words to a directory may take, in seconds."""

_SECRET_BYTES: Final = 32


class Node:
    """One of several servers of rooms; made by :meth:`joined`.

    Attributes:
        entry: how others reach it.
    """

    def __init__(
        self, entry: NodeEntry, server: RoomServer, keeper: RoomKeeper, locator: Locator
    ) -> None:
        self.entry = entry
        self._server = server
        self._keeper = keeper
        self._locator = locator

    @classmethod
    @asynccontextmanager
    async def joined(
        cls,
        server: RoomServer,
        directory: Directory,
        name: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        bind: str | None = None,
        url: str = "",
        terms: LeaseTerms | None = None,
        policies: Mapping[str, Policy] | None = None,
        save_every: float = 5.0,
        most_spliced: int = 4096,
    ) -> AsyncGenerator[Self]:
        """Share the rooms of a server with other nodes, for a block.

        A client that asks any node for a room comes to the node that has it. Rooms of a node that
        has died are opened again on another one, as they were saved last. The block begins once
        the directory has been reached. When it is left, other nodes may take the rooms at once;
        call :meth:`drain` before, to lose nothing.

        Args:
            server: has listened, and has no rooms yet; it is polled in this run of trio.
            directory: the same for all nodes.
            name: of this node, for people; each start of it has an incarnation of its own.
            host: the address at which other nodes reach this one.
            port: the TCP port for connections that they pass on; 0 for a free one. Others than
                nodes should not reach it, though they can do nothing there.
            bind: the address to listen on there; None for ``host``.
            url: where clients reach this node directly; "" if they cannot.
            terms: how long a lease is, the same for all nodes.
            policies: what becomes of a room while the directory cannot be reached, by kind;
                ``Policy.KEEP`` for others.
            save_every: rooms are saved when somebody comes or goes, and every so many seconds.
            most_spliced: how many connections may be passed on to other nodes at a time.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: the name is empty, or holds blanks or "/";
                ``ERR_ALREADY_IN_USE``: the server has rooms, or a resolver.
            OSError: the port cannot be had.
        """
        _check(server, name)
        incarnation = f"{name}/{secrets.token_hex(8)}"
        server.resolver = refuse_for_now
        try:
            (listener,) = await trio.open_tcp_listeners(port, host=bind or host)
        except BaseException:
            server.resolver = None
            raise
        entry = NodeEntry(incarnation, host, listener.socket.getsockname()[1], url)
        keeper = RoomKeeper(
            server,
            directory,
            entry,
            terms=terms or LeaseTerms(),
            policies=policies or {},
            save_every=save_every,
        )
        opener = RoomOpener(server, directory, keeper, incarnation)
        visitors = Visitors(server, incarnation)
        async with open_group() as nursery:
            locator = Locator(
                server,
                directory,
                keeper,
                opener,
                entry,
                nursery,
                is_passed=visitors.is_passed,
                most_spliced=most_spliced,
            )
            server.room_opened.connect(keeper.opened)
            server.room_changed.connect(keeper.changed)
            server.room_closed.connect(keeper.closed)
            others = OtherRooms(server, directory, nursery)
            server.resolver, server.holder = locator.resolve, locator.holds
            server.elsewhere = others
            try:

                def share(secret: bytes) -> None:
                    server.secret = locator.secret = visitors.secret = secret

                async def remind() -> None:
                    share(await directory.secret(server.secret))

                share(await _secret(directory))
                keeper.remind = remind
                await keeper.beat_once()
                nursery.start_soon(partial(trio.serve_listeners, visitors.receive, [listener]))
                for task in (
                    keeper.beat_forever,
                    keeper.watch_forever,
                    keeper.claim_forever,
                    keeper.work_forever,
                    opener.take_forever,
                    others.look_forever,
                ):
                    nursery.start_soon(task)
                yield cls(entry, server, keeper, locator)
            finally:
                server.resolver = refuse_for_now
                server.holder = server.elsewhere = None
                server.room_opened.disconnect(keeper.opened)
                server.room_changed.disconnect(keeper.changed)
                server.room_closed.disconnect(keeper.closed)
                nursery.cancel_scope.cancel()
                with trio.CancelScope(shield=True):
                    await trio.aclose_forcefully(listener)
                    with trio.move_on_after(_LEAVING):
                        await _leave(directory, incarnation)
                    server.resolver = None

    @property
    def spliced(self) -> int:
        """How many connections are passed on to other nodes at the moment."""
        return self._locator.spliced

    def owns(self, code: str) -> bool:
        """Return whether a room is surely of this node."""
        return self._keeper.lease.owns(code, trio.current_time())

    @property
    def is_isolated(self) -> bool:
        """Whether the directory has not answered for so long that others may take its rooms."""
        return not self._keeper.lease.is_held(trio.current_time())

    async def drain(self, seconds: float = 5.0) -> None:
        """Give all rooms to other nodes, as before a deploy; no new ones are opened meanwhile.

        Each room is saved and closed with 4012; its players come back, to the same code and seat
        on another node. It returns once all rooms are closed here.

        Args:
            seconds: over how long a time the rooms are closed, so that not all players come back
                at once.
        """
        await drain(self._server, self._keeper, seconds)


async def _secret(directory: Directory) -> bytes:
    """Return what all nodes share, as soon as the directory can be reached."""
    offered = secrets.token_bytes(_SECRET_BYTES)
    while True:
        try:
            return await directory.secret(offered)
        except DirectoryError:
            await trio.sleep(0.25)


async def _leave(directory: Directory, incarnation: str) -> None:
    with suppress(DirectoryError):  # the lease ends by itself
        await directory.leave(incarnation)


def _check(server: RoomServer, name: str) -> None:
    if not name or len(name) > 64 or "/" in name or name.split() != [name]:
        message = f"{name!r} cannot name a node; take a word of at most 64 letters without a slash"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if server.rooms or server.resolver is not None:
        message = "this server has rooms or a resolver already; let it join before it has any"
        raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
