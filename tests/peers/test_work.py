"""How much a poll does, in Python calls: as much as has happened, however many are connected."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import pytest

from multiplayer.wire.envelopes import godot3 as gd_mp
from peers import WebSocketServer
from tests.driving import pause
from tests.raw import Raw, request

if TYPE_CHECKING:
    from collections.abc import Callable

FEW, MANY = 3, 30


def calls(work: Callable[[], object]) -> int:
    """How many functions ``work`` calls, those written in C included.

    Not those with which garbage of other tests ends.
    """
    count = 0

    def note(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


class Session:
    """A polled server and raw clients of it that have been greeted."""

    def __init__(self) -> None:
        self.server = WebSocketServer()
        self.server.discard_packets = True
        self.server.bind_ip = "127.0.0.1"
        self.server.listen(0, gd_mp_api=True)
        self.raws: dict[int, Raw] = {}

    async def grow(self, count: int) -> None:
        while len(self.raws) < count:
            ids: list[int] = []
            self.server.peer_connected.connect(ids.append, one_shot=True)
            raw = await Raw.dial(self.server.get_local_port())
            await raw.send(request(self.server.get_local_port()))
            while not ids:
                self.server.poll()
                await pause()
            self.raws[ids[0]] = raw
        for _ in range(5):
            self.server.poll()

    async def relay(self, packets: int) -> int:
        """The calls of the poll in which a client's packets for all come in and go out."""
        sender, raw = next(iter(self.raws.items()))
        message = raw.frame(gd_mp.packet(sender, 0, b"x" * 64))
        received = self.server.statistics.packets_received
        await raw.send(message * packets)
        work = 0
        while self.server.statistics.packets_received < received + packets:
            await pause()
            work = calls(self.server.poll)
        return work

    async def close(self) -> None:
        self.server.stop()
        for raw in self.raws.values():
            await raw.close()


@pytest.fixture
async def session() -> Session:
    return Session()


async def test_an_idle_poll_does_not_look_at_the_clients(session: Session) -> None:
    await session.grow(FEW)
    few = calls(session.server.poll)
    await session.grow(MANY)
    assert calls(session.server.poll) == few < 40
    await session.close()


async def test_a_packet_for_one_is_no_work_for_the_others(session: Session) -> None:
    def send() -> None:
        session.server.put_packet(b"x")
        session.server.flush()

    await session.grow(FEW)
    session.server.set_target_peer(next(iter(session.raws)))
    send()
    few = calls(send)
    await session.grow(MANY)
    assert calls(send) == few
    await session.close()


async def test_work_grows_with_the_clients_and_with_the_packets_not_with_both(
    session: Session,
) -> None:
    await session.grow(FEW)
    await session.relay(1)
    few = [await session.relay(1), await session.relay(51)]
    await session.grow(MANY)
    await session.relay(1)
    many = [await session.relay(1), await session.relay(51)]
    assert many[1] - many[0] == few[1] - few[0]  # 50 packets more cost the same with 30 clients
    assert (many[0] - few[0]) / (MANY - FEW) < 25  # and a client more, one write
    await session.close()
