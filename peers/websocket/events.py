"""What a link tells its endpoint, in order of time, and the states that it can be in."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from multiplayer.endpoint.events import (
    Broken,
    CloseReceived,
    Drained,
    Ended,
    Failed,
    Message,
    Opened,
)
from multiplayer.runs import Run

if TYPE_CHECKING:
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


HttpEvent = HttpAsked | HttpRequested | HttpEnded

LinkEvent = (
    Requested
    | HttpEvent
    | Opened
    | Message
    | bytes
    | Run
    | CloseReceived
    | Broken
    | Failed
    | Ended
    | Drained
)
