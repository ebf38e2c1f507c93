"""``Locator``: brings connections to rooms of other nodes, and rooms to connections."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.seats import GONE
from multiplayer.rooms.addresses import Wish
from multiplayer.rooms.letter import write_letter
from multiplayer.rooms.room_codes import spelled
from peers.rooms.front import NO_ROOM

from .directory import DirectoryError
from .keeper import RETRY
from .splice import dial, splice, stream_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from multiplayer.rooms.addresses import RoomAddress
    from multiplayer.rooms.directory_entries import NodeEntry
    from peers.rooms.room_server import RoomServer
    from peers.rooms.waiting import Waiting

    from .directory import Directory
    from .keeper import RoomKeeper
    from .opening import RoomOpener

_log = logging.getLogger(__name__)

LATER: Final = "rooms cannot be found at the moment; try later"
NO_NEW_ROOMS: Final = "no new rooms can be opened at the moment; try later"

_PAUSE: Final = 0.1
"""How long to wait before looking again where a room is whose node does not answer, in seconds."""

_CLAIM_PATIENCE: Final = 2.0
"""How long to wait until a room that was opened here is claimed, in seconds."""

_PATIENCE: Final = 8.0
"""For how long to look, in seconds: longer than a lease."""


def refuse_for_now(address: RoomAddress, waiting: Waiting) -> bool:
    """Be the resolver of a server whose node comes or goes: what it lacks may be elsewhere.

    Without it the server would speak for itself alone, and tell a player who comes back that its
    seat is gone, which is the end of its session.
    """
    del address
    waiting.refuse(CloseCode.TRY_LATER, LATER)
    return True


class Locator:
    """Finds rooms that are not here.

    Args:
        server: whose connections ask for them.
        directory: knows where they are.
        keeper: has the rooms of this node.
        opener: opens more of them.
        node: this node.
        nursery: has what is done for each connection.
        is_passed: returns whether another node has passed a connection on to here already.
        most_spliced: how many connections may be spliced to other nodes at a time.

    Attributes:
        secret: what all nodes share; b"" until it is known.
        spliced: how many connections are spliced to other nodes.
    """

    def __init__(
        self,
        server: RoomServer,
        directory: Directory,
        keeper: RoomKeeper,
        opener: RoomOpener,
        node: NodeEntry,
        nursery: trio.Nursery,
        *,
        is_passed: Callable[[tuple[str, int]], bool],
        most_spliced: int,
    ) -> None:
        self._server = server
        self._directory = directory
        self._keeper = keeper
        self._opener = opener
        self._node = node
        self._nursery = nursery
        self._is_passed = is_passed
        self._most_spliced = most_spliced
        self._opening: defaultdict[str, trio.Lock] = defaultdict(trio.Lock)  # of each kind
        self._failed = -math.inf  # when the last of those rooms could not be claimed
        self.secret = b""
        self.spliced = 0

    def resolve(self, address: RoomAddress, waiting: Waiting) -> bool:
        """Take care of a connection whose room is not here; see ``RoomServer.resolver``."""
        if address.wish is Wish.NAMED:
            self._nursery.start_soon(self._heed, self._find, address, waiting)
        elif address.kind in self._server.kinds:
            step = self._open_any if address.wish is Wish.ANY else self._open
            self._nursery.start_soon(self._heed, step, address, waiting)
        else:
            return False
        return True

    async def _heed(
        self,
        step: Callable[[RoomAddress, Waiting], Awaitable[None]],
        address: RoomAddress,
        waiting: Waiting,
    ) -> None:
        try:
            await step(address, waiting)
        except DirectoryError:
            waiting.refuse(CloseCode.TRY_LATER, LATER)
        except Exception:
            _log.exception("a connection could not be brought to its room")
            waiting.refuse(CloseCode.TRY_LATER, LATER)

    async def _open_any(self, address: RoomAddress, waiting: Waiting) -> None:
        """Open a room, unless there is one with a place once those are served who came before.

        If the directory does not answer one of them, it would not answer the others either.
        """
        since = trio.current_time()
        async with self._opening[address.kind]:
            if not waiting.is_here:
                return
            session = next(self._server.table.with_place(address.kind), None)
            if session is None:
                if since <= self._failed:
                    waiting.refuse(CloseCode.TRY_LATER, LATER)
                    return
                try:
                    await self._open(address, waiting)
                except DirectoryError:
                    self._failed = trio.current_time()
                    raise
                return
        await self._admit(address._replace(code=session.code), waiting)

    async def _open(self, address: RoomAddress, waiting: Waiting) -> None:
        server = self._server
        creator = waiting.remote_address[0]
        opened = server.table.opened_by(creator)
        if 0 < server.max_rooms_per_address <= opened:
            waiting.refuse(CloseCode.TRY_LATER, "your address has opened too many rooms")
            return
        if self._keeper.draining:
            waiting.refuse(CloseCode.MOVED, RETRY)
            return
        room = await self._opener.open_new(address.kind, address.options, creator)
        if room is None:
            waiting.refuse(CloseCode.TRY_LATER, NO_NEW_ROOMS)
        else:
            waiting.go_on(room.code)

    def holds(self, address: RoomAddress) -> bool:
        """Return whether to see first to a connection whose room is here: see ``_admit``."""
        if self._keeper.is_unsure(address.code):
            return True
        session = self._server.table.by_code[address.code]
        return bool(address.reservation) and not session.reservations.knows(
            address.reservation, self._server.now()
        )

    async def _admit(self, address: RoomAddress, waiting: Waiting) -> None:
        """Bring a connection to a room that is here, once it is surely here, with its place."""
        code, reservation = address.code, address.reservation
        with trio.move_on_after(_CLAIM_PATIENCE):
            await self._keeper.wait_until_sure(code)
        if self._keeper.is_unsure(code):
            waiting.refuse(CloseCode.TRY_LATER, LATER)
            return
        session = self._server.table.by_code.get(code)
        if session is not None and reservation:
            now = self._server.now()
            known = session.reservations.knows(reservation, now)
            # The lobby of another node has kept this place.
            if not known and await self._directory.fulfil(code, reservation):
                session.reservations.keep(reservation, now)
        waiting.go_on(code)

    async def _find(self, address: RoomAddress, waiting: Waiting) -> None:
        here = self._server.find(address.code)
        if here is not None and address.kind in ("", here.kind):
            await self._admit(address, waiting)
            return
        until = trio.current_time() + _PATIENCE
        code = address.code
        while waiting.is_here and trio.current_time() < until:
            found = await self._directory.find(code)
            if found is None and spelled(code) != code:
                code = spelled(code)
                continue
            if found is None or address.kind not in ("", found.room.kind):
                gone = waiting.request.returns
                no_room = (CloseCode.SEAT_GONE, GONE) if gone else (CloseCode.NO_SUCH_ROOM, NO_ROOM)
                waiting.refuse(*no_room)
                return
            owner = found.owner
            if owner is None or owner.incarnation == self._node.incarnation:
                if await self._opener.take(code, found.room.kind) is not None:
                    await self._admit(address._replace(code=code), waiting)
                    return
            elif self._is_passed(waiting.remote_address):
                break  # it has moved since
            elif await self._pass_on(owner, waiting):
                return
            await trio.sleep(_PAUSE)
        waiting.refuse(CloseCode.MOVED, RETRY)

    async def _pass_on(self, owner: NodeEntry, waiting: Waiting) -> bool:
        """Splice a connection to another node; return False if that cannot be reached."""
        if self.spliced >= self._most_spliced:
            waiting.refuse(CloseCode.TRY_LATER, "this server is full")
            return True
        letter = write_letter(self.secret, owner.incarnation, waiting.remote_address)
        try:
            other = await dial(owner.host, owner.port)
        except OSError:
            return False
        try:
            sock, received = waiting.detach()
        except MultiplayerError as error:
            await trio.aclose_forcefully(other)
            if error.code is Error.ERR_UNAVAILABLE:
                _log.warning("a connection cannot be passed on: %s", error)
                waiting.refuse(CloseCode.TRY_LATER, "this server cannot bring you to that room")
            return True
        self.spliced += 1
        try:
            await splice(stream_of(sock), other, first=letter + received)
        finally:
            self.spliced -= 1
        return True
