"""Godot-style multiplayer peers over WebSocket: polled in a loop, or run under trio or asyncio.

``run``, ``serve``, ``connect``, ``fired``, ``emissions`` and ``reply`` are those of ``peers.trio``;
``peers.asyncio`` has the same. Neither library is imported before something of it is used.
"""

from __future__ import annotations

import importlib as _importlib
import typing as _typing

from multiplayer import Limits
from multiplayer.endpoint.failure import Failure
from multiplayer.endpoint.statistics import Statistics

from .driving.drivable import Drivable, Pollable
from .tls_options import TLSOptions
from .websocket.events import ReadyState
from .websocket.http_exchange import HttpRequest, HttpResponse
from .websocket.upgrade import UpgradeRequest
from .websocket.upgrade_policy import Accept, Refuse
from .websocket_client import WebSocketClient
from .websocket_multiplayer_peer import WebSocketMultiplayerPeer
from .websocket_peer import WebSocketPeer, WriteMode
from .websocket_server import WebSocketServer

if _typing.TYPE_CHECKING:
    from . import asyncio as asyncio
    from . import trio as trio
    from .trio import connect, emissions, fired, reply, run, serve

__all__ = [
    "Accept",
    "Drivable",
    "Failure",
    "HttpRequest",
    "HttpResponse",
    "Limits",
    "Pollable",
    "ReadyState",
    "Refuse",
    "Statistics",
    "TLSOptions",
    "UpgradeRequest",
    "WebSocketClient",
    "WebSocketMultiplayerPeer",
    "WebSocketPeer",
    "WebSocketServer",
    "WriteMode",
    "connect",
    "emissions",
    "fired",
    "reply",
    "run",
    "serve",
]

_OF_TRIO = ("connect", "emissions", "fired", "reply", "run", "serve")
_DRIVERS = ("asyncio", "trio")


def __getattr__(name: str) -> object:
    if name in _DRIVERS:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _OF_TRIO:
        value: object = getattr(_importlib.import_module(f"{__name__}.trio"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_OF_TRIO, *_DRIVERS})
