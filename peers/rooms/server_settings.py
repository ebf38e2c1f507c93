"""What a ``RoomServer`` is set to, and what it is made of."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from multiplayer import Error, Limits, MultiplayerError, Signal
from multiplayer.handlers import Handlers, OnError, check_on_error
from multiplayer.misplaced import LIMITS, misplace
from multiplayer.rooms.addresses import is_name
from multiplayer.rooms.lobby import LobbySettings
from multiplayer.support.callbacks import check_callback
from multiplayer.support.internal import internal
from multiplayer.support.number_setting import NumberSetting
from multiplayer.support.sealed import Sealed
from peers.sockets.engine import SocketEngine
from peers.sockets.hall import Hall, HallSystem

from .doorman import Doorman
from .front import Front
from .front_setting import FrontSetting
from .readiness import RoomServerReadiness
from .room import Room
from .room_session import RoomSession
from .room_settings import check_kind_settings
from .room_table import RoomTable
from .schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from multiplayer.endpoint.statistics import Statistics
    from peers.sockets.system import System
    from peers.websocket.http_exchange import HttpCallback
    from peers.websocket.upgrade_policy import UpgradeCallback

    from .doorman import Holder, Resolver
    from .lobby_service import LobbyService
    from .server_board import Elsewhere


class ServerSettings(Sealed):
    """The settings of a ``RoomServer``; see there.

    Args:
        kinds: see there.
        limits: see there.
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

    table: Final[RoomTable]
    front: Final[Front]
    handlers: Handlers
    elsewhere: Elsewhere | None

    def __init__(self, kinds: Mapping[str, type[Room]], *, limits: Limits | None = None) -> None:
        if not isinstance(kinds, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f'kinds must have names, as in {{"duel": Duel}}, unlike {kinds!r}'
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._kinds = dict(kinds)
        for name, kind in self._kinds.items():
            _check_kind(name, kind)
        self._hall = Hall()
        itself = weakref.proxy(self)
        self.table = RoomTable(self._kinds)
        self._doorman = Doorman(itself)
        self.front = Front(self._doorman, HallSystem(self._hall))
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
        self.elsewhere = None
        self._lobby: LobbySettings | None = LobbySettings()
        self._service: LobbyService | None = None
        if limits is not None:
            self.limits = limits

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

    @property
    def spawn(self) -> Callable[..., None] | None:
        """Starts ``async`` RPC methods of all rooms; set while the server is run."""
        return self._spawn

    @spawn.setter
    def spawn(self, spawn: Callable[..., None] | None) -> None:
        self._spawn = spawn
        for session in self.table.all:
            session.api.spawn = spawn


_HOOKS: Final = (
    "opened",
    "may_join",
    "joined",
    "suspended",
    "resumed",
    "left",
    "process",
    "save",
    "restored",
    "closed",
)
"""What a server calls of its rooms; these run within its polls, so none may be ``async``."""


def _check_kind(name: object, kind: object) -> None:
    if not isinstance(name, str) or not is_name(name):
        message = f"{name!r} cannot name a kind of room; take letters, digits, - and _"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    if not isinstance(kind, type) or not issubclass(kind, Room):
        message = f"{kind!r} is not a kind of room; derive a class from peers.Room"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    for hook in _HOOKS:
        check_callback(f"{kind.__name__}.{hook}", getattr(kind, hook), optional=False)
    check_kind_settings(kind)


misplace(
    ServerSettings,
    ("bind_ip", "private_key", "tls_certificate", "ca_chain"),
    "listen(port, host, tls) takes an address and TLSOptions.server(key, certificate)",
)
misplace(ServerSettings, ("seat_keys",), "it makes them for each room, by its secret")
misplace(
    ServerSettings, ("grace", "tick_hz", "capacity", "idle"), "it is an attribute of each Room"
)
misplace(ServerSettings, ("server_relay",), "a kind of rooms says so: Room.relays")
misplace(
    ServerSettings,
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
    ServerSettings,
    ("auth_callback", "auth_timeout", "validate", "replication_budget", "rpcs_per_second"),
    "set it on the API of a room, room.api",
)
misplace(ServerSettings, ("holds_new_peers",), "an auth_callback of a room's API sets it")
misplace(
    ServerSettings,
    ("resume", "trusted_tls_certificate", "verify_tls"),
    "it is a setting of clients",
)
misplace(ServerSettings, LIMITS, "write limits = Limits({name}=…)")
