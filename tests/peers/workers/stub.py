"""A worker that plays no game: ``python -m tests.peers.workers.stub``.

It opens what it is told to open, and answers each connection with one line of JSON: its process id,
and what it was given. Then it sends back what comes. Rooms of some kinds misbehave.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import trio

from peers.workers import messages
from peers.workers.processes import inherited_pipe

if TYPE_CHECKING:
    import socket

    from peers.workers.messages import Message
    from peers.workers.pipe import Pipe


class Stub:
    def __init__(self, pipe: Pipe, nursery: trio.Nursery) -> None:
        self.pipe = pipe
        self.nursery = nursery
        self.rooms: dict[str, str] = {}  # the kind by code

    def open(self, kind: str, code: str, saved: bytes) -> None:
        if kind == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        self.rooms[code] = kind
        told = messages.Told(kind, code, 0, 2, False, False, 0, {}, 0)
        self.pipe.send(told)
        self.pipe.send(messages.Kept(code, saved))

    def handle(self, message: Message, sock: socket.socket | None) -> None:
        if isinstance(message, messages.Open):
            self.open(message.kind, message.code, f"{message.kind} {message.code}".encode())
        elif isinstance(message, messages.Restore):
            self.pipe.send(messages.Restoring(message.code))
            kind, code = message.snapshot.decode().split()
            if kind == "poison" and not message.fresh:
                os.kill(os.getpid(), signal.SIGKILL)
            self.open(kind, code, message.snapshot)
        elif isinstance(message, messages.Take):
            if sock is not None:
                self.nursery.start_soon(self.talk, sock, message)
        elif isinstance(message, messages.Drain):
            self.nursery.cancel_scope.cancel()

    async def talk(self, sock: socket.socket, take: messages.Take) -> None:
        line = {
            "pid": os.getpid(),
            "take": [take.address, take.port, take.received.decode(), take.code],
        }
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        await stream.send_all(json.dumps(line).encode() + b"\n")
        async for data in stream:
            if data == b"hang":
                time.sleep(60)  # noqa: ASYNC251 - on purpose
            if data == b"nonsense":
                self.pipe._sock.send(b"\0\0\0\1\xc1")
            await stream.send_all(data)


async def main() -> None:
    if "--cannot-start" in sys.argv:
        sys.exit(3)
    pipe, _ = inherited_pipe()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pipe.write_on)
        stub = Stub(pipe, nursery)
        pipe.send(messages.Ready({"duel": 2, "dies": 2, "poison": 2}, 0))

        async def beat() -> None:
            while True:
                await trio.sleep(0.2)
                pipe.send(messages.Beat(0))
                if pipe.broken:
                    nursery.cancel_scope.cancel()

        nursery.start_soon(beat)
        while said := await pipe.receive():
            for message, sock in said:
                stub.handle(message, sock)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
