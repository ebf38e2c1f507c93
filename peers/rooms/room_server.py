"""``RoomServer``: many sessions behind one port."""

from __future__ import annotations

import math
import weakref
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from multiplayer import ConnectionStatus, Error, Limits, MultiplayerError, Signal
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.close_codes import check_close
from multiplayer.errors import one_error
from multiplayer.handlers import Handlers, OnError, check_on_error
from multiplayer.misplaced import LIMITS, misplace
from multiplayer.rooms.addresses import ANY, NEW, is_name
from multiplayer.rooms.attempts import Attempts
from multiplayer.rooms.lobby import LobbySettings
from multiplayer.rooms.room_codes import draw_code
from multiplayer.rooms.snapshot import unpack
from multiplayer.support.callbacks import check_callback
from multiplayer.support.internal import internal
from multiplayer.support.log_error import describe_error
from multiplayer.support.number_setting import NumberSetting
from multiplayer.support.unfinished import count_running
from peers.listening import check_address
from peers.sockets.engine import SocketEngine
from peers.sockets.hall import Hall, HallSystem
from peers.websocket.http_head import HttpRefusedError

from .doorman import Doorman
from .front import NO_ROOM, Front
from .front_setting import FrontSetting
from .keeping import note, saved
from .lobby_service import LobbyService
from .readiness import RoomServerReadiness
from .room import Room
from .room_session import FULL, RoomSession
from .room_table import RoomTable
from .schedule import Schedule
from .server_board import ServerBoard

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Mapping, Sequence

    from multiplayer.endpoint.peer_channel import PeerEndpoint
    from multiplayer.endpoint.statistics import Statistics
    from multiplayer.rooms.board import RoomBoard
    from multiplayer.rooms.snapshot import Snapshot
    from peers.sockets.system import System
    from peers.tls_options import TLSOptions
    from peers.websocket.http_exchange import HttpCallback
    from peers.websocket.upgrade_policy import UpgradeCallback

    from .doorman import Holder, Resolver
    from .server_board import Elsewhere

LOBBY_KIND: Final = ""
"""That of the lobby's own room, which no path names."""

LOBBY_CODE: Final = "lobby"

_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED
_DISCONNECTED: Final = ConnectionStatus.CONNECTION_DISCONNECTED


