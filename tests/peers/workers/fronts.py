"""Fronts with workers, for tests: started, spoken to through raw sockets, and ended."""

from __future__ import annotations

import json
import random
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import trio

from peers.certificates import server_context
from peers.workers.desk import Desk
from peers.workers.front import Front
from peers.workers.reception import Reception, ReceptionSettings
from peers.workers.routing import Routing
from tests.certificates import certificate, chain_of, key_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from multiplayer.rooms.supervision import Supervision

STUB = [sys.executable, "-m", "tests.peers.workers.stub"]
WORKER = [sys.executable, "-m", "peers.workers", "--save-every", "0.2"]
GAME = [*WORKER, "tests.peers.workers.game:Duel"]
PATIENCE = 20.0

HEAD = (
    "GET {} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Running:
    def __init__(self, front: Front, reception: Reception, encrypted: bool) -> None:
        self.front = front
        self.encrypted = encrypted
        self.reception = reception
        self.streams: list[trio.SocketStream] = []

    async def dial(self) -> trio.SocketStream:
        stream = await trio.open_tcp_stream("127.0.0.1", self.reception.local_port)
        self.streams.append(stream)
        return stream

    async def ask(self, target: str, more: str = "") -> Guest:
        guest = Guest(await self.dial())
        await guest.stream.send_all((HEAD.format(target) + more).encode())
        return guest


class Guest:
    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.buffer = b""

    async def line(self) -> dict[str, Any]:
        while b"\n" not in self.buffer:
            data = await self.stream.receive_some(65536)
            assert data, self.buffer
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    async def until(self, part: bytes) -> bytes:
        while part not in self.buffer:
            data = await self.stream.receive_some(65536)
            assert data, self.buffer
            self.buffer += data
        return self.buffer

    async def rest(self) -> bytes:
        with trio.fail_after(PATIENCE):
            async for data in self.stream:
                self.buffer += data
        return self.buffer


def code_in(answer: dict[str, Any]) -> str:
    return answer["take"][3] or answer["take"][2].split()[1].split("/")[2].partition("?")[0]


@asynccontextmanager
async def serving(
    workers: int = 2,
    supervision: Supervision | None = None,
    *,
    command: Sequence[str] = STUB,
    passes: bool = True,
    encrypted: bool = False,
    **settings: Any,
) -> AsyncGenerator[Running]:
    front = Front(command, workers, supervision=supervision, passes=passes)
    if encrypted:
        leaf = certificate("localhost")
        settings["context"] = server_context(key_of(leaf), chain_of(leaf), None)
    desk = Desk(front)
    routing = Routing(front, random.Random(1).getrandbits, desk.attempts)
    reception = Reception(front, routing, ReceptionSettings(**settings), desk.take)
    reception.listen("127.0.0.1", 0)
    with trio.fail_after(PATIENCE * 2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(front.run)
            nursery.start_soon(reception.run)
            nursery.start_soon(desk.run)
            running = Running(front, reception, encrypted)
            try:
                with trio.fail_after(PATIENCE):
                    while len(front.placement.workers) < workers:
                        await front.change()
                yield running
            finally:
                for stream in running.streams:
                    stream.socket.close()
                front.end_at_once()
                reception.stop()
                nursery.cancel_scope.cancel()


async def until(what: Any) -> None:
    with trio.fail_after(PATIENCE):
        while not what():  # noqa: ASYNC110 - processes say it
            await trio.sleep(0.01)
