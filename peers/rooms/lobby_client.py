"""``LobbyClient``: asks the lobby of a ``RoomServer``, for programs that poll."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

from multiplayer import (
    Error,
    MultiplayerError,
    Node,
    PeerLeft,
    PendingCall,
    SceneMultiplayer,
    rpc,
)
from multiplayer.endpoint.resume_words import shown_url
from multiplayer.rooms.listing import RoomPage, RoomRow
from multiplayer.rooms.lobby_words import LobbyRefusedError
from multiplayer.rooms.tickets import RoomPlace
from multiplayer.support.sealed import Sealed
from peers.websocket_client import WebSocketClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from multiplayer import ConnectionStatus

T = TypeVar("T")

_SERVER: Final = 1
_PATH: Final = "Lobby"
_SCHEMES: Final = ("ws", "wss")

Answer = dict[str, Any]


class _Desk:
    """The lobby's desk, as ``LobbyDesk`` has it; here it is only declared, but for one method."""

    def __init__(self, decided: Callable[[str, Answer], None]) -> None:
        self._decided = decided

    @rpc("any_peer")
    def list_rooms(
        self, kind: str, free: bool, metadata: dict[str, object], cursor: str, limit: int
    ) -> Answer: ...

    @rpc("any_peer")
    def create(
        self, kind: str, private: bool, metadata: dict[str, object], options: dict[str, str]
    ) -> Answer: ...

    @rpc("any_peer")
    def join(self, code: str) -> Answer: ...

    @rpc("any_peer")
    def change(
        self,
        code: str,
        owner_key: str,
        locked: bool | None,
        private: bool | None,
        metadata: dict[str, object] | None,
    ) -> Answer: ...

    @rpc("any_peer")
    def kick(self, code: str, owner_key: str, peer: int) -> Answer: ...

    @rpc("any_peer")
    def match(self, kind: str, party: int, rating: float) -> Answer: ...

    @rpc("any_peer")
    def cancel(self, ticket: str) -> Answer: ...

    @rpc
    def decided(self, ticket: str, outcome: Answer) -> None:
        self._decided(ticket, outcome)


