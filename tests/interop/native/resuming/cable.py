"""A forwarder of TCP that a test can cut."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import trio

if TYPE_CHECKING:
    from types import TracebackType

_AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing resets."""


class Cable:
    """Between clients and a server on this machine.

    Attributes:
        url: where clients connect.
        heads: the first bytes that each connection brought, in order.
        plugged: new connections come through; else they are reset at once.
    """

    def __init__(self, nursery: trio.Nursery, server_url: str) -> None:
        host, port = server_url.removeprefix("ws://").split(":")
        self._server = host, int(port)
        self._nursery = nursery
        self._open: set[trio.SocketStream] = set()
        self.heads: list[bytes] = []
        self.plugged = True
        self._listener = trio.socket.socket()

    async def __aenter__(self) -> Self:
        await self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        self._nursery.start_soon(self._accept)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.cut()

    async def _accept(self) -> None:
        with suppress(OSError, trio.ClosedResourceError):
            while True:
                accepted, _ = await self._listener.accept()
                self._nursery.start_soon(self._carry, trio.SocketStream(accepted))

    async def _carry(self, client: trio.SocketStream) -> None:
        if not self.plugged:
            _reset(client)
            return
        self._open.add(client)
        try:
            server = await trio.open_tcp_stream(*self._server)
            self._open.add(server)
            async with trio.open_nursery() as both:
                both.start_soon(self._copy, client, server, len(self.heads))
                both.start_soon(self._copy, server, client, -1)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def _copy(self, source: trio.SocketStream, to: trio.SocketStream, number: int) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await source.receive_some():
                if number == len(self.heads):
                    self.heads.append(data)
                await to.send_all(data)
            await to.send_eof()

    def cut(self) -> None:
        """Reset all connections, at both ends."""
        while self._open:
            _reset(self._open.pop())


def _reset(stream: trio.SocketStream) -> None:
    with suppress(OSError):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    stream.socket.close()
