"""The signals of those whose sessions these are, as roles and envelopes emit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from multiplayer.signals import Signal


class SessionSignals(Protocol):
    """The signals of ``MultiplayerPeer``."""

    peer_connected: Signal[int]
    peer_disconnected: Signal[int]
    connection_succeeded: Signal[()]
    connection_failed: Signal[()]
    server_disconnected: Signal[()]


class Godot3ClientSignals(SessionSignals, Protocol):
    """The signals of ``WebSocketClient``."""

    connection_established: Signal[str]
    connection_error: Signal[()]
    connection_closed: Signal[bool]
    data_received: Signal[()]
    server_close_request: Signal[int, str]


class Godot3ServerSignals(SessionSignals, Protocol):
    """The signals of ``WebSocketServer``, and what else is asked of it."""

    @property
    def holds_new_peers(self) -> bool:
        """See ``MultiplayerPeer``."""
        ...

    client_connected: Signal[int, str, str]
    client_disconnected: Signal[int, bool]
    client_close_request: Signal[int, int, str]
    data_received: Signal[int]
