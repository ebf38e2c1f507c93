"""Who was expelled and goes on sending is read no faster than it takes to find its end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import Limits
from peers import WebSocketServer
from peers.sockets.last_reads import AT_ONCE, REST
from peers.sockets.tcp import READ_SIZE
from peers.websocket.link import Link
from tests.driving import Drive, Recorder, until
from tests.peers.sessions import fenced
from tests.peers.sockets import raw_peer
from tests.raw import CLOSE, PING, Raw, close_body

if TYPE_CHECKING:
    from collections.abc import Callable

A_SECOND = 1 << 18
"""How many bytes are read in a second, in the end."""

FLOOD = 2 * AT_ONCE


class StillServer(WebSocketServer):
    """Its clock goes only when it is told to."""

    def __init__(self, **limits: int) -> None:
        super().__init__(limits=Limits(**limits))
        self.time = 1000.0

    def now(self) -> float:
        return self.time


@pytest.fixture
def read_late(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Returns how many bytes links have been given that are ending."""
    sizes: list[int] = []
    receive = Link.receive

    def counted(link: Link, data: bytes, now: float, *slices: int) -> None:
        if link.is_ending:
            sizes.append(len(data))
        receive(link, data, now, *slices)

    monkeypatch.setattr(Link, "receive", counted)
    return lambda: sum(sizes)


def break_the_rules(server: StillServer, peer: int, raw: Raw) -> bytes:
    return raw.frame(b"", op=3)


def exceed_the_rate(server: StillServer, peer: int, raw: Raw) -> bytes:
    return raw.frame(b"x") * 200


def be_disconnected(server: StillServer, peer: int, raw: Raw) -> bytes:
    server.disconnect_peer(peer)
    return b""


@pytest.mark.much
@pytest.mark.parametrize("offence", [break_the_rules, exceed_the_rate, be_disconnected])
async def test_who_was_expelled_is_not_read_at_full_speed(
    drive: Drive,
    read_late: Callable[[], int],
    offence: Callable[[StillServer, int, Raw], bytes],
) -> None:
    server = StillServer(packets_per_second=20)
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    drive.add(server)
    peer, raw = await raw_peer(server)
    _, honest = await raw_peer(server)
    await raw.send(offence(server, peer, raw))
    assert await raw.receive_close()
    flood = raw.frame(bytes(1000)) * (FLOOD // 1000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, raw, flood * 8)
        await until(lambda: read_late() >= AT_ONCE)
        before = read_late()
        await fenced(honest)
        assert read_late() == before < AT_ONCE + READ_SIZE
        for _ in range(16):
            server.time += REST
            server.wake()
            await fenced(honest)
        assert 0 < read_late() - before <= A_SECOND
        begun = server.time
        await cut_off(server)
        nursery.cancel_scope.cancel()
    assert server.time - begun < 2 * server.close_timeout
    assert read_late() <= before + A_SECOND * (1 + server.time - begun)
    await raw.close()
    await honest.close()


async def send_all(raw: Raw, data: bytes) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await raw.send(data)


async def cut_off(server: StillServer) -> None:
    """Wait until one connection only is left, while the server's time goes by."""

    def one_left() -> bool:
        server.time += 0.1
        server.wake()
        return len(server.endpoint.links) == 1

    await until(one_left)


async def test_who_is_refused_is_not_read_at_full_speed(
    drive: Drive, read_late: Callable[[], int]
) -> None:
    server = StillServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    drive.add(server)
    raw = await Raw.dial(server.get_local_port())
    await raw.send(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (await raw.read_head()).startswith("HTTP/1.1 426 ")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all, raw, bytes(8 * FLOOD))
        await until(lambda: read_late() >= AT_ONCE)
        _, honest = await raw_peer(server)
        await fenced(honest)
        assert read_late() < AT_ONCE + READ_SIZE
        await cut_off(server)
        nursery.cancel_scope.cancel()
    await raw.close()
    await honest.close()


@pytest.mark.much
async def test_what_was_on_its_way_is_read_and_the_close_frame_behind_it_found(
    drive: Drive,
) -> None:
    server = StillServer()
    server.bind_ip = "127.0.0.1"
    server.listen(0)
    drive.add(server)
    at_server = Recorder(server)
    peer, raw = await raw_peer(server)
    await raw.send_frame(b"", PING)  # so that it is seen when the server has closed
    server.disconnect_peer(peer)
    await raw.send(raw.frame(bytes(1000)) * (AT_ONCE // 1100))
    await raw.send_frame(close_body(1000), CLOSE)
    await until(lambda: ("client_disconnected", peer, True) in at_server.log)
    await raw.close()
