"""One worker, spoken to as its front would: half a head, nonsense, snapshots of any kind."""

from __future__ import annotations

import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from multiplayer.rooms.snapshot import MOST_BYTES, SeatRow, Snapshot, pack
from peers.workers import messages
from peers.workers.processes import start
from tests.peers.workers.fronts import GAME, HEAD, PATIENCE, Guest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from peers.workers.messages import Message
    from peers.workers.pipe import Pipe

SETUP = "tests.peers.workers.game:quick"
COMMAND = [*GAME[:3], "--setup", SETUP, *GAME[3:]]


class Worker:
    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.said: list[Message] = []

    async def hears(self, kind: type[Message], code: str = "") -> Message:
        """Wait until the worker says that, of the room with that code."""
        while True:
            for message in self.said:
                if isinstance(message, kind) and getattr(message, "code", "") == code:
                    self.said.remove(message)
                    return message
            said = await self.pipe.receive()
            assert said
            self.said += [message for message, _ in said]

    def take(self, received: bytes, code: str = "") -> Guest:
        """Pass a connection of which that has been read."""
        ours, theirs = socket.socketpair()
        self.pipe.send(messages.Take("192.0.2.1", 4711, received, code), theirs)
        return Guest(trio.SocketStream(trio.socket.from_stdlib_socket(ours)))


@asynccontextmanager
async def working() -> AsyncGenerator[Worker]:
    with trio.fail_after(PATIENCE):
        started = await start(COMMAND, passes=True)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(started.pipe.write_on)
                worker = Worker(started.pipe)
                await worker.hears(messages.Ready)
                worker.pipe.send(messages.Hello(b"s" * 32))
                yield worker
                nursery.cancel_scope.cancel()
        finally:
            started.pipe.close()  # which ends it
            with trio.CancelScope(shield=True):
                await started.process.wait()
    assert started.process.returncode == 0


async def test_a_socket_comes_with_any_part_of_its_head() -> None:
    head = HEAD.format("/duel/ROOM").encode()
    async with working() as worker:
        worker.pipe.send(messages.Open("duel", "ROOM", {}, False, 0, {}))
        await worker.hears(messages.Told, "ROOM")
        for cut in (0, 1, len(head) // 2, len(head) - 1, len(head)):
            guest = worker.take(head[:cut])
            await guest.stream.send_all(head[cut:])
            await guest.until(b"HTTP/1.1 101 ")
            await guest.stream.aclose()
        stalled = worker.take(head[:40])
        assert b"HTTP/1.1 408 " in await stalled.rest()
        await stalled.stream.aclose()
        gone = worker.take(head[:40])
        await gone.stream.aclose()
        nonsense = worker.take(b"\x16\x03 nonsense\r\n\r\n")
        await nonsense.until(b"HTTP/1.1 400 ")
        await nonsense.stream.aclose()
        again = worker.take(head)
        await again.until(b"HTTP/1.1 101 ")
        await again.stream.aclose()


async def test_snapshots_that_do_not_load_open_the_room_fresh_or_not_at_all() -> None:
    room = Snapshot("duel", "ROOM", 0, (SeatRow(7, 7, b""),), data={"score": 3})
    huge = Snapshot("duel", "HUGE", 0, (SeatRow(7, 7, b""),), data=b"x" * MOST_BYTES)
    odd = Snapshot("duel", "ODD", 0, (), data="no score")
    async with working() as worker:
        for snapshot, players in ((room, 1), (huge, 1), (odd, 0)):
            data = pack(snapshot).data
            worker.pipe.send(messages.Restore(snapshot.code, data, fresh=False))
            await worker.hears(messages.Restoring, snapshot.code)
            told = await worker.hears(messages.Told, snapshot.code)
            assert isinstance(told, messages.Told)
            assert told.players == players
        for code, data in (("NONE", b"nonsense"), ("KIND", pack(Snapshot("race", "KIND")).data)):
            worker.pipe.send(messages.Restore(code, data, fresh=False))
            await worker.hears(messages.Closed, code)
        worker.pipe.send(messages.Open("duel", "ROOM", {}, False, 0, {}))  # is there already
        await worker.hears(messages.Told, "ROOM")
        worker.pipe.send(messages.Kick("ROOM", 99, "nobody"))
        worker.pipe.send(messages.Change("NOWHERE", {"locked": True}))
        worker.pipe.send(messages.Close("HUGE", "over"))
        await worker.hears(messages.Closed, "HUGE")


async def test_nonsense_from_its_front_ends_it() -> None:
    started = await start([sys.executable, *COMMAND[1:]], passes=True)
    with trio.fail_after(PATIENCE):
        started.pipe._sock.send(b"\xff" * 8)
        assert await started.process.wait() != 0
    started.pipe.close()
