"""``Room``: a session of its own behind the port of a ``RoomServer``; games derive from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiplayer import Dialect, Error, MultiplayerError
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.support.internal import internal

from .room_settings import check_setting, checked_metadata, checked_owner, is_setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from multiplayer import Limits, SceneMultiplayer
    from multiplayer.scene.tree.node import Node
    from peers.websocket.upgrade_policy import Accept, Refuse
    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

    from .front import RoomRequest
    from .room_session import RoomSession
    from .room_time import Timer
    from .seat import Seat


class Room:
    """A session with its own peer 1, ids, API and limits; derive the kinds of your game from it.

    The server that has it calls the methods below. What they raise is treated as ``on_error`` says,
    and ends neither the room nor the server; only what :meth:`opened` raises keeps a room from
    opening.

    Attributes:
        capacity: how many players there may be, suspended ones too; 0 for any number.
        grace: for how many seconds the seat of a dropped player waits; 0 to free it at once.
        dialect: of its API. ``GODOT_4`` is for engines of Godot 4, ``GODOT_3`` for those of
            Godot 3, ``NATIVE`` for clients of this package.
        idle: how many seconds a room without seats stays open; None for ever.
        limits: those of its players; None for those of the server.
        tick_hz: how often to call :meth:`process`, per second; 0 for never.
        relays: whether players hear of each other, and reach each other.
    """

    capacity: int = 16
    grace: float = 0.0
    dialect: Dialect = Dialect.NATIVE
    idle: float | None = 60.0
    limits: Limits | None = None
    tick_hz: float = 0.0
    relays: bool = True

    _session: RoomSession

    if not TYPE_CHECKING:  # which would take any name for an attribute then

        def __getattr__(self, name: str) -> object:
            """Say why a room that is being made has no tree yet."""
            if name == "_session":
                message = (
                    f"{type(self).__name__} is not open yet: do in opened() what needs its tree, "
                    "its seats or its server, not in __init__()"
                )
                raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; one of those above if it makes sense, and can still be set.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it makes no sense; ``ERR_UNAVAILABLE``: it
                is too late for it.
        """
        if not is_setting(name):
            super().__setattr__(name, value)
            return
        session: RoomSession | None = vars(self).get("_session")
        is_open = session is not None and session.announced
        check_setting(name, value, made=session is not None, open_=is_open)
        super().__setattr__(name, value)
        if session is not None and is_open:
            session.changed() if name == "capacity" else session.wake()

    # ---------------------------------------------------------------- for you to override

    def opened(self, options: Mapping[str, str]) -> None:
        """Set the room up: it is empty, and :attr:`root` has no children yet.

        Args:
            options: what the creator asked for; from the query of a URL, they are a stranger's.
        """

    def may_join(self, request: RoomRequest) -> Accept | Refuse | bool | None:
        """Decide about a new player; not asked about one who comes back to its seat.

        It is asked after the room has found a free place.

        Args:
            request: what the player comes with.

        Returns:
            None, True or ``Accept`` to let it in; False or ``Refuse`` not to. A close code can be
            seen by engines: ``Refuse(4105, "update your game")``.
        """

    def joined(self, seat: Seat) -> None:
        """A player has come; calls to it work from now on.

        In a room that goes on in another process without what it has saved, also one who comes
        back: this room does not know it yet.
        """

    def suspended(self, seat: Seat) -> None:
        """A player has lost its connection; its id and authority are kept for :attr:`grace`."""

    def resumed(self, seat: Seat) -> None:
        """It is back."""

    def left(self, seat: Seat, why: str) -> None:
        """A player has gone for good.

        Args:
            seat: its seat, which is free now.
            why: "left" by itself, "kicked", "lost" without a word, or "closed" with the room.
        """

    def process(self, delta: float) -> None:
        """Do what a tick takes; see :attr:`tick_hz`.

        Args:
            delta: how many seconds have passed since the last one.
        """

    def save(self) -> object:
        """Return what is to outlive the process: plain values, as calls carry them in ``NATIVE``.

        None, as here, for nothing. See ``RoomServer.save``.
        """
        return None

    def restored(self, data: Any) -> None:  # noqa: ANN401 - a game knows what it has saved
        """Go on with what :meth:`save` returned, elsewhere or before.

        :meth:`opened` was called before it, with no options, and :attr:`seats` are there, without
        connections: they can be put into groups. If this raises, the room is opened again, without
        the data, and :meth:`joined` is called for those who come back.
        """

    def closed(self, why: str) -> None:
        """Clean up: the room is closed, and everybody has gone.

        Args:
            why: as ``RoomServer.room_closed`` says it.
        """

    # ---------------------------------------------------------------- what it is

    @internal
    def attach(self, session: RoomSession) -> None:
        """Stand on that from now on (called by it)."""
        self._session = session

    @property
    def code(self) -> str:
        """Its code, as in ``/KIND/CODE``."""
        return self._session.code

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self._session.kind

    @property
    def api(self) -> SceneMultiplayer:
        """Its API: peer 1 of its session."""
        return self._session.api

    @property
    def root(self) -> Node:
        """The root of its tree."""
        root = self._session.api.root
        assert root is not None
        return root

    @property
    def peer(self) -> WebSocketMultiplayerPeer:
        """The peer below the API; made, if there is none yet. The room's server polls it.

        Until somebody comes or asks for it, the API stands on an ``OfflineMultiplayerPeer``.
        """
        return self._session.peer

    @property
    def seats(self) -> Mapping[int, Seat]:
        """Who is there, by id, in order of joining; suspended ones too."""
        return self._session.seats

    @property
    def is_open(self) -> bool:
        """Whether players can come: it has been opened, and nobody has begun to close it."""
        return self._session.is_open

    @property
    def private(self) -> bool:
        """Whether lists leave it out, and ``/KIND/any`` does not choose it."""
        return self._session.private

    @private.setter
    def private(self, private: bool) -> None:
        self._session.private = bool(private)
        self._session.changed()

    @property
    def locked(self) -> bool:
        """Whether new players are refused, with 4013; those who come back are let in."""
        return self._session.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self._session.locked = bool(locked)
        self._session.changed()

    @property
    def joins_held(self) -> bool:
        """The same, set by whoever runs the server, not by the game."""
        return self._session.joins_held

    @joins_held.setter
    def joins_held(self, held: bool) -> None:
        self._session.joins_held = bool(held)
        self._session.changed()

    @property
    def metadata(self) -> Mapping[str, object]:
        """What lists say about it; set another one to change it."""
        return self._session.metadata

    @metadata.setter
    def metadata(self, metadata: Mapping[str, object]) -> None:
        self._session.metadata = checked_metadata(metadata)
        self._session.changed()

    @property
    def owner(self) -> int:
        """The id of the player whose room it is; 0 for nobody. At first, who opened it by URL."""
        return self._session.owner

    @owner.setter
    def owner(self, owner: int) -> None:
        self._session.owner = checked_owner(owner)
        self._session.changed()

    # ---------------------------------------------------------------- what it can do

    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        """Call a function once, after ``seconds``, unless the room is closed by then.

        The timer that it returns can be cancelled.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: it is not a time.
        """
        return self._session.call_later(seconds, function)

    def close(self, why: str = "closed", *, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close the room: everybody is sent away, and what was sent before arrives.

        Args:
            why: for :meth:`closed` and ``RoomServer.room_closed``.
            code: with which connections are closed; see ``CloseCode``.
            reason: what the close frames say, cut to 123 bytes of UTF-8.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        self._session.close(why, code, reason)

    def __repr__(self) -> str:
        session: RoomSession | None = vars(self).get("_session")
        if session is None:
            return f"<{type(self).__name__}, not opened>"
        return f"<{type(self).__name__} /{session.kind}/{session.code}, {len(session.seats)} seats>"
