"""What a session that is played lives on: sockets or memory, in clear or over TLS."""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar, cast

from peers import TLSOptions, WebSocketClient, WebSocketMultiplayerPeer, WebSocketServer
from peers.memory import MemoryNetwork
from peers.memory.stream import MemorySocket
from tests.certificates import anchor, certificate, chain_of, client_side, key_of

if TYPE_CHECKING:
    from collections.abc import Callable

P = TypeVar("P", bound=WebSocketMultiplayerPeer)

_NOW: Final = struct.pack("ii", 1, 0)


class RawGuest:
    """A socket that sends what it is told to, and reads when it is polled.

    Args:
        sock: the socket, connected.
        secure: speak TLS.
    """

    def __init__(self, sock: socket.socket, *, secure: bool = False) -> None:
        self.sock = sock
        self.sock.setblocking(False)
        self.received = b""
        self.ended = False
        self._waiting = b""
        self._tls = _Tls() if secure else None

    def poll(self) -> None:
        try:
            while not self.ended:
                data = self.sock.recv(65536)
                self.received += self._tls.read(data) if self._tls else data
                self.ended = not data
                self._flush()
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True
        self._flush()

    def send(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.put(data)
        else:
            self._waiting += data
        self._flush()

    def _flush(self) -> None:
        if self._tls is not None:
            self._waiting += self._tls.to_send()
        with suppress(OSError):
            while self._waiting:
                self._waiting = self._waiting[self.sock.send(self._waiting) :]

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW)
        self.sock.close()
        self.ended = True


class _Tls:
    """A client's side of TLS."""

    def __init__(self) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = client_side().wrap_bio(self._in, self._out, server_hostname="localhost")
        self._waiting = b""
        self._go_on()

    def put(self, data: bytes) -> None:
        self._waiting += data
        self._go_on()

    def read(self, data: bytes) -> bytes:
        """What ``data`` says; a mistake in it ends the reading."""
        self._in.write(data)
        self._go_on()
        said = b""
        with suppress(ssl.SSLError):
            while part := self._tls.read(65536):
                said += part
        return said

    def to_send(self) -> bytes:
        return self._out.read()

    def _go_on(self) -> None:
        with suppress(ssl.SSLError):
            self._tls.do_handshake()
            while self._waiting:
                self._waiting = self._waiting[self._tls.write(self._waiting) :]


class Ground:
    """Sockets of this computer.

    Args:
        secure: connections are encrypted.
    """

    def __init__(self, *, secure: bool = False) -> None:
        self._secure = secure

    def add(self, peer: P) -> P:
        """Let a new peer live here."""
        return peer

    def listen(self, server: WebSocketMultiplayerPeer, *, gd_mp_api: bool = True) -> None:
        leaf = certificate("localhost", "127.0.0.1")
        if not isinstance(server, WebSocketServer):
            tls = TLSOptions.server(key_of(leaf), chain_of(leaf)) if self._secure else None
            server.create_server(0, "127.0.0.1", tls)
            return
        if self._secure:
            server.private_key, server.tls_certificate = key_of(leaf), chain_of(leaf)
        server.bind_ip = "127.0.0.1"
        server.listen(0, gd_mp_api=gd_mp_api)

    def connect(
        self, client: WebSocketMultiplayerPeer, port: int, *, gd_mp_api: bool = True
    ) -> None:
        url = f"wss://127.0.0.1:{port}" if self._secure else f"ws://127.0.0.1:{port}"
        if isinstance(client, WebSocketClient):
            client.trusted_tls_certificate = anchor() if self._secure else None
            client.connect_to_url(url, gd_mp_api=gd_mp_api)
        else:
            client.create_client(url, TLSOptions.client(anchor()) if self._secure else None)

    def dial(self, port: int) -> RawGuest:
        return RawGuest(self._socket(port), secure=self._secure)

    def _socket(self, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port))


class MemoryGround(Ground):
    """A network in memory.

    Args:
        now: the session's clock.
        secure: connections are encrypted.
    """

    def __init__(self, now: Callable[[], float], *, secure: bool = False) -> None:
        super().__init__(secure=secure)
        self.network = MemoryNetwork()
        self.network.follow(now)

    def add(self, peer: P) -> P:
        return self.network.add(peer)

    def _socket(self, port: int) -> socket.socket:
        sock = _RawSocket(self.network._wires, "127.0.0.1")
        with suppress(BlockingIOError):
            sock.connect(("127.0.0.1", port))
        return cast("socket.socket", sock)


class _RawSocket(MemorySocket):
    """One that can be reset; whatever fails for the peers does not fail for it."""

    _resets = False

    def setsockopt(self, level: int, option: int, value: object) -> None:
        self._resets = option == socket.SO_LINGER and value == _NOW

    def close(self) -> None:
        if self._resets and self.other is not None:
            self.other.be_reset()
        super().close()
