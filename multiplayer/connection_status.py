"""``ConnectionStatus``: how far a peer has come."""

from __future__ import annotations

from enum import IntEnum


class ConnectionStatus(IntEnum):
    """Godot's ``MultiplayerPeer.ConnectionStatus``."""

    CONNECTION_DISCONNECTED = 0
    CONNECTION_CONNECTING = 1
    CONNECTION_CONNECTED = 2
