"""A WebSocket endpoint over trio that sends exactly the bytes that a test wants.

It shares nothing with the code under test.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import trio

if TYPE_CHECKING:
    from collections.abc import Sequence

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
END = b"\r\n\r\n"
PATIENCE = 10.0


def accept_key(key: str) -> str:
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest).decode()


def frame(
    payload: bytes, op: int = BINARY, *, fin: bool = True, rsv: int = 0, mask: bytes | None = None
) -> bytes:
    """One frame; ``mask`` None leaves it unmasked."""
    size = len(payload)
    first, masked = (fin << 7) | (rsv << 4) | op, 0 if mask is None else 0x80
    if size < 126:
        head = struct.pack("!BB", first, masked | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, masked | 126, size)
    else:
        head = struct.pack("!BBQ", first, masked | 127, size)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))


def close_body(code: int, reason: str = "") -> bytes:
    return struct.pack("!H", code) + reason.encode()


@dataclass(frozen=True)
class Frame:
    op: int
    payload: bytes
    fin: bool
    rsv: int
    masked: bool


class Raw:
    """One side of a connection after the upgrade."""

    def __init__(self, stream: trio.SocketStream, *, is_client: bool) -> None:
        self.stream = stream
        self.is_client = is_client
        self.head = ""
        self._buffer = b""

    # ---- opening

    @classmethod
    async def dial(cls, port: int, *, receive_buffer: int = 0) -> Self:
        """A client's TCP connection, nothing sent yet; ``receive_buffer`` in bytes, 0 as usual."""
        sock = trio.socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await sock.connect(("127.0.0.1", port))
        return cls(trio.SocketStream(sock), is_client=True)

    @classmethod
    async def connect(
        cls, port: int, *, path: str = "/", headers: Sequence[str] = (), protocol: str = ""
    ) -> Self:
        """A client after a proper upgrade."""
        raw = await cls.dial(port)
        await raw.send(request(port, path=path, headers=headers, protocol=protocol))
        await raw.read_head()
        assert raw.head.startswith("HTTP/1.1 101 "), raw.head
        return raw

    async def read_head(self) -> str:
        with trio.fail_after(PATIENCE):
            while END not in self._buffer:
                data = await self.stream.receive_some()
                assert data, f"ended in the middle of the HTTP head: {self._buffer!r}"
                self._buffer += data
        head, self._buffer = self._buffer.split(END, 1)
        self.head = head.decode("latin-1")
        return self.head

    async def accept(
        self,
        *,
        status: str = "101 Switching Protocols",
        headers: Sequence[str] | None = None,
        further: Sequence[str] = (),
    ) -> str:
        """As a server: read the request, answer it, return it; ``headers`` None for the proper."""
        asked = await self.read_head()
        headers = [*(upgrade_headers(asked) if headers is None else headers), *further]
        await self.send("\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode())
        return asked

    # ---- frames

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def send_frame(
        self, payload: bytes, op: int = BINARY, *, fin: bool = True, rsv: int = 0
    ) -> None:
        await self.send(self.frame(payload, op, fin=fin, rsv=rsv))

    def frame(self, payload: bytes, op: int = BINARY, *, fin: bool = True, rsv: int = 0) -> bytes:
        """One frame, masked as this side has to."""
        mask = os.urandom(4) if self.is_client else None
        return frame(payload, op, fin=fin, rsv=rsv, mask=mask)

    async def receive_frame(self, timeout: float = PATIENCE) -> Frame | None:
        """The next frame; None at the end of the stream (a reset included)."""
        with trio.fail_after(timeout):
            while True:
                parsed = self._parse()
                if parsed is not None:
                    return parsed
                try:
                    data = await self.stream.receive_some()
                except trio.BrokenResourceError:
                    data = b""
                if not data:
                    return None
                self._buffer += data

    async def receive_message(self, timeout: float = PATIENCE) -> bytes:
        """The payload of the next frame, which must be a whole message."""
        received = await self.receive_frame(timeout)
        assert received is not None, "the connection ended"
        assert received.op in (TEXT, BINARY), received
        assert received.fin
        return received.payload

    async def receive_close(self, timeout: float = PATIENCE) -> bytes:
        """The body of the next close frame; what comes before it is skipped.

        Pings are answered: who closes may wait for that.
        """
        while True:
            received = await self.receive_frame(timeout)
            assert received is not None, "ended without a close frame"
            if received.op == CLOSE:
                return received.payload
            if received.op == PING:
                await self.send_frame(received.payload, PONG)

    async def receive_end(self, timeout: float = PATIENCE) -> list[Frame]:
        """All frames until the other side ends the connection."""
        frames: list[Frame] = []
        while (received := await self.receive_frame(timeout)) is not None:
            frames.append(received)
        return frames

    def _parse(self) -> Frame | None:
        data = self._buffer
        if len(data) < 2:
            return None
        size, at = data[1] & 0x7F, 2
        if size == 126:
            if len(data) < 4:
                return None
            size, at = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            if len(data) < 10:
                return None
            size, at = struct.unpack("!Q", data[2:10])[0], 10
        masked = bool(data[1] & 0x80)
        key = data[at : at + 4] if masked else b"\0\0\0\0"
        at += 4 if masked else 0
        if len(data) < at + size:
            return None
        payload = bytes(byte ^ key[i & 3] for i, byte in enumerate(data[at : at + size]))
        self._buffer = data[at + size :]
        return Frame(data[0] & 15, payload, bool(data[0] >> 7), data[0] >> 4 & 7, masked)

    # ---- ending

    async def close(self) -> None:
        await self.stream.aclose()

    async def reset(self) -> None:
        """End with RST instead of FIN."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.stream.aclose()


def request(
    port: int, *, path: str = "/", headers: Sequence[str] = (), protocol: str = ""
) -> bytes:
    """A client's proper upgrade request."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        *([f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []),
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def upgrade_headers(asked: str) -> list[str]:
    """The three headers with which a server agrees."""
    keys = [
        line.partition(":")[2].strip()
        for line in asked.split("\r\n")
        if line.lower().startswith("sec-websocket-key:")
    ]
    return [
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {accept_key(keys[0])}",
    ]


class RawServer:
    """A listener that gives raw connections."""

    def __init__(self, listener: trio.SocketListener) -> None:
        self._listener = listener
        self.port: int = listener.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"

    @classmethod
    async def listen(cls, *, receive_buffer: int = 0) -> Self:
        """On a free port; ``receive_buffer`` in bytes, 0 as usual."""
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        if receive_buffer:
            listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        return cls(listener)

    async def dialled(self) -> Raw:
        """The next client's TCP connection."""
        with trio.fail_after(PATIENCE):
            return Raw(await self._listener.accept(), is_client=False)

    async def upgraded(self, headers: Sequence[str] = ()) -> Raw:
        """The next client after a proper upgrade, answered with further ``headers``."""
        raw = await self.dialled()
        await raw.accept(further=headers)
        return raw

    async def close(self) -> None:
        await self._listener.aclose()
