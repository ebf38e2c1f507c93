"""Godot-style multiplayer peers over WebSocket: polled in a loop, or run under trio."""

from __future__ import annotations

from multiplayer import Limits

from .admission import Accept, Refuse
from .failure import Failure
from .http_exchange import HttpRequest, HttpResponse
from .link_events import ReadyState
from .running import Pollable, run
from .sessions import connect, serve
from .statistics import Statistics
from .tls_options import TLSOptions
from .upgrade import UpgradeRequest
from .waiting import emissions, fired, reply
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