class RoomServer:
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

    room_opened: Signal[Room] = Signal("room")
    """A room is open; its ``opened`` has been called."""
    room_changed: Signal[Room] = Signal("room")
    """Its seats, owner, metadata, or whether it is locked or private have changed; once a poll."""
    room_closed: Signal[Room, str] = Signal("room", "why")
    """A room is closed, and everybody has gone: "idle", "stopped" with the server, or what
    ``close`` was told."""
    handler_failed = Signal[int, str, Exception]("id", "where", "error")
    """A callback or a listener of this server raised; those of rooms tell their ``api``."""

    max_rooms = NumberSetting[int](1000)
    max_rooms_per_address = NumberSetting[int](16)
    handshake_timeout = FrontSetting[float]()
    close_timeout = FrontSetting[float]()
    heartbeat_interval: FrontSetting[float | None] = FrontSetting()
    inbound_buffer_size = FrontSetting[int]()
    outbound_buffer_size = FrontSetting[int]()
    max_unreliable_ordered = FrontSetting[int]()
    max_queued_packets = FrontSetting[int]()
    max_replay_bytes = FrontSetting[int]()
    max_replay_packets = FrontSetting[int]()
    supported_protocols: FrontSetting[Sequence[str]] = FrontSetting()
    handshake_headers: FrontSetting[Sequence[str]] = FrontSetting()
    allowed_origins: FrontSetting[Collection[str] | None] = FrontSetting()
    upgrade_callback: FrontSetting[UpgradeCallback | None] = FrontSetting()
    http_callback: FrontSetting[HttpCallback | None] = FrontSetting()
    limits = FrontSetting[Limits]()
    refuse_new_connections = FrontSetting[bool]()

    def __init__(self, kinds: Mapping[str, type[Room]], *, limits: Limits | None = None) -> None:
        self._kinds = dict(kinds)
        for name, kind in self._kinds.items():
            _check_kind(name, kind)
        self._hall = Hall()
        itself = weakref.proxy(self)
        self.table: Final = RoomTable(self._kinds)
        self._doorman = Doorman(itself)
        self.front: Final = Front(self._doorman, HallSystem(self._hall))
        self.handlers = Handlers(self.handler_failed, self.front.may_log)
        self.front.handlers.heed(self.handlers)
        self._readiness = RoomServerReadiness(self._hall, itself)
        self._hall.watched_by(self._readiness)
        self.front.endpoint.awaited = True
        self.front.endpoint.on_wake = self._readiness.wake_unless_polling
        self._schedule = Schedule[RoomSession]()
        self._stirred: dict[RoomSession, None] = {}
        self._changed: dict[RoomSession, None] = {}
        self._polling = False
        self._checked: set[str] = set()  # the kinds whose settings make sense
        self._secret: bytes | None = None
        self._spawn: Callable[..., None] | None = None
        self.elsewhere: Elsewhere | None = None
        self._lobby: LobbySettings | None = LobbySettings()
        self._service: LobbyService | None = None
        if limits is not None:
            self.limits = limits

    # ---------------------------------------------------------------- beginning

    def use_engine(self, engine: SocketEngine) -> None:
        """Let this server's sockets wait in one place with those of other peers.

        Args:
            engine: that place; see ``docs/drivers.md``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: the server has begun, or has an engine or a
                network already; ``ERR_INVALID_PARAMETER``: it is not an engine.
        """
        if not isinstance(engine, SocketEngine):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{engine!r} is not a SocketEngine; make one with peers.SocketEngine()"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self.live_in(engine.system())

    @internal
    def live_in(self, system: System) -> None:
        """Have another system, before anything begins; see ``Hall.live_in``."""
        self._hall.live_in(system)

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

    # ---------------------------------------------------------------- settings

    @property
    def secret(self) -> bytes:
        """What makes the tokens with which players come back; random at first.

        Servers that go on with the rooms of each other have the same. At least 16 bytes, and nobody
        else may know them. It holds for rooms that are opened after it was set.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: not at least 16 bytes.
        """
        if self._secret is None:
            self._secret = self.front.randbits(256).to_bytes(32)
        return self._secret

    @secret.setter
    def secret(self, secret: bytes) -> None:
        if not isinstance(secret, bytes) or len(secret) < 16:  # pyright: ignore[reportUnnecessaryIsInstance]
            message = "a secret is bytes, 16 at least, such as secrets.token_bytes(32)"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._secret = secret

    @property
    def statistics(self) -> Statistics:
        """A copy of the counts of all connections together, of all rooms, also of those closed."""
        total = self.front.statistics
        for session in [*self.table.all]:
            session.below.add_to(total)
        return total

    @property
    def kinds(self) -> Mapping[str, type[Room]]:
        """The kinds of rooms, by name."""
        return self._kinds

    @property
    def on_error(self) -> OnError | None:
        """What happens to an exception that a callback, a listener or a room's method raises.

        As ``MultiplayerPeer.on_error``; a room whose ``api.on_error`` is set does that.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not valid.
        """
        return self.handlers.on_error

    @on_error.setter
    def on_error(self, on_error: OnError | None) -> None:
        if on_error is not None:
            check_on_error(on_error)
        self.handlers.on_error = on_error

    @property
    def resolver(self) -> Resolver | None:
        """Asked about a room that is not here, and before a path opens one.

        It returns True if it takes care of the connection, by one of the methods of the
        :class:`Waiting` that it gets, now or later; False for what would happen without it.

        Raises (when it is set):
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it cannot be called, or is ``async``.
        """
        return self._doorman.resolver

    @resolver.setter
    def resolver(self, resolver: Resolver | None) -> None:
        check_callback("resolver", resolver)
        self._doorman.resolver = resolver

    @internal
    @property
    def holder(self) -> Holder | None:
        """Asked whether the resolver is to see first to who comes to a room that is here."""
        return self._doorman.holder

    @holder.setter
    def holder(self, holder: Holder | None) -> None:
        self._doorman.holder = holder

    @internal
    @property
    def lobby_service(self) -> LobbyService | None:
        """The lobby, while there is one."""
        return self._service

    @property
    def spawn(self) -> Callable[..., None] | None:
        """Starts ``async`` RPC methods of all rooms; set while the server is run."""
        return self._spawn

    @spawn.setter
    def spawn(self, spawn: Callable[..., None] | None) -> None:
        self._spawn = spawn
        for session in self.table.all:
            session.api.spawn = spawn

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

    def _forget_lobby(self) -> None:
        service, self._service = self._service, None
        self.front.answers = None
        if service is not None and self.room_opened.is_connected(service.opened):
            self.room_opened.disconnect(service.opened)
            self.room_changed.disconnect(service.changed)
            self.room_closed.disconnect(service.closed)

    # ---------------------------------------------------------------- rooms

    @property
    def rooms(self) -> list[Room]:
        """The rooms that are open, the oldest first."""
        sessions = self.table.by_code.values()
        return [_room_of(session) for session in sessions if session.kind != LOBBY_KIND]

    def find(self, code: str) -> Room | None:
        """Return the open room with that code, if there is one."""
        session = self.table.by_code.get(code)
        return None if session is None or session.kind == LOBBY_KIND else _room_of(session)

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
        session.private, session.owner = private, owner
        session.metadata = dict(metadata or {})
        session.creator = creator
        self._open(session, options or {})
        return _room_of(session)

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
            MultiplayerError: ``ERR_INVALID_DATA``: these bytes are no snapshot (``DecodeError``);
                otherwise as for :meth:`create`.
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
        return _room_of(session)

    def _restored(self, snapshot: Snapshot, value: object) -> RoomSession | None:
        """Return the room of a snapshot; None if the game's value is no good."""
        session = self._make(snapshot.kind, snapshot.code)
        session.take_up(snapshot)
        self._begin(session, {})
        try:
            session.restore_seats(snapshot.seats)
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
        return RoomSession(weakref.proxy(self), self._hall, made(), kind, code)

    def _open(self, session: RoomSession, options: Mapping[str, str]) -> None:
        self._begin(session, options)
        self._announce(session)

    def _begin(self, session: RoomSession, options: Mapping[str, str]) -> None:
        at_once = session.kind not in self._checked
        session.begin(self.front, self.handlers, self.secret, at_once=at_once)
        self._checked.add(session.kind)
        session.api.spawn = self._spawn
        try:
            session.room.opened(options)
        except BaseException:
            session.drop()
            raise
        if not session.is_open:
            session.drop()
            message = f"{session.room!r} has closed itself in opened(); raise there instead"
            raise MultiplayerError(Error.ERR_CANT_CREATE, message)

    def _announce(self, session: RoomSession) -> None:
        self.table.add(session)
        self.stir(session)
        if session.kind != LOBBY_KIND:
            self.changed(session)
            self.handlers.emit(self.room_opened, 0, _room_of(session))

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
        self.handlers.emit(self.room_closed, 0, _room_of(session), session.why)

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
        if self._polling and count_running(RoomServer.poll, self) > 1:
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
        self.handlers.emit(self.room_changed, 0, _room_of(session))

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


