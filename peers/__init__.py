"""Godot-style multiplayer peers over WebSocket: polled in a loop, or run under trio."""

from __future__ import annotations

from multiplayer import Limits

from .failure import Failure
from .statistics import Statistics
from .tls_options import TLSOptions
from .trio.running import Pollable, run
from .trio.scopes import connect, serve
from .trio.waiting import emissions, fired, reply
from .websocket.events import ReadyState
from .websocket.http_exchange import HttpRequest, HttpResponse
from .websocket.upgrade import UpgradeRequest
from .websocket.upgrade_policy import Accept, Refuse
from .websocket_client import WebSocketClient
from .websocket_multiplayer_peer import WebSocketMultiplayerPeer
from .websocket_peer import WebSocketPeer, WriteMode
from .websocket_server import WebSocketServer

__all__ = [
    "Accept",
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
