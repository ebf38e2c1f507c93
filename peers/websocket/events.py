"""What a link tells its endpoint, in order of time, and the states that it can be in."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from .frames import Broken, CloseReceived, Message

if TYPE_CHECKING:
    from multiplayer.endpoint.failure import Failure

    from .http_exchange import HttpExchange, HttpRequest
    from .upgrade import UpgradeRequest


class ReadyState(IntEnum):
    """Godot's ``WebSocketPeer.State``."""

    STATE_CONNECTING = 0
    STATE_OPEN = 1
    STATE_CLOSING = 2
    STATE_CLOSED = 3


class Requested(NamedTuple):
    """A client asks for the upgrade; answer with ``accept`` or ``refuse``."""

    request: UpgradeRequest


class HttpAsked(NamedTuple):
    """A client asks for something else than the upgrade; ``read_body``, or ``turn_down``."""

    exchange: HttpExchange


class HttpRequested(NamedTuple):
    """The whole of such a request is here; answer with ``respond`` or ``refuse``."""

    request: HttpRequest


class HttpEnded(NamedTuple):
    """Its connection is over, answered or not."""


class Opened(NamedTuple):
    """The server agreed to the upgrade, with this sub-protocol ("" for none)."""

    protocol: str


class Failed(NamedTuple):
    """The connection never opened, or (``stage`` id) never became a session."""

    failure: Failure


class Ended(NamedTuple):
    """An open connection has ended; ``failure`` is None if it was closed properly."""

    clean: bool
    failure: Failure | None


class Drained(NamedTuple):
    """Little waits to be sent where it was much; told by whoever moves the bytes."""


HttpEvent = HttpAsked | HttpRequested | HttpEnded

LinkEvent = (
    Requested | HttpEvent | Opened | Message | CloseReceived | Broken | Failed | Ended | Drained
)
