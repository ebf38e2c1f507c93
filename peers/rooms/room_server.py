"""``RoomServer``: many sessions behind one port."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final

from multiplayer import ConnectionStatus, Error, MultiplayerError
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.close_codes import check_close
from multiplayer.rooms.addresses import ANY, NEW, is_name
from multiplayer.rooms.attempts import Attempts
from multiplayer.rooms.lobby import LobbySettings
from multiplayer.rooms.room_codes import draw_code
from multiplayer.rooms.snapshot import unpack
from multiplayer.support.internal import internal
from multiplayer.support.log_error import describe_error
from multiplayer.support.log_text import counted
from peers.listening import check_address
from peers.websocket.http_head import HttpRefusedError

from .front import NO_ROOM
from .keeping import note, saved
from .lobby_service import LobbyService
from .room_session import FULL, RoomSession
from .room_settings import check_settings, checked_metadata, checked_owner
from .server_board import ServerBoard
from .server_rounds import LOBBY_CODE, LOBBY_KIND, ServerRounds, room_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from multiplayer.rooms.board import RoomBoard
    from multiplayer.rooms.snapshot import Snapshot
    from peers.tls_options import TLSOptions

    from .room import Room


_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED


class RoomServer(ServerRounds):
    """A server of rooms: one port, and behind it as many sessions as there are rooms.

    A client chooses its room by the path of its URL: ``/KIND/CODE`` that one, ``/KIND/new`` a new
    one, ``/KIND/any`` one with a free place, or else a new one; ``?room=CODE`` names a room with
    any path. What else the query says are the options of a new room.

    Drive it by calling :meth:`poll` in a loop, or hand it to ``peers.run``; ``peers.serve_rooms``
    does all of it. Rooms that have nothing to do cost nothing.

    Args:
        kinds: the kinds of rooms, by the names that stand in paths.
        limits: those of all players; see :attr:`limits`.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: a name cannot stand in a path, or what it names
            is not a ``Room``.

    Attributes:
        max_rooms: how many rooms there may be; 0 for any number.
        max_rooms_per_address: how many of them clients of one IP address may have opened by a URL.
        handshake_timeout: see ``WebSocketMultiplayerPeer``, also for those that follow.
        close_timeout: see there.
        heartbeat_interval: see there.
        inbound_buffer_size: see there.
        outbound_buffer_size: see there.
        max_unreliable_ordered: see there.
        max_queued_packets: see there.
        max_replay_bytes: see there.
        max_replay_packets: see there.
        supported_protocols: see there.
        handshake_headers: see there.
        allowed_origins: see there.
        upgrade_callback: see there; asked before a room is looked for, and the room's ``may_join``
            gets the ``userdata``.
        http_callback: see there.
        limits: those of clients that have no room yet, and of rooms that have none of their own.
            ``max_peers`` and ``max_peers_per_address`` are counted over all rooms.
        refuse_new_connections: refuse all new players, with 4013.
    """

    def __repr__(self) -> str:
        if "front" not in vars(self) or self.get_connection_status() == _DISCONNECTED:
            return f"<{type(self).__name__}, disconnected>"
        port, rooms = self.get_local_port(), counted(len(self.rooms), "room")
        where = f"listening on port {port}" if port else "without a port"
        return f"<{type(self).__name__}, {where}, {rooms}>"

    # ---------------------------------------------------------------- beginning

    def listen(self, port: int, host: str = "*", tls: TLSOptions | None = None) -> None:
        """Begin to accept players.

        Args:
            port: the TCP port; 0 for a free one, see :meth:`get_local_port`.
            host: the address to listen on, "*" for every interface.
            tls: key and certificate for ``wss://``; None for ``ws://``.

        Raises:
            MultiplayerError: as for ``WebSocketMultiplayerPeer.create_server``.
        """
        check_address(host, port)
        self._require_idle()
        self.front.create_server(port, host, tls)
        self._open_lobby()

    def open(self) -> None:
        """Begin without a port: players come by :meth:`adopt`.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this server is in use.
        """
        self._require_idle()
        self.front.begin_without_port()
        self._open_lobby()

    @internal
    def open_desk(self, board: RoomBoard, attempts: Attempts) -> LobbyService | None:
        """Begin without a port, with a lobby of rooms that other processes have.

        Args:
            board: has the rooms; whoever calls tells the lobby of them.
            attempts: counts codes that no room has.

        Returns:
            The lobby; None if there is none.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: this server is in use.
        """
        self._require_idle()
        self.front.begin_without_port()
        self._open_lobby(board, attempts)
        return self._service

    def adopt(self, sock: socket.socket, address: tuple[str, int], received: bytes = b"") -> None:
        """Take a connection that somebody else has accepted, and perhaps begun to read.

        Args:
            sock: its socket, in the clear; the server's from now on.
            address: the client's IP address and port.
            received: what has been read of it already.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: neither :meth:`listen` nor :meth:`open` was
                called; the socket is still the caller's then.
        """
        if self.front.get_connection_status() != _CONNECTED:
            message = "this server takes no connections yet; open() it first, or listen()"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        self.front.adopt(sock, address, bytes(received))

    def _require_idle(self) -> None:
        if self.get_connection_status() != _DISCONNECTED:
            message = "this server is in use; close() it first, or make another"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)

    def get_local_port(self) -> int:
        """Return the TCP port that it listens on; 0 while it does not."""
        return self.front.get_local_port()

    def is_listening(self) -> bool:
        """Return whether players can connect to its port."""
        return self.front.endpoint.local_port != 0

    @internal
    @property
    def lobby_service(self) -> LobbyService | None:
        """The lobby, while there is one."""
        return self._service

    @property
    def lobby(self) -> LobbySettings | None:
        """What strangers may ask of the lobby at ``/lobby``, ``/rooms`` and ``/match``.

        None for no lobby: then codes are limited as by ``LobbySettings()``. See ``docs/lobby.md``.

        Raises (when it is set):
            MultiplayerError: ``ERR_ALREADY_IN_USE``: the server is in use;
                ``ERR_INVALID_PARAMETER``: it is neither a ``LobbySettings`` nor None.
        """
        return self._lobby

    @lobby.setter
    def lobby(self, lobby: LobbySettings | None) -> None:
        if lobby is not None and not isinstance(lobby, LobbySettings):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"lobby must be a LobbySettings or None, not {lobby!r:.100}"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._require_idle()
        self._lobby = lobby

    def _open_lobby(self, board: RoomBoard | None = None, attempts: Attempts | None = None) -> None:
        settings = self._lobby
        self._doorman.attempts = attempts or Attempts(*(settings or LobbySettings()).codes)
        if settings is None:
            return
        itself = weakref.proxy(self)
        self._service = service = LobbyService(
            board or ServerBoard(itself),
            self.front.randbits,
            self.front.now,
            lambda: itself.allowed_origins,
            settings,
            self._doorman.attempts,
        )
        room = service.make_room()
        session = RoomSession(itself, self._hall, room, LOBBY_KIND, LOBBY_CODE)
        session.private = True
        self.front.answers = service.answer
        if board is None:
            self.room_opened.connect(service.opened)
            self.room_changed.connect(service.changed)
            self.room_closed.connect(service.closed)
        self._open(session, {})

    # ---------------------------------------------------------------- rooms

    @property
    def rooms(self) -> list[Room]:
        """The rooms that are open, the oldest first."""
        sessions = self.table.by_code.values()
        return [room_of(session) for session in sessions if session.kind != LOBBY_KIND]

    def find(self, code: str) -> Room | None:
        """Return the open room with that code, if there is one."""
        session = self.table.by_code.get(code)
        return None if session is None or session.kind == LOBBY_KIND else room_of(session)

    def create(
        self,
        kind: str,
        *,
        code: str | None = None,
        private: bool = False,
        metadata: Mapping[str, object] | None = None,
        owner: int = 0,
        options: Mapping[str, str] | None = None,
        creator: str = "",
    ) -> Room:
        """Open a room.

        Args:
            kind: the name of its kind.
            code: its code; None for a free one.
            private: see ``Room``.
            metadata: what lists say about it.
            owner: the id of whose room it is; 0 for nobody.
            options: what its ``opened`` gets.
            creator: the IP address of the client that wants it, for ``max_rooms_per_address``.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such kind; ``ERR_ALREADY_EXISTS``:
                there is a room with that code; ``ERR_INVALID_PARAMETER``: that cannot be a code;
                ``ERR_CANT_CREATE``: there are ``max_rooms``; ``ERR_UNCONFIGURED``: the server has
                not begun, or is stopping.
            Exception: what ``opened`` raised; there is no room then.
        """
        session = self._make(kind, code)
        session.private, session.owner = private, checked_owner(owner)
        session.metadata = checked_metadata(metadata or {})
        session.creator = creator
        self._open(session, options or {})
        return room_of(session)

    def save(self, room: Room) -> bytes:
        """Return a room as bytes, for :meth:`restore`: what it is, its seats, what it saves itself.

        What its ``save`` raises is treated as ``on_error`` says, and what it returns and cannot be
        written is left out and logged: the rest is saved all the same.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it is not an open room of this server;
                ``ERR_INVALID_PARAMETER``: seats and metadata alone are larger than a snapshot.
            Exception: what ``save`` raised, with ``on_error="raise"``.
        """
        session = self.table.by_code.get(room.code)
        if session is None or session.room is not room:
            message = f"{room!r} is not an open room of this server"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return saved(session)

    def restore(self, data: bytes, *, fresh: bool = False) -> Room:
        """Open a room that was saved, here or elsewhere, with its code and its seats.

        If the room's ``restored`` raises, or what the game saved cannot be read, the room opens
        without it; the log says so.

        Args:
            data: what :meth:`save` has returned.
            fresh: leave out what the game saved.

        Raises:
            MultiplayerError: ``ERR_INVALID_DATA``: these are not the bytes of a snapshot
                (``DecodeError``); otherwise as for :meth:`create`.
            Exception: what ``opened`` raised; there is no room then.
        """
        snapshot = unpack(data)
        if snapshot.trouble and not fresh:
            note(snapshot.code, snapshot.trouble)
        value = None if fresh or snapshot.trouble else snapshot.data
        session = self._restored(snapshot, value)
        if session is None:
            session = self._restored(snapshot, None)
            assert session is not None
        self._announce(session)
        return room_of(session)

    def _restored(self, snapshot: Snapshot, value: object) -> RoomSession | None:
        """Return the room of a snapshot; None if the game cannot use its value."""
        session = self._make(snapshot.kind, snapshot.code)
        session.take_up(snapshot)
        self._begin(session, {})
        try:
            session.restore_seats(snapshot.seats, known=value is not None)
            if value is not None:
                session.room.restored(value)
        except Exception as error:
            session.drop()
            if value is None:
                raise
            note(snapshot.code, f"restored() raised: {describe_error(error)}")
            return None
        except BaseException:
            session.drop()
            raise
        return session

    def close_room(
        self, room: Room, why: str = "closed", *, code: int = CloseCode.NORMAL, reason: str = ""
    ) -> None:
        """Close a room; see ``Room.close``."""
        room.close(why, code=code, reason=reason)

    def _make(self, kind: str, code: str | None) -> RoomSession:
        made = self._kinds.get(kind)
        if made is None:
            message = f"there is no kind of room {kind!r}; this server has {sorted(self._kinds)}"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        if self.front.get_connection_status() != _CONNECTED or self.front.is_leaving:
            message = "this server has not begun, or is stopping; listen() before rooms are opened"
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        if 0 < self.max_rooms <= self.table.count:
            message = f"there are {self.table.count} rooms already; close some, or raise max_rooms"
            raise MultiplayerError(Error.ERR_CANT_CREATE, message)
        if code is None:
            by_code = self.table.by_code
            code = draw_code(self.front.randbits, by_code.__contains__, len(by_code))
        elif not is_name(code) or code in (NEW, ANY):
            message = (
                f"{code!r} cannot be the code of a room; take up to 64 letters, digits, - and _, "
                f"and neither {NEW!r} nor {ANY!r}"
            )
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        elif code in self.table.by_code:
            message = f"there is a room with the code {code} already; choose another"
            raise MultiplayerError(Error.ERR_ALREADY_EXISTS, message)
        room = made()
        check_settings(room)
        return RoomSession(weakref.proxy(self), self._hall, room, kind, code)

    def _open(self, session: RoomSession, options: Mapping[str, str]) -> None:
        self._begin(session, options)
        self._announce(session)

    def _begin(self, session: RoomSession, options: Mapping[str, str]) -> None:
        session.begin(self.front, self.handlers, self.secret)
        session.api.spawn = self._spawn
        try:
            session.room.opened(options)
            if session.is_open and session.kind not in self._checked:
                session.make_sure()
                self._checked.add(session.kind)
        except BaseException:
            session.drop()
            raise
        if not session.is_open or session.below.is_over:
            session.drop()
            message = f"{session.room!r} has closed itself in opened(); raise there instead"
            raise MultiplayerError(Error.ERR_CANT_CREATE, message)

    def _announce(self, session: RoomSession) -> None:
        self.table.add(session)
        session.announced = True
        self.stir(session)
        if session.kind != LOBBY_KIND:
            self.changed(session)
            self.handlers.emit(self.room_opened, 0, room_of(session))

    @internal
    def open_for(
        self,
        kind: str,
        address: str,
        options: Mapping[str, str],
        *,
        private: bool = False,
        metadata: Mapping[str, object] | None = None,
    ) -> RoomSession:
        """Open a room because a client from that address wants one; "" for the lobby itself.

        Raises:
            HttpRefusedError: it cannot be opened.
        """
        if kind not in self._kinds:
            raise HttpRefusedError(CloseCode.NO_SUCH_ROOM, NO_ROOM)
        if address and 0 < self.max_rooms_per_address <= self.table.opened_by(address):
            raise HttpRefusedError(CloseCode.TRY_LATER, "your address has opened too many rooms")
        if limit := self.table.limit_reached(address, self.limits):
            self.front.reach(limit)
            raise HttpRefusedError(CloseCode.TRY_LATER, FULL[limit])
        if 0 < self.max_rooms <= self.table.count:
            raise HttpRefusedError(CloseCode.TRY_LATER, "there is no place for another room")
        session = self._make(kind, None)
        session.creator, session.private = address, private
        session.metadata = dict(metadata or {})
        try:
            self._open(session, options)
        except Exception as error:
            self.handlers.failed(0, f"{self._kinds[kind].__name__}.opened", error)
            words = "the room could not be opened"
            raise HttpRefusedError(CloseCode.TRY_LATER, words) from error
        return session

    # ---------------------------------------------------------------- ending

    def begin_leaving(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Stop accepting, and close all rooms; keep polling until the server is disconnected.

        Args:
            code: with which connections are closed; 4012 if they are to come back.
            reason: cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, reason = check_close(code, reason, plain=False)
        self.front.begin_leaving(code, reason)
        for session in [*self.table.all]:
            session.close("stopped", code, reason)
        self.wake()

    def close(self) -> None:
        """End at once: players get a close frame 1000, and the last packets may be lost."""
        self.end_at_once(CloseCode.NORMAL)

    def end_at_once(self, code: int) -> None:
        """Do what :meth:`close` does, with another close code.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        check_close(code, "", plain=False)
        self.front.end_at_once(code)
        for session in [*self.table.all]:
            session.end_at_once(code)
        self._schedule.clear()
        self.table.clear_visits()
        self._readiness.wake()
        if not self._readiness.awaited:
            self._hall.rest()