class LobbyClient(Sealed):
    """Asks a lobby: connect, poll in a loop, and look at what the methods return.

    They return a ``PendingCall`` at once: see ``done``, ``result()`` and ``on_done`` there. What
    the lobby refuses, ``result()`` raises as a ``LobbyRefusedError``. ``peers.lobby`` is the same
    under trio and asyncio.

    Args:
        url: the URL of the server, such as ``wss://example.com:9080``; its path does not matter.
        peer: a configured client to use; None for a new one.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: that is no URL of a server.

    Attributes:
        url: that of the lobby.
        peer: has the connection; its ``failure`` says why there is none.
        api: its API.
    """

    url: str
    peer: WebSocketClient
    api: SceneMultiplayer

    def __init__(self, url: str, peer: WebSocketClient | None = None) -> None:
        self._base = _base_of(url)
        self.url = f"{self._base}/lobby"
        self.peer = WebSocketClient() if peer is None else peer
        self.api = SceneMultiplayer(Node())
        self._desk = _Desk(self._decided)
        self._waiting: dict[str, PendingCall[Any]] = {}  # for a match, by ticket
        self.api.add(_PATH, self._desk)
        self.api.server_disconnected.connect(self._nobody_decides)

    # ---------------------------------------------------------------- the connection

    def connect(self) -> None:
        """Begin to connect; ask once :meth:`get_connection_status` says CONNECTED.

        Raises:
            MultiplayerError: as for ``WebSocketClient.connect_to_url``.
        """
        self.peer.connect_to_url(self.url, gd_mp_api=True)
        self.api.multiplayer_peer = self.peer

    def poll(self) -> None:
        """Do all that is due; once a frame."""
        self.api.poll()

    def close(self) -> None:
        """End the connection; who waits for a match waits no more."""
        self.peer.disconnect_from_host()

    def get_connection_status(self) -> ConnectionStatus:
        """Return whether there is a connection."""
        return self.peer.get_connection_status()

    # ---------------------------------------------------------------- what can be asked

    def list(
        self,
        kind: str = "",
        *,
        free: bool = False,
        metadata: Mapping[str, object] | None = None,
        cursor: str = "",
        limit: int = 50,
    ) -> PendingCall[RoomPage]:
        """Ask for a page of rooms, the newest first.

        Args:
            kind: only rooms of that kind; "" for any.
            free: only those into which another player gets.
            metadata: only those whose metadata have these values.
            cursor: that of the page before; "" for the first page.
            limit: how many rooms, 1 to 50.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: there is no connection; so does every method.
        """
        desk = self._connected_desk().list_rooms
        return self._asked(
            desk.call_id(_SERVER, kind, free, dict(metadata or {}), cursor, limit), _page_of
        )

    def create(
        self,
        kind: str,
        *,
        private: bool = False,
        metadata: Mapping[str, object] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> PendingCall[RoomPlace]:
        """Have a room made; its place has the owner's key, for :meth:`change` and :meth:`kick`.

        Args:
            kind: the name of its kind.
            private: lists leave it out.
            metadata: what lists say about it: at most 32 texts, numbers, True, False and None.
            options: for ``Room.opened``: at most 32 texts.
        """
        desk = self._connected_desk().create
        call = desk.call_id(_SERVER, kind, private, dict(metadata or {}), dict(options or {}))
        return self._asked(call, self._place_of)

    def join(self, code: str) -> PendingCall[RoomPlace]:
        """Have a place kept in the room of a code, as somebody has typed it."""
        return self._asked(self._connected_desk().join.call_id(_SERVER, code), self._place_of)

    def change(
        self,
        place: RoomPlace,
        *,
        locked: bool | None = None,
        private: bool | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> PendingCall[None]:
        """Have a room changed that one has made.

        Args:
            place: what :meth:`create` gave.
            locked: whether nobody gets in any more; None to leave it.
            private: whether lists leave it out; None to leave it.
            metadata: what lists say about it; None to leave it.
        """
        said = None if metadata is None else dict(metadata)
        desk = self._connected_desk().change
        call = desk.call_id(_SERVER, place.code, place.owner_key, locked, private, said)
        return self._asked(call, _nothing)

    def kick(self, place: RoomPlace, peer: int) -> PendingCall[None]:
        """Have a player sent away from a room that one has made."""
        desk = self._connected_desk()
        call = desk.kick.call_id(_SERVER, place.code, place.owner_key, peer)
        return self._asked(call, _nothing)

    def match(
        self, kind: str, *, party: int = 1, rating: float = 0.0
    ) -> PendingCall[tuple[RoomPlace, ...]]:
        """Wait for a match; ``cancel()`` of what this returns waits no more.

        Args:
            kind: what to play; the capacity of that kind is how many players a match has.
            party: how many players there are already; the result has a place for each of them.
            rating: how good they are; see ``RatingWindow``.
        """
        asked = self._connected_desk().match.call_id(_SERVER, kind, party, float(rating))
        ticket = ""

        def give_up() -> None:  # before the ticket is known, that has to wait until it is
            if self._waiting.pop(ticket, None) is not None and self._is_up:
                self._desk.cancel.call_id(_SERVER, ticket)

        outer: PendingCall[tuple[RoomPlace, ...]] = PendingCall(_SERVER, asked.what, give_up)

        def told(call: PendingCall[Answer]) -> None:
            nonlocal ticket
            try:
                ticket = _text(_checked(call), "ticket")
            except MultiplayerError as error:
                _settle(outer, None, error)
            else:
                self._waiting[ticket] = outer
                if outer.done:
                    give_up()

        asked.on_done(told)
        return outer

    # ---------------------------------------------------------------- answers

    @property
    def _is_up(self) -> bool:
        return _SERVER in self.api.get_peers()

    def _connected_desk(self) -> _Desk:
        if not self._is_up:
            message = (
                "there is no connection to the lobby; connect(), then poll() until "
                "get_connection_status() is CONNECTION_CONNECTED"
            )
            raise MultiplayerError(Error.ERR_UNCONFIGURED, message)
        return self._desk

    def _asked(self, call: PendingCall[Answer], read: Callable[[Answer], T]) -> PendingCall[T]:
        """Return a call that ends with what is read from the answer of another one."""
        outer: PendingCall[T] = PendingCall(_SERVER, call.what, call.cancel)
        call.on_done(partial(_pass_on, outer, read))
        return outer

    def _place_of(self, said: Answer) -> RoomPlace:
        url = _text(said, "url")
        if url.startswith("/"):
            url = self._base + url
        elif urlsplit(url).scheme not in _SCHEMES:
            raise _unreadable()
        key = _text(said, "owner_key") if "owner_key" in said else ""
        return RoomPlace(_text(said, "kind"), _text(said, "code"), url, key)

    def _decided(self, ticket: str, outcome: Answer) -> None:
        waiting = self._waiting.pop(ticket, None)
        if waiting is None:
            return
        try:
            if outcome.get("state") != "matched":
                raise LobbyRefusedError(503, _text(outcome, "error"))
            places = tuple(self._place_of(place) for place in _dicts(outcome, "places"))
        except MultiplayerError as error:
            _settle(waiting, None, error)
        else:
            _settle(waiting, places, None)

    def _nobody_decides(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for call in waiting.values():
            _settle(call, None, PeerLeft(_SERVER, "the lobby left before there was a match"))


def _pass_on(outer: PendingCall[T], read: Callable[[Answer], T], call: PendingCall[Answer]) -> None:
    try:
        value = read(_checked(call))
    except MultiplayerError as error:
        _settle(outer, None, error)
    else:
        _settle(outer, value, None)


def _settle(call: PendingCall[Any], value: object, error: Exception | None) -> None:
    if call.done:
        return
    for failure in call.settle(value, error):
        raise failure  # to whoever called us: the API, which reports it


def _checked(call: PendingCall[Answer]) -> Answer:
    """Return an answer.

    Raises:
        LobbyRefusedError: it says no.
        MultiplayerError: there is none, or it makes no sense.
    """
    said = cast("object", call.result())
    if not isinstance(said, dict):
        raise _unreadable()
    answer = cast("Answer", said)
    status = answer.get("status")
    if not isinstance(status, int):
        raise _unreadable()
    if status >= 400:
        raise LobbyRefusedError(status, _text(answer, "error"))
    return answer


def _unreadable() -> MultiplayerError:
    return MultiplayerError(Error.ERR_INVALID_DATA, "the answer of this lobby makes no sense")


def _text(said: Answer, name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str):
        raise _unreadable()
    return value


def _whole(said: Answer, name: str) -> int:
    value = said.get(name)
    if not isinstance(value, int):
        raise _unreadable()
    return int(value)


def _dicts(said: Answer, name: str) -> list[Answer]:
    value = said.get(name)
    if not isinstance(value, list):
        raise _unreadable()
    rows = cast("list[object]", value)
    if not all(isinstance(row, dict) for row in rows):
        raise _unreadable()
    return cast("list[Answer]", rows)


def _page_of(said: Answer) -> RoomPage:
    return RoomPage([_row_of(row) for row in _dicts(said, "rooms")], _text(said, "cursor"))


def _row_of(said: Answer) -> RoomRow:
    metadata = said.get("metadata")
    if not isinstance(metadata, dict):
        raise _unreadable()
    return RoomRow(
        _text(said, "kind"),
        _text(said, "code"),
        _whole(said, "players"),
        _whole(said, "capacity"),
        locked=said.get("locked") is True,
        metadata=cast("Answer", metadata),
    )


def _nothing(said: Answer) -> None:
    del said


def _base_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except (TypeError, ValueError, AttributeError):
        parts, port = None, None
    del port
    if parts is None or parts.scheme not in _SCHEMES or not parts.hostname:
        shown = f"{shown_url(url):.200}"
        message = f"the URL of a server must be like wss://example.com:9080, not {shown}"
        raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))