def _room_of(session: RoomSession) -> Room:
    return cast("Room", session.room)


def _check_kind(name: object, kind: object) -> None:
    if not isinstance(name, str) or not is_name(name):
        message = f"{name!r} cannot name a kind of room; take letters, digits, - and _"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(kind, type) or not issubclass(kind, Room):
        message = f"{kind!r} is not a kind of room; derive a class from peers.Room"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


misplace(
    RoomServer,
    ("bind_ip", "private_key", "tls_certificate", "ca_chain"),
    "listen(port, host, tls) takes an address and TLSOptions.server(key, certificate)",
)
misplace(RoomServer, ("seat_keys",), "it makes them for each room, by its secret")
misplace(RoomServer, ("grace", "tick_hz", "capacity", "idle"), "it is an attribute of each Room")
misplace(RoomServer, ("server_relay",), "a kind of rooms says so: Room.relays")
misplace(
    RoomServer,
    (
        "codec",
        "discard_packets",
        "encode_buffer_max_size",
        "transfer_channel",
        "transfer_mode",
    ),
    "set it on the peer of a room, room.peer.{name}",
)
misplace(
    RoomServer,
    ("auth_callback", "auth_timeout", "validate", "replication_budget", "rpcs_per_second"),
    "set it on the API of a room, room.api",
)
misplace(RoomServer, ("holds_new_peers",), "an auth_callback of a room's API sets it")
misplace(
    RoomServer, ("resume", "trusted_tls_certificate", "verify_tls"), "it is a setting of clients"
)
misplace(RoomServer, LIMITS, "write limits = Limits({name}=…)")
