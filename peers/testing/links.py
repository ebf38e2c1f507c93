"""What a test can do to one connection between sockets: cut it, or let its client not read."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any, Final, cast

from multiplayer import Error, MultiplayerError
from peers.sockets.endpoint_sockets import EndpointSockets

if TYPE_CHECKING:
    from peers.sockets.tcp import Connection
    from peers.websocket_multiplayer_peer import WebSocketMultiplayerPeer

_NOT_CONNECTED: Final = "this client has no connection (any more) that could be cut or stalled"


def cut(client: WebSocketMultiplayerPeer) -> None:
    """End the TCP connection of a client without a close frame, for both sides."""
    _, connection = _connection_of(client)
    assert connection.sock is not None
    with contextlib.suppress(OSError):  # the other side has cut it already
        connection.sock.shutdown(socket.SHUT_RDWR)


def set_stalled(client: WebSocketMultiplayerPeer, *, stalled: bool) -> None:
    """Let a client read nothing of what comes, until it is let go on; it is polled, and sends."""
    engine, connection = _connection_of(client)
    connection.rests = stalled
    engine.watch(connection.channel)


def _connection_of(
    client: WebSocketMultiplayerPeer,
) -> tuple[EndpointSockets[Any], Connection[Any]]:
    assert isinstance(client.endpoint.engine, EndpointSockets)
    engine = cast("EndpointSockets[Any]", client.endpoint.engine)
    for channel in client.endpoint.links:
        connection = engine.connections.get(channel)
        if connection is not None and connection.sock is not None and not connection.connecting:
            return engine, connection
    raise MultiplayerError(Error.ERR_UNCONFIGURED, _NOT_CONNECTED)
