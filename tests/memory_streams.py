"""Raw endpoints in a network in memory: what ``tests/raw.py`` uses of trio, over its pipes."""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING, Any, Final, cast

import trio

from peers.memory.stream import MemorySocket
from tests.raw import Raw, RawServer

if TYPE_CHECKING:
    import pytest

    from peers.memory import MemoryNetwork

_NOW: Final = struct.pack("ii", 1, 0)
"""``SO_LINGER`` of a socket that is to be reset when it is closed."""


async def _pause() -> None:
    with trio.move_on_after(0.001):
        await trio.sleep_forever()


class MemoryStream(trio.abc.HalfCloseableStream):
    """One end of a connection, for a test: what is used of ``trio.SocketStream``."""

    def __init__(self, sock: MemorySocket) -> None:
        self.socket = sock
        self._resets = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        rest = bytes(data)
        while rest:
            try:
                rest = rest[self.socket.send(rest) :]
            except BlockingIOError:
                await _pause()
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        while True:
            try:
                return self.socket.recv(max_bytes or 65536)
            except BlockingIOError:
                await _pause()
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        self.socket.shutdown(socket.SHUT_WR)

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self._resets = value == _NOW
        else:
            self.socket.setsockopt(level, option, value)

    async def aclose(self) -> None:
        other = self.socket.other
        if self._resets and self.socket.is_open and other is not None:
            other.be_reset()
        self.socket.close()
        await trio.lowlevel.checkpoint()


class MemoryListener:
    """What is used of ``trio.SocketListener``."""

    def __init__(self, sock: MemorySocket) -> None:
        self.socket = sock

    async def accept(self) -> MemoryStream:
        while True:
            try:
                return MemoryStream(self.socket.accept()[0])
            except BlockingIOError:
                await _pause()

    async def aclose(self) -> None:
        self.socket.close()
        await trio.lowlevel.checkpoint()


def move_raw_endpoints(network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``Raw`` dial, and ``RawServer`` listen, in ``network``."""

    async def dial(cls: type[Raw], port: int, *, receive_buffer: int = 0) -> Raw:
        sock = MemorySocket(network._wires, "127.0.0.1")
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            sock.connect(("127.0.0.1", port))
        except BlockingIOError as error:
            if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, errno.errorcode[code]) from error
        await trio.lowlevel.checkpoint()
        return cls(cast("trio.SocketStream", MemoryStream(sock)), is_client=True)

    async def listen(cls: type[RawServer], *, receive_buffer: int = 0) -> RawServer:
        sock = MemorySocket(network._wires, "127.0.0.1")
        sock.listen(0)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await trio.lowlevel.checkpoint()
        return cls(cast("trio.SocketListener", MemoryListener(sock)))

    monkeypatch.setattr(Raw, "dial", classmethod(dial))
    monkeypatch.setattr(RawServer, "listen", classmethod(listen))
