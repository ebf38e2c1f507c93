"""Sessions for tests of floods: raw clients behind narrow connections, on every envelope."""

from __future__ import annotations

import ssl
import struct
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, cast

import trio

from multiplayer import GODOT_4, Limits, SceneMultiplayer
from peers import TLSOptions, WebSocketMultiplayerPeer, WebSocketServer
from tests.certificates import anchor, certificate, chain_of, key_of
from tests.driving import pause, until
from tests.gd_mp_rows import game
from tests.kept import tables_of_floods
from tests.peers.sockets import narrow
from tests.raw import CLOSE, PING, PONG, Raw, close_body, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.driving import Drive

FIRST: Final = 100
"""The id of the first client; the others count from there."""

ENVELOPES: Final = ("gd_mp", "godot4", "plain")


class _Ids(WebSocketServer):
    """Gives out ids in order; its clock can be put forward."""

    def __init__(self) -> None:
        super().__init__()
        self.next_id = FIRST - 1
        self.ahead = 0.0

    def generate_unique_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def now(self) -> float:
        return super().now() + self.ahead


class _Godot4Ids(WebSocketMultiplayerPeer):
    next_id = FIRST - 1
    ahead = 0.0

    def generate_unique_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def now(self) -> float:
        return super().now() + self.ahead


