"""``Visitors``: the port at which a node takes connections that other nodes pass on."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Final

import trio

from multiplayer import MultiplayerError
from multiplayer.rooms.letter import LONGEST, read_letter

if TYPE_CHECKING:
    from peers.rooms.room_server import RoomServer

_log = logging.getLogger(__name__)

_PATIENCE: Final = 5.0
"""How long the first line may take, in seconds."""

_MOST_WAITING: Final = 1000
_MOST_REMEMBERED: Final = 10_000


class Visitors:
    """Takes connections that other nodes pass on.

    Args:
        server: gets them.
        incarnation: of this node.

    Attributes:
        secret: what all nodes share; b"" until it is known.
    """

    def __init__(self, server: RoomServer, incarnation: str) -> None:
        self._server = server
        self._incarnation = incarnation
        self._waiting = 0
        self._passed: dict[tuple[str, int], None] = {}
        self.secret = b""

    def is_passed(self, address: tuple[str, int]) -> bool:
        """Return whether another node has passed on the connection of that client."""
        return address in self._passed

    async def receive(self, stream: trio.SocketStream) -> None:
        """Read who a connection is from, and give it to the server."""
        if not self.secret or self._waiting >= _MOST_WAITING:
            await trio.aclose_forcefully(stream)
            return
        self._waiting += 1
        try:
            with trio.move_on_after(_PATIENCE):
                if await self._take(stream):
                    return
        except (trio.BrokenResourceError, OSError):
            pass  # it is gone
        finally:
            self._waiting -= 1
        await trio.aclose_forcefully(stream)

    async def _take(self, stream: trio.SocketStream) -> bool:
        data = bytearray()
        while b"\n" not in data:
            piece = await stream.receive_some(4096)
            if not piece or len(data) > LONGEST:
                return False
            data += piece
        line, _, received = bytes(data).partition(b"\n")
        address = read_letter(self.secret, self._incarnation, line)
        if address is None:
            stranger = stream.socket.getpeername()[0]
            if self._server.front.endpoint.may_log(stranger, logging.WARNING, _log):
                _log.warning("a connection to the port for other nodes is from none of them")
            return False
        while len(self._passed) >= _MOST_REMEMBERED:
            del self._passed[next(iter(self._passed))]
        self._passed[address] = None
        sock = socket.socket(fileno=stream.socket.detach())
        try:
            self._server.adopt(sock, address, received)
        except MultiplayerError:  # it is stopping
            sock.close()
        return True
