"""``Doorman``: brings each connection to its room, or lets it wait, or turns it away."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.resume_words import KeyedSeat, read_wish
from multiplayer.endpoint.seat_keys import hash_of
from multiplayer.endpoint.seats import GONE
from multiplayer.rooms.addresses import RoomAddress, Wish
from multiplayer.rooms.attempts import Attempts
from multiplayer.rooms.lobby import LobbySettings
from multiplayer.rooms.room_codes import spelled
from peers.websocket.http_head import HttpRefusedError

from .front import NO_ROOM, Front
from .waiting import Waiting

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from peers.websocket.link import Link

    from .front import RoomRequest
    from .room_session import RoomSession
    from .room_table import RoomTable

Resolver = Callable[[RoomAddress, Waiting], bool]
"""Asked about a room that is not here; see ``RoomServer.resolver``."""

Holder = Callable[[RoomAddress], bool]
"""Asked about a room that is here: whether the resolver is to see to the connection first."""


_MOST_TRIED: Final = 16
"""How many rooms are tried for somebody who wants any, if each loses its place meanwhile."""


class Opener(Protocol):
    """The server, which opens rooms."""

    @property
    def front(self) -> Front:
        """What has the connections that are in no room yet."""
        ...

    @property
    def table(self) -> RoomTable:
        """The rooms."""
        ...

    def open_for(self, kind: str, address: str, options: Mapping[str, str]) -> RoomSession:
        """Open a room because a client from that address wants one.

        Raises:
            HttpRefusedError: it cannot be opened.
        """
        ...


class Doorman:
    """Brings connections to rooms.

    Args:
        opener: the server.

    Attributes:
        resolver: asked about a room that is not here.
        holder: asked whether the resolver is to see first to who comes to a room that is here.
        attempts: counts codes that no room has, by address.
    """

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self.resolver: Resolver | None = None
        self.holder: Holder | None = None
        self.attempts = Attempts(*LobbySettings().codes)

    def receive(self, link: Link, request: RoomRequest) -> None:
        """Bring a connection to its room.

        Raises:
            HttpRefusedError: there is none.
        """
        if request.tried >= _MOST_TRIED:  # then nobody can be quicker
            request = replace(request, room=request.room._replace(wish=Wish.NEW))
        tries = request.room.wish is Wish.NAMED
        if request.returns:
            session = self._opener.table.by_code.get(request.room.code)
        elif tries and self.attempts.is_spent(link.address, self._opener.front.now()):
            session = self._find_known(request)
        else:
            session = None if request.tried else self._find_by_key(request)
            session = session or self._find(request.room)
        if session is not None and self.holder is not None and not request.returns:
            named = request.room._replace(wish=Wish.NAMED, kind=session.kind, code=session.code)
            if self.holder(named):
                request, session = replace(request, room=named), None
        if session is None and self.resolver is not None:
            waiting = Waiting(weakref.proxy(self), link, request)
            if self.resolver(request.room, waiting):
                return
        if session is None:
            wish, kind = request.room[:2]
            if request.returns:
                raise HttpRefusedError(CloseCode.SEAT_GONE, GONE)
            if wish is Wish.NAMED:
                self.attempts.spend(link.address, self._opener.front.now())
                raise HttpRefusedError(CloseCode.NO_SUCH_ROOM, NO_ROOM)
            session = self._opener.open_for(kind, link.address, request.room.options)
            request = replace(request, opens=True)
        self._bring(session, link, request)

    def _find(self, room: RoomAddress) -> RoomSession | None:
        table = self._opener.table
        if room.wish is Wish.NAMED:
            by_code = table.by_code
            session = by_code.get(room.code) or by_code.get(spelled(room.code))
            return session if session is not None and room.kind in ("", session.kind) else None
        return next(table.with_place(room.kind), None) if room.wish is Wish.ANY else None

    def _find_by_key(self, request: RoomRequest) -> RoomSession | None:
        """Return the room where a client that wants any has its seat, by the key in its URL."""
        room = request.room
        session = None if room.wish is Wish.NAMED else self._seat_of(request)
        return session if session is not None and session.kind == room.kind else None

    def _seat_of(self, request: RoomRequest) -> RoomSession | None:
        """Return the room where a client has its seat, by the key in its URL."""
        wish = read_wish(request.target)
        if not isinstance(wish, KeyedSeat):
            return None
        return self._opener.table.of_keys.get(hash_of(wish.key))

    def _find_known(self, request: RoomRequest) -> RoomSession | None:
        """Return the room of a request from an address that has tried too many codes.

        Raises:
            HttpRefusedError: it has nothing from there, so the answer is the same as for a code
                that no room has.
        """
        room = request.room
        session = self._find(room)
        if room.reservation:
            now = self._opener.front.now()
            if session is not None and session.reservations.knows(room.reservation, now):
                return session
        if session is not None and self._seat_of(request) is session:
            return session
        raise HttpRefusedError(CloseCode.NO_SUCH_ROOM, NO_ROOM)

    def _bring(self, session: RoomSession, link: Link, request: RoomRequest) -> None:
        session.bring(link, request, self._opener.front)

    # ---------------------------------------------------------------- who waits

    def is_here(self, link: Link) -> bool:
        """Return whether a connection still waits to be brought to a room."""
        return link.opening and not link.over and link in self._opener.front.sockets.connections

    def look_again(self, link: Link, request: RoomRequest, code: str) -> None:
        """Bring a connection that has waited to its room, if that is here by now."""
        room = request.room
        if code:
            room = room._replace(wish=Wish.NAMED, code=code, kind="")
        session = self._find(room)
        if session is None and request.room.wish is Wish.ANY:  # it has closed meanwhile
            self._opener.front.ask_again(link, request)
            return
        if session is None:
            gone = CloseCode.SEAT_GONE, GONE
            self.turn_away(link, *(gone if request.returns else (CloseCode.NO_SUCH_ROOM, NO_ROOM)))
            return
        is_first = not (session.players or session.owner)
        opens = request.room.wish is not Wish.NAMED and is_first
        if opens or request.room.wish is not Wish.ANY:  # otherwise it may still need another
            request = replace(request, room=room, opens=opens)
        self._bring(session, link, request)

    def turn_away(self, link: Link, code: int, reason: str) -> None:
        """Refuse a connection that has waited."""
        front = self._opener.front
        if int(code) == int(CloseCode.NO_SUCH_ROOM):
            self.attempts.spend(link.address, front.now())
        link.turn_away(code, reason, front.now())
        front.endpoint.look_at(link)
        front.wake()

    def give_away(self, link: Link) -> socket.socket:
        """Forget a connection that has waited, and return its socket.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it has none any more.
        """
        front = self._opener.front
        sock = front.sockets.let_go(link)
        if sock is None:
            message = "this connection has no socket any more"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        link.abandon()
        front.endpoint.drop(link)
        return sock
