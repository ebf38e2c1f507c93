"""Which room a request asks for, and whether it is there, has to be made, or cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from multiplayer.endpoint.close_code import CloseCode
from multiplayer.rooms.placement import Stage

from .reception import Later, Refused, ToRoom

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from multiplayer.rooms.placement import PlacedRoom
    from peers.websocket.http_head import ParsedRequest

    from .front import Front
    from .reception import Way

NEW: Final = "new"
ANY: Final = "any"

_GONE: Final = Refused(CloseCode.NO_SUCH_ROOM, "there is no such room")
_FULL: Final = Refused(CloseCode.TRY_LATER, "no more rooms now; try again")
_ENDING: Final = Refused(CloseCode.MOVED, "this server is going away; try again")


class Routing:
    """Says where requests go.

    Args:
        front: the workers and their rooms.
        draw: makes a code that is not among those given.
    """

    def __init__(self, front: Front, draw: Callable[[Container[str]], str]) -> None:
        self._front = front
        self._draw = draw

    def __call__(self, request: ParsedRequest, address: str) -> Way:
        """Return where a request goes."""
        front = self._front
        if front.draining:
            return _ENDING
        path, _, query = request.target.partition("?")
        parts = path.strip("/").split("/")
        if len(parts) != 2:
            return None
        kind, wish = parts
        if not front.kinds:
            return Later()
        if kind not in front.kinds:
            return _GONE
        if wish in (NEW, ANY):
            room = front.placement.any_of(kind, trio.current_time()) if wish == ANY else None
            return (
                self._made(kind, address, query) if room is None else self._to(room, rewrite=True)
            )
        room = front.placement.find(wish, kind)
        return _GONE if room is None else self._to(room)

    def _made(self, kind: str, address: str, query: str) -> Way:
        front = self._front
        if not front.serves:
            return Later()
        code = self._draw(front.placement.rooms)
        del query
        room = front.create(kind, code, creator=address)
        return _FULL if room is None else self._to(room, rewrite=True)

    def _to(self, room: PlacedRoom, *, rewrite: bool = False) -> Way:
        if room.stage is Stage.HOMELESS or self._front.worker_of(room) is None:
            return Later()
        return ToRoom(room, f"/{room.facts.kind}/{room.facts.code}" if rewrite else "")
