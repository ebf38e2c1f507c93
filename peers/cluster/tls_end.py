"""``TlsEnd``: a port at which TLS ends, before a server of rooms.

A connection that is encrypted cannot be passed on to another node, since nobody else has its keys.
So its bytes are decrypted here, and spliced to a pair of sockets whose other end the server gets.
"""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import trio

from multiplayer import MultiplayerError

from .splice import splice, stream_of

if TYPE_CHECKING:
    import ssl

    from peers.rooms.room_server import RoomServer

_log = logging.getLogger(__name__)

Encrypted = trio.SSLStream[trio.SocketStream]


class TlsEnd:
    """Ends TLS.

    Of those that are in the midst of its handshake there are as many as the server's
    ``max_pending_handshakes``, each for ``handshake_timeout`` seconds; one more ends the oldest.

    Args:
        server: gets the connections, by ``adopt``.
        listener: a listening socket; it is closed at the end.
        context: key and certificate.
    """

    def __init__(
        self, server: RoomServer, listener: socket.socket, context: ssl.SSLContext
    ) -> None:
        self._server = server
        self._context = context
        listener.setblocking(False)
        self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
        self._pending: dict[trio.CancelScope, None] = {}

    @property
    def local_port(self) -> int:
        """The TCP port that it listens on."""
        port: int = self._listener.socket.getsockname()[1]
        return port

    async def run(self) -> None:
        """Accept connections until it is cancelled."""
        await trio.serve_listeners(self._serve, [self._listener])

    async def _serve(self, plain: trio.SocketStream) -> None:
        try:
            address = plain.socket.getpeername()
        except OSError:  # it has gone already
            await trio.aclose_forcefully(plain)
            return
        stream = trio.SSLStream(plain, self._context, server_side=True)
        if not await self._shake_hands(stream):
            await trio.aclose_forcefully(plain)
            return
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:  # there are no descriptors left
            _log.warning("a connection is given up: %s", error.strerror or error)
            await trio.aclose_forcefully(plain)
            return
        try:
            self._server.adopt(theirs, (address[0], address[1]))
        except MultiplayerError:  # it is stopping
            theirs.close()
        await splice(stream, stream_of(ours))

    async def _shake_hands(self, stream: Encrypted) -> bool:
        most = self._server.limits.max_pending_handshakes
        if 0 < most <= len(self._pending):
            oldest = next(iter(self._pending))
            del self._pending[oldest]
            oldest.cancel()
        with trio.move_on_after(self._server.handshake_timeout) as scope:
            self._pending[scope] = None
            try:
                await stream.do_handshake()
            except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
                return False
            finally:
                self._pending.pop(scope, None)
        return not scope.cancelled_caught
