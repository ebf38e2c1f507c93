"""How a ``RoomServer`` polls those rooms that have something to do, and hears from them."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.errors import one_error
from multiplayer.support.internal import internal
from multiplayer.support.unfinished import count_running

from .room_session import RoomSession
from .server_settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.endpoint.peer_channel import PeerEndpoint

    from .readiness import RoomServerReadiness
    from .room import Room


LOBBY_KIND: Final = ""
"""That of the lobby's own room, which no path names."""

LOBBY_CODE: Final = "lobby"

_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED


class ServerRounds(ServerSettings):
    """Polls rooms; see ``RoomServer``."""

    # ---------------------------------------------------------------- what rooms tell

    @internal
    def stir(self, session: RoomSession) -> None:
        """Poll that room soon."""
        if session in self.table.all:
            self._stirred[session] = None
            self.wake()

    @internal
    def changed(self, session: RoomSession) -> None:
        """Take note that somebody has come or gone, or what lists say has changed."""
        self.table.note(session)
        if session in self.table.all and session.kind != LOBBY_KIND:
            self._changed[session] = None
            self.wake()

    @internal
    def limit_reached(self, session: RoomSession, address: str) -> str:
        """Return the limit that keeps out one more player from an address; "" for none.

        If there is none, it is taken note of that the player is there.
        """
        self.table.note(session)
        limit = self.table.limit_reached(address, self.limits)
        if limit:
            self.front.reach(limit)
        else:
            self.table.visit(session, address)
        return limit

    @internal
    def visit(self, session: RoomSession, address: str) -> None:
        """Take note that a player is back, from an address."""
        self.table.visit(session, address)

    @internal
    def keyed(self, session: RoomSession, key_hash: bytes, *, there: bool) -> None:
        """Take note that the player who has chosen a key has a seat here, or none any more."""
        if there:
            self.table.of_keys[key_hash] = session
        elif self.table.of_keys.get(key_hash) is session:
            del self.table.of_keys[key_hash]

    @internal
    def gone(self, session: RoomSession, address: str) -> None:
        """Take note that a player from an address has lost its connection, or left."""
        self.table.gone(session, address)

    @internal
    def done(self, session: RoomSession) -> None:
        """Take note that a room is closed, and everybody has gone."""
        if session not in self.table.all:
            return
        self.table.remove(session)
        self._stirred.pop(session, None)
        self._changed.pop(session, None)
        self._schedule.forget(session)
        session.below.add_to(self.front.past)
        session.tell_closed()
        if session.kind == LOBBY_KIND:
            self._forget_lobby()
            return
        self.handlers.emit(self.room_closed, 0, room_of(session), session.why)

    def _forget_lobby(self) -> None:
        service, self._service = self._service, None
        self.front.answers = None
        if service is not None and self.room_opened.is_connected(service.opened):
            self.room_opened.disconnect(service.opened)
            self.room_changed.disconnect(service.changed)
            self.room_closed.disconnect(service.closed)

    # ---------------------------------------------------------------- polling

    @property
    def endpoint(self) -> RoomServerReadiness:
        """Tells whoever drives this server when there is something to do."""
        return self._readiness

    def now(self) -> float:
        """Return the time on the server's clock, in seconds."""
        return self.front.now()

    def get_connection_status(self) -> ConnectionStatus:
        """Return CONNECTION_CONNECTED from :meth:`listen` until all have left."""
        front = self.front.get_connection_status()
        return _CONNECTED if front == _CONNECTED or self.table.all else _DISCONNECTED

    def poll(self) -> None:
        """Do all I/O that is possible now, in all rooms that have something to do.

        Raises:
            MultiplayerError: ``ERR_BUSY``: called by a room's method or a listener.
            Exception: what these raised, with ``on_error="raise"``, once everything has been done:
                one exception as itself, several as an ``ExceptionGroup``.
        """
        if self._polling and count_running(ServerRounds.poll, self) > 1:
            message = "a room or a listener called poll(); return, and the poll under way goes on"
            raise MultiplayerError(Error.ERR_BUSY, message)
        errors: list[Exception] = []
        self._polling = True
        try:
            now = self.now()
            self._hall.gather(now)
            self._attempt(self.front.poll, "the front", errors)
            for session in self._due(now):
                self._serve(session, errors)
            for session in [*self._changed]:
                self._changed.pop(session, None)
                self._attempt(partial(self._tell_changed, session), "room_changed", errors)
        finally:
            self._polling = False
        if errors:
            raise one_error(errors, "several handlers failed")

    def _due(self, now: float) -> list[RoomSession]:
        """Return the rooms that have something to do."""
        for session in self._schedule.passed(now):
            self._stirred[session] = None
        for share in [*self._hall.stirred]:
            owner = None if share.owner is None else share.owner()
            if isinstance(owner, RoomSession) and owner in self.table.all:
                self._stirred[owner] = None
            else:
                self._hall.stirred.pop(share, None)
        return [*self._stirred]

    def _serve(self, session: RoomSession, errors: list[Exception]) -> None:
        try:
            self._stirred.pop(session, None)
            if session in self.table.all:
                self._attempt(session.poll, f"the poll of {session.room!r}", errors)
        except BaseException:  # an interrupted poll has to be made whole
            self._stirred[session] = None
            raise
        if session not in self.table.all:
            return
        due = session.next_deadline()
        if due == -math.inf:
            self._stirred[session] = None
        else:
            self._schedule.note(session, due)

    def _attempt(self, step: Callable[[], object], where: str, errors: list[Exception]) -> None:
        try:
            step()
        except Exception as error:
            try:
                self.handlers.failed(0, where, error)
            except Exception as raised:
                errors.append(raised)

    def _tell_changed(self, session: RoomSession) -> None:
        self.handlers.emit(self.room_changed, 0, room_of(session))

    def flush(self) -> None:
        """Send what has been put in all rooms, now instead of with the next :meth:`poll`."""
        for session in [*self.table.all]:
            session.below.flush()

    @internal
    def endpoints(self) -> list[PeerEndpoint]:
        """Return what has the connections: of the port, and of each room."""
        made = [session.below.made for session in self.table.all]
        rooms = [peer.endpoint for peer in made if peer is not None]
        return [self.front.endpoint, *rooms]

    @internal
    @property
    def is_polling(self) -> bool:
        """Whether a poll is under way, at the end of which it is known what is due."""
        return self._polling

    @internal
    def next_due(self) -> float:
        """Return when something is due of which the sockets do not tell."""
        if self._stirred or self._changed:
            return -math.inf
        return min(self.front.endpoint.next_deadline(), self._schedule.due)

    @internal
    def wake(self) -> None:
        """Have whoever drives the server poll it at once."""
        self._readiness.wake_unless_polling()


def room_of(session: RoomSession) -> Room:
    """Return the room that stands on a session."""
    return cast("Room", session.room)
