"""Which room a request asks for, and whether it is there, has to be made, or cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.resume_words import KeyedSeat, Return, read_wish
from multiplayer.endpoint.seat_keys import hash_of, room_of
from multiplayer.rooms.addresses import NEW, Wish, address_of
from multiplayer.rooms.attempts import Attempts
from multiplayer.rooms.lobby import LobbySettings
from multiplayer.rooms.placement import Stage
from multiplayer.rooms.room_codes import draw_code, spelled
from peers.rooms.room_server import LOBBY_CODE
from peers.websocket.http_head import elements

from .reception import Later, Refused, ToRoom

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.rooms.addresses import RoomAddress
    from multiplayer.rooms.placement import PlacedRoom
    from peers.websocket.http_head import ParsedRequest

    from .front import Front
    from .reception import Way

_NO_ROOM: Final = Refused(CloseCode.NO_SUCH_ROOM, "there is no such room")
_NO_SEAT: Final = Refused(CloseCode.SEAT_GONE, "your seat is gone")
_FULL: Final = Refused(CloseCode.TRY_LATER, "no more rooms now; try again")
_ENDING: Final = Refused(CloseCode.MOVED, "retry=1")


class Routing:
    """Says where requests go.

    Whoever comes back to a seat goes to the room of that seat, whatever its path says; the worker
    decides whether the seat is its own.

    Args:
        front: the workers and their rooms.
        bits: returns a number of so many random bits, for codes.
        attempts: how often an address may ask for rooms that are not there; None for the default.
    """

    def __init__(
        self, front: Front, bits: Callable[[int], int], attempts: Attempts | None = None
    ) -> None:
        self._front = front
        self._bits = bits
        self._attempts = attempts or Attempts(*LobbySettings().codes)

    def __call__(self, request: ParsedRequest, address: str) -> Way:
        """Return where a request goes, of a client with that IP address."""
        front, now = self._front, trio.current_time()
        place, seat = address_of(request.target), read_wish(request.target)
        if not asks_for_upgrade(request) or (place is not None and place.code == LOBBY_CODE):
            return None
        if place is None and not isinstance(seat, Return):
            return None
        if front.draining:
            return _ENDING
        if not front.kinds:
            return Later()
        if isinstance(seat, Return):
            room = front.placement.find(room_of(seat.token))
            return _NO_SEAT if room is None else self._to(room, named=True, returns=True)
        assert place is not None
        key = b""
        if isinstance(seat, KeyedSeat):
            key = hash_of(seat.key)
            room = front.placement.of_key(key)
            if room is not None and (place.wish is not Wish.NAMED or room is self._find(place)):
                return self._to(room, named=True, returns=True)
        way = self._wanted(place, address, now)
        if key and isinstance(way, ToRoom):
            front.placement.remember(key, way.room)
        return way

    def _wanted(self, place: RoomAddress, address: str, now: float) -> Way:
        front = self._front
        if place.wish is Wish.NAMED:
            return self._named(place, address, now)
        if place.kind not in front.kinds:
            return _NO_ROOM
        if place.wish is Wish.ANY and (room := front.placement.any_of(place.kind, now)) is not None:
            return self._to(room, named=True)
        if not front.serves:
            return Later()
        taken = front.placement.rooms
        code = draw_code(self._bits, taken.__contains__, len(taken))
        room = front.create(place.kind, code, options=place.options, creator=address)
        if room is None:
            return _FULL
        # Its worker is told the code beside the request, so that whoever made it owns it.
        path = f"/{place.kind}/{NEW}" if place.wish is Wish.ANY else ""
        return ToRoom(room, path, code)

    def _find(self, place: RoomAddress) -> PlacedRoom | None:
        find, kind = self._front.placement.find, place.kind
        return find(place.code, kind) or find(spelled(place.code), kind)

    def _named(self, place: RoomAddress, address: str, now: float) -> Way:
        """Return the way to a room whose code is in the URL.

        After too many codes that no room has, an address finds none but those in which a place is
        kept for who asks; whoever comes back, or names no room, is not concerned.
        """
        room = self._find(place)
        if self._attempts.is_spent(address, now):
            is_kept = room is not None and room.keeps(place.reservation, now)
            return self._to(room, place.reservation) if room is not None and is_kept else _NO_ROOM
        if room is None:
            self._attempts.spend(address, now)
            return _NO_ROOM
        return self._to(room, place.reservation)

    def _to(
        self,
        room: PlacedRoom,
        reservation: str = "",
        *,
        named: bool = False,
        returns: bool = False,
    ) -> Way:
        if room.stage is Stage.HOMELESS or self._front.worker_of(room) is None:
            return Later()
        path = f"/{room.facts.kind}/{room.facts.code}" if named else ""
        return ToRoom(room, path, reservation=reservation, returns=returns)


def asks_for_upgrade(request: ParsedRequest) -> bool:
    """Return whether a request begins a WebSocket; other HTTP does not."""
    return b"websocket" in elements(request.fields, b"upgrade")
