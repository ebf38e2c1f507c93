"""Lets an engine be the server, although in a browser it cannot listen.

SceneMultiplayer is the engine's. Its peer is ``project/bridge_peer.gd``, which stands for the
server half of WebSocketMultiplayerPeer together with this: we accept the clients, give them their
ids, and carry their packets to the engine and back. Between us and the engine a message is u8 what,
i32 peer, payload. Nothing here comes from the code under test.
"""

from __future__ import annotations

import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CONNECTED, DISCONNECTED, PACKET, DROP = range(4)
ENGINE = "/engine"
ENGINE_ID = 1
PATIENCE = 10.0


@dataclass(frozen=True)
class Passed:
    """A packet that went over the bridge, between the engine (1) and a client."""

    source: int
    target: int
    packet: bytes


class Connection:
    """One accepted WebSocket. Sending on one that is closing does nothing: messages() ends."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.path = ""
        self._stream = stream
        self._socket = WSConnection(ConnectionType.SERVER)
        self._lock = trio.Lock()

    async def _send(self, event: Event) -> None:
        async with self._lock:
            with suppress(LocalProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
                await self._stream.send_all(self._socket.send(event))

    async def send(self, data: bytes) -> None:
        await self._send(BytesMessage(data=data))

    async def close(self) -> None:
        """Send a close frame; messages() goes on until it is answered."""
        await self._send(CloseConnection(code=CloseReason.NORMAL_CLOSURE))

    async def messages(self) -> AsyncGenerator[bytes | None]:
        """None as soon as the connection is accepted, then whole messages until its end."""
        parts = b""
        while True:
            try:
                data = await self._stream.receive_some()
                self._socket.receive_data(data or None)
                events = [*self._socket.events()]
            except (trio.BrokenResourceError, trio.ClosedResourceError, RemoteProtocolError):
                return
            for event in events:
                if isinstance(event, Request):
                    self.path = event.target
                    await self._send(AcceptConnection())
                    yield None
                elif isinstance(event, BytesMessage | TextMessage):
                    piece = event.data
                    parts += piece.encode() if isinstance(piece, str) else bytes(piece)
                    if event.message_finished:
                        yield parts
                        parts = b""
                elif isinstance(event, Ping):
                    await self._send(event.response())
                elif isinstance(event, CloseConnection):
                    if event.code != CloseReason.ABNORMAL_CLOSURE:
                        await self._send(event.response())
                    return
            if not data:
                return


class Bridge:
    """Made with :meth:`open`.

    Attributes:
        url: where clients connect.
        engine_url: where the engine connects (:meth:`Godot4.create_server`).
        next_id: the id that the next client gets; set it for another.
        passed: all packets that went over it, in order.
    """

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}"
        self.engine_url = self.url + ENGINE
        self.port = port
        self.next_id = 2
        self.passed: list[Passed] = []
        self._engine: Connection | None = None
        self._clients: dict[int, Connection] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[Bridge]:
        """Listen on a free port for the time of the ``with``."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        bridge = cls(listeners[0].socket.getsockname()[1])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, bridge._serve, listeners)
            yield bridge
            nursery.cancel_scope.cancel()

    async def _serve(self, stream: trio.SocketStream) -> None:
        connection = Connection(stream)
        async with stream:
            messages = connection.messages()
            try:
                if await anext(messages, b"") is None:
                    if connection.path == ENGINE:
                        await self._serve_engine(connection, messages)
                    else:
                        await self._serve_client(connection, messages)
            finally:
                await messages.aclose()

    async def _serve_engine(
        self, connection: Connection, messages: AsyncGenerator[bytes | None]
    ) -> None:
        self._engine = connection
        async for message in messages:
            assert message is not None
            what, peer = struct.unpack_from("<Bi", message)
            if client := self._clients.get(peer):
                if what == PACKET:
                    self.passed.append(Passed(ENGINE_ID, peer, message[5:]))
                    await client.send(message[5:])
                elif what == DROP:
                    await client.close()
        for client in self._clients.values():  # the server is gone
            await client.close()

    async def _serve_client(
        self, connection: Connection, messages: AsyncGenerator[bytes | None]
    ) -> None:
        peer, self.next_id = self.next_id, self.next_id + 1
        self._clients[peer] = connection
        await connection.send(struct.pack("<i", peer))
        await self._to_engine(CONNECTED, peer)
        try:
            async for message in messages:
                assert message is not None
                self.passed.append(Passed(peer, ENGINE_ID, message))
                await self._to_engine(PACKET, peer, message)
        finally:
            del self._clients[peer]
            with trio.move_on_after(PATIENCE, shield=True):
                await self._to_engine(DISCONNECTED, peer)

    async def _to_engine(self, what: int, peer: int, payload: bytes = b"") -> None:
        assert self._engine is not None, "the engine comes first: create_server(bridge.engine_url)"
        await self._engine.send(struct.pack("<Bi", what, peer) + payload)
