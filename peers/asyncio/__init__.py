"""Peers under asyncio: running them, and waiting for what they tell; the twin of ``peers.trio``."""

from __future__ import annotations

from peers.driving.running import Running
from peers.driving.scopes import Scopes
from peers.driving.waiting import Waiting

from .library import AsyncioLibrary

__all__ = ["connect", "emissions", "fired", "lobby", "reply", "run", "serve", "serve_rooms"]

_library = AsyncioLibrary()
_running = Running(_library)
_waiting = Waiting(_library)
scopes = Scopes(_library, _running, _waiting)

run = _running.run
connect = scopes.connect
serve = scopes.serve
serve_rooms = scopes.serve_rooms
lobby = scopes.lobby
fired = _waiting.fired
emissions = _waiting.emissions
reply = _waiting.reply
