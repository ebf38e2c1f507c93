"""Raw WebSocket clients for the load generators: the upgrade, masked frames, nothing else."""

from __future__ import annotations

import json
import os
import socket
import struct
import time

REQUEST = (
    b"GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SOCKETIO_PATH = b"/socket.io/?EIO=4&transport=websocket"

BINARY = 2
TEXT = 1
ANNOUNCEMENT = {"gd_mp": 15, "godot4": 8}
"""How long the frame is with which a server tells of a peer."""


def request(port: int, dialect: str = "bare") -> bytes:
    """Return the request for an upgrade."""
    return REQUEST % (SOCKETIO_PATH if dialect == "socketio" else b"/", port)


def frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """Return a masked frame, with a random mask as RFC 6455 demands."""
    size, first = len(payload), 0x80 | opcode
    if size < 126:
        header = bytes((first, 0x80 | size))
    elif size < 65536:
        header = struct.pack("!BBH", first, 0xFE, size)
    else:
        header = struct.pack("!BBQ", first, 0xFF, size)
    key = os.urandom(4)
    mask = (key * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload) ^ int.from_bytes(mask)).to_bytes(size)
    return header + key + masked


def frame_size(payload: int) -> int:
    """Return how long an unmasked frame with so many bytes is."""
    return payload + (2 if payload < 126 else 4 if payload < 65536 else 10)


class Client:
    """One blocking connection while it is being set up."""

    def __init__(self, port: int, dialect: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.id = 0
        self.rest = b""
        """What has come and is not read yet."""
        self.sock.sendall(request(port, dialect))
        while b"\r\n\r\n" not in self.rest:
            self._receive()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        assert b" 101 " in head.split(b"\r\n")[0], head
        if dialect == "gd_mp":
            self.id = struct.unpack("<i", self.read(ANNOUNCEMENT["gd_mp"])[11:])[0]
        elif dialect == "godot4":
            self.id = struct.unpack("<i", self.read(6)[2:])[0]
        elif dialect == "socketio":
            self.read_text()  # the session's parameters
            self.sock.sendall(frame(b"40", TEXT))
            assert json.loads(self.read_text()[2:])["sid"]

    def _receive(self) -> None:
        data = self.sock.recv(65536)
        assert data, "the server has ended the connection"
        self.rest += data

    def read(self, count: int) -> bytes:
        """Return so many bytes."""
        while len(self.rest) < count:
            self._receive()
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def read_text(self) -> bytes:
        """Return the payload of a frame of less than 64 KiB."""
        size = self.read(2)[1]
        if size == 126:
            (size,) = struct.unpack("!H", self.read(2))
        return self.read(size)


def settled(sock: socket.socket, expected: int, patience: float = 30.0) -> None:
    """Read and forget exactly so many bytes."""
    deadline = time.monotonic() + patience
    while expected > 0:
        assert time.monotonic() < deadline, f"{expected} bytes never came"
        data = sock.recv(min(expected, 1 << 16))
        assert data, "the server has ended the connection"
        expected -= len(data)