class Client:
    """A raw client; what it has read of others, as (sender, payload)."""

    def __init__(self, session: Session, raw: Raw, own: int) -> None:
        self._session = session
        self._buffer = bytearray()
        self.raw = raw
        self.own = own
        self.heard: list[tuple[int, bytes]] = []
        self.closed_with = 0
        self.ended = False

    def said(self, target: int, payload: bytes) -> bytes:
        """The frame with which it sends a payload to one, or to all others (0)."""
        return _masked(self._session.outgoing(self.own, target, payload))

    async def send(self, data: bytes) -> None:
        """Send until it is sent, or the server has ended the connection."""
        try:
            await self.raw.send(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended = True

    async def read(self, at_once: int = 1 << 16, *, paced: bool = False) -> None:
        """Read until the end of the connection, ``paced`` with a pause after each read."""
        while not self.ended:
            await self.sip(at_once)
            if paced:
                await pause()

    async def sip(self, at_once: int) -> None:
        """Read once."""
        try:
            data = await self.raw.stream.receive_some(at_once)
        except trio.BrokenResourceError:
            data = b""
        self.ended = self.ended or not data
        self._buffer += data
        at = 0
        while (end := _end_of_frame(self._buffer, at)) > at:
            await self._take(self._buffer[at] & 15, bytes(self._buffer[at:end]))
            at = end
        del self._buffer[:at]

    async def _take(self, op: int, frame: bytes) -> None:
        payload = frame[{126: 4, 127: 10}.get(frame[1], 2) :]
        if op == CLOSE:
            (self.closed_with,) = struct.unpack_from("!H", payload)
            await self.send(self.raw.frame(close_body(self.closed_with), CLOSE))
        elif op == PING:
            await self.send(self.raw.frame(payload, PONG))
        elif (message := self._session.incoming(payload)) is not None:
            self.heard.append(message)


class Session:
    """A server and raw clients.

    Args:
        envelope: one of ENVELOPES.
        limits: the server's.
        buffer: its ``outbound_buffer_size``, in bytes.
        secure: by TLS.
    """

    def __init__(
        self,
        envelope: str,
        limits: Limits | None = None,
        *,
        buffer: int = 65535,
        secure: bool = False,
    ) -> None:
        self.envelope = envelope
        self.clients: list[Client] = []
        self.left: list[int] = []
        server = self.server = _Godot4Ids() if envelope == "godot4" else _Ids()
        server.limits = limits or Limits()
        server.close_timeout = 0.2
        server.outbound_buffer_size = buffer
        server.peer_disconnected.connect(self.left.append)
        leaf = certificate("localhost", "127.0.0.1")
        if isinstance(server, _Ids):
            server.bind_ip = "127.0.0.1"
            if secure:
                server.private_key, server.tls_certificate = key_of(leaf), chain_of(leaf)
            server.listen(0, gd_mp_api=envelope == "gd_mp")
            server.discard_packets = envelope == "gd_mp"
            if envelope == "plain":
                server.data_received.connect(self._pass_on)
                server.client_disconnected.connect(lambda peer, _clean: self.left.append(peer))
        else:
            options = TLSOptions.server(key_of(leaf), chain_of(leaf)) if secure else None
            server.create_server(0, "127.0.0.1", options)
            self.api = SceneMultiplayer(dialect=GODOT_4)
            self.api.discard_packets = True
            self.api.multiplayer_peer = server
        self._context = ssl.create_default_context(cadata=anchor().decode()) if secure else None

    def _pass_on(self, sender: int) -> None:
        """Do as ``python -m peers serve --plain``, and look at the first bytes for whom it is."""
        server = cast("_Ids", self.server)
        packet = server.get_peer(sender).get_packet()
        (target,) = struct.unpack_from("<i", packet)
        for peer in [*server._role.clients.members]:
            if peer != sender and target in (0, peer):
                message = struct.pack("<i", sender) + packet[4:]
                server.get_peer(peer).put_packet(message)

    def outgoing(self, source: int, target: int, payload: bytes) -> bytes:
        """What a client sends."""
        if self.envelope == "gd_mp":
            return game(source, target, payload)
        if self.envelope == "plain":
            return struct.pack("<i", target) + payload
        return struct.pack("<BBi", 7, 3, target) + b"\x03" + payload

    def incoming(self, packet: bytes) -> tuple[int, bytes] | None:
        """Who sent what, if it is another client's packet."""
        if self.envelope == "gd_mp":
            kind, source, _ = struct.unpack_from("<Bii", packet)
            return None if kind else (source, packet[9:])
        if self.envelope == "plain":
            return struct.unpack_from("<i", packet)[0], packet[4:]
        if packet[:2] != b"\x07\x03":
            return None
        return struct.unpack_from("<i", packet, 2)[0], packet[7:]

    async def join(self, *, narrowed: bool = False) -> Client:
        """One more client, ``narrowed`` with small buffers between it and the server."""
        server, port = self.server, self.server.get_local_port()
        raw = await Raw.dial(port, receive_buffer=16384 if narrowed else 0)
        if self._context is not None:
            stream = trio.SSLStream(raw.stream, self._context, server_hostname="localhost")
            raw.stream = cast("trio.SocketStream", stream)
        await raw.send(request(port))
        await raw.read_head()
        own = FIRST + len(self.clients)
        client = Client(self, raw, own)
        self.clients.append(client)
        client._buffer += raw._buffer
        await until(lambda: own in server._role.clients.members)
        if narrowed:
            narrow(server, own)
        return client

    def send(self, to: Client, packet: bytes) -> None:
        """Let the server's program send a packet."""
        if self.envelope == "plain":
            self.server.get_peer(to.own).put_packet(packet)
        else:
            self.server.set_target_peer(to.own)
            self.server.put_packet(packet)

    @property
    def kept(self) -> list[object]:
        """What the server keeps of floods."""
        return [table for table in tables_of_floods(self.server).values() if len(table)]

    def put_forward(self, seconds: float) -> None:
        """Put the server's clock forward, and let it look at the clock."""
        self.server.ahead += seconds
        self.server.endpoint.wake()


@asynccontextmanager
async def flooded(
    drive: Drive | None,
    envelope: str,
    limits: Limits | None = None,
    *,
    buffer: int = 65535,
    secure: bool = False,
) -> AsyncIterator[Session]:
    """A session that ends with the block; without ``drive`` nobody polls its server."""
    session = Session(envelope, limits, buffer=buffer, secure=secure)
    if drive is not None:
        drive.add(session.server)
    async with AsyncExitStack() as ends:
        ends.callback(session.server.end_at_once, 1001)
        try:
            yield session
        finally:
            for client in session.clients:
                with trio.CancelScope(shield=True):
                    await trio.aclose_forcefully(client.raw.stream)


def _masked(payload: bytes) -> bytes:
    """A client's frame, with a mask that changes nothing."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", 0x82, 0x80 | size) + bytes(4) + payload
    return struct.pack("!BBH", 0x82, 0xFE, size) + bytes(4) + payload


def _end_of_frame(data: bytearray, at: int) -> int:
    """Where the server's frame that begins there ends; ``at`` if there is no whole one."""
    left = len(data) - at
    if left < 2:
        return at
    size, head = data[at + 1], 2
    if size == 126:
        head = 4
        size = int.from_bytes(data[at + 2 : at + 4]) if left >= 4 else 1 << 40
    elif size == 127:
        head = 10
        size = int.from_bytes(data[at + 2 : at + 10]) if left >= 10 else 1 << 40
    return at + head + size if left >= head + size else at
