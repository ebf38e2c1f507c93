"""Godot-style multiplayer peers over WebSocket: polled in a loop, or run under trio or asyncio.

``run``, ``serve``, ``serve_rooms``, ``connect``, ``lobby``, ``fired``, ``emissions`` and ``reply``
are those of ``peers.trio``;
``peers.asyncio`` has the same. Nothing is loaded before it is used: neither library, nor, when a
test runner looks for plugins, any of ours.
"""

from __future__ import annotations

import importlib as _importlib
import typing as _typing

if _typing.TYPE_CHECKING:
    from multiplayer import Limits
    from multiplayer.endpoint.close_code import CloseCode
    from multiplayer.endpoint.failure import Failure
    from multiplayer.endpoint.seat import SavedSeat
    from multiplayer.endpoint.seat_keys import SeatKeys
    from multiplayer.endpoint.statistics import Statistics
    from multiplayer.resume import Resume
    from multiplayer.rooms.listing import RoomPage, RoomRow
    from multiplayer.rooms.lobby import LobbySettings
    from multiplayer.rooms.lobby_words import LobbyRefusedError
    from multiplayer.rooms.matcher import RatingWindow
    from multiplayer.rooms.tickets import RoomPlace

    from . import asyncio as asyncio
    from . import trio as trio
    from .conditioned import ConditionedPeer
    from .driving.drivable import Drivable, Pollable
    from .driving.lobby import Lobby
    from .rooms.front import RoomRequest
    from .rooms.lobby_client import LobbyClient
    from .rooms.room import Room
    from .rooms.room_server import RoomServer
    from .rooms.seat import Seat
    from .rooms.waiting import Waiting
    from .sockets.engine import SocketEngine
    from .tls_options import TLSOptions
    from .trio import connect, emissions, fired, lobby, reply, run, serve, serve_rooms
    from .websocket.events import ReadyState
    from .websocket.http_exchange import HttpRequest, HttpResponse
    from .websocket.upgrade import UpgradeRequest
    from .websocket.upgrade_policy import Accept, Refuse
    from .websocket_client import WebSocketClient
    from .websocket_multiplayer_peer import WebSocketMultiplayerPeer
    from .websocket_peer import WebSocketPeer, WriteMode
    from .websocket_server import WebSocketServer

    __version__: str
    """The version of the distribution, ``gdpeers``."""

__all__ = [
    "Accept",
    "CloseCode",
    "ConditionedPeer",
    "Drivable",
    "Failure",
    "HttpRequest",
    "HttpResponse",
    "Limits",
    "Lobby",
    "LobbyClient",
    "LobbyRefusedError",
    "LobbySettings",
    "Pollable",
    "RatingWindow",
    "ReadyState",
    "Refuse",
    "Resume",
    "Room",
    "RoomPage",
    "RoomPlace",
    "RoomRequest",
    "RoomRow",
    "RoomServer",
    "SavedSeat",
    "Seat",
    "SeatKeys",
    "SocketEngine",
    "Statistics",
    "TLSOptions",
    "UpgradeRequest",
    "Waiting",
    "WebSocketClient",
    "WebSocketMultiplayerPeer",
    "WebSocketPeer",
    "WebSocketServer",
    "WriteMode",
    "connect",
    "emissions",
    "fired",
    "lobby",
    "reply",
    "run",
    "serve",
    "serve_rooms",
]

_HOMES: _typing.Final = {
    "multiplayer.limits": ("Limits",),
    "multiplayer.endpoint.close_code": ("CloseCode",),
    "multiplayer.endpoint.failure": ("Failure",),
    "multiplayer.endpoint.seat": ("SavedSeat",),
    "multiplayer.endpoint.seat_keys": ("SeatKeys",),
    "multiplayer.endpoint.statistics": ("Statistics",),
    "multiplayer.resume": ("Resume",),
    "multiplayer.rooms.listing": ("RoomPage", "RoomRow"),
    "multiplayer.rooms.lobby": ("LobbySettings",),
    "multiplayer.rooms.tickets": ("RoomPlace",),
    "multiplayer.rooms.lobby_words": ("LobbyRefusedError",),
    "multiplayer.rooms.matcher": ("RatingWindow",),
    "peers.conditioned": ("ConditionedPeer",),
    "peers.driving.drivable": ("Drivable", "Pollable"),
    "peers.driving.lobby": ("Lobby",),
    "peers.rooms.front": ("RoomRequest",),
    "peers.rooms.lobby_client": ("LobbyClient",),
    "peers.rooms.room": ("Room",),
    "peers.rooms.room_server": ("RoomServer",),
    "peers.rooms.seat": ("Seat",),
    "peers.rooms.waiting": ("Waiting",),
    "peers.sockets.engine": ("SocketEngine",),
    "peers.tls_options": ("TLSOptions",),
    "peers.trio": (
        "connect",
        "emissions",
        "fired",
        "lobby",
        "reply",
        "run",
        "serve",
        "serve_rooms",
    ),
    "peers.websocket.events": ("ReadyState",),
    "peers.websocket.http_exchange": ("HttpRequest", "HttpResponse"),
    "peers.websocket.upgrade": ("UpgradeRequest",),
    "peers.websocket.upgrade_policy": ("Accept", "Refuse"),
    "peers.websocket_client": ("WebSocketClient",),
    "peers.websocket_multiplayer_peer": ("WebSocketMultiplayerPeer",),
    "peers.websocket_peer": ("WebSocketPeer", "WriteMode"),
    "peers.websocket_server": ("WebSocketServer",),
}
"""The module of each exported name."""

_HOME_OF: _typing.Final = {name: home for home, names in _HOMES.items() for name in names}
_DRIVERS: _typing.Final = ("asyncio", "trio")


def __getattr__(name: str) -> object:
    if name == "__version__":
        globals()[name] = _version()
        return globals()[name]
    if name in _DRIVERS:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _HOME_OF:
        value: object = getattr(_importlib.import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - it is slow

    try:
        return version("gdpeers")
    except PackageNotFoundError:
        return "(not installed)"


def __dir__() -> list[str]:
    return sorted({*globals(), "__version__", *__all__, *_DRIVERS})
