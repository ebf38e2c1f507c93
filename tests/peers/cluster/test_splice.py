"""Splicing: bytes go both ways unchanged, and both connections end when one does."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

from peers.cluster.splice import Spliced, dial, splice, splice_to, stream_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def connected() -> AsyncGenerator[tuple[trio.SocketStream, trio.SocketStream]]:
    """Give both ends of one TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    async with stream_of(near) as one, stream_of(far) as other:
        yield one, other


async def read(stream: trio.SocketStream, size: int) -> bytes:
    data = bytearray()
    with trio.fail_after(10):
        while len(data) < size and (piece := await stream.receive_some(65536)):
            data += piece
    return bytes(data)


async def read_all(stream: trio.SocketStream) -> bytes:
    return await read(stream, 1 << 62)


class Splicing:
    """A client and a server, and what is between them."""

    def __init__(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        self.client = client
        self.server = server
        self.spliced: Spliced | None = None
        self.over = trio.Event()
        self.scope = trio.CancelScope()


@asynccontextmanager
async def spliced(
    *, first: bytes = b"", linger: float = 5.0, stall: float = 30.0
) -> AsyncGenerator[Splicing]:
    async with (
        connected() as (client, near),
        connected() as (far, server),
        trio.open_nursery() as nursery,
    ):
        splicing = Splicing(client, server)

        async def run() -> None:
            with splicing.scope:
                splicing.spliced = await splice(near, far, first=first, linger=linger, stall=stall)
            splicing.over.set()

        nursery.start_soon(run)
        yield splicing
        with trio.fail_after(10):
            await splicing.over.wait()
        for stream in (near, far):
            with pytest.raises(trio.ClosedResourceError):
                await stream.send_all(b"closed?")


async def test_what_was_read_already_comes_first() -> None:
    async with spliced(first=b"GET / HTTP/1.1\r\n") as it:
        await it.client.send_all(b"\r\n")
        assert await read(it.server, 18) == b"GET / HTTP/1.1\r\n\r\n"
        await it.server.send_all(b"hello")
        assert await read(it.client, 5) == b"hello"
        await it.client.send_eof()
        await it.server.send_eof()
    assert it.spliced == (18, 5, None)


async def test_megabytes_go_both_ways_at_once_and_unchanged() -> None:
    data = bytes(range(256)) * 16384
    async with spliced() as it, trio.open_nursery() as nursery:

        async def send(stream: trio.SocketStream, data: bytes) -> None:
            await stream.send_all(data)
            await stream.send_eof()

        nursery.start_soon(send, it.client, data)
        nursery.start_soon(send, it.server, data[::-1])
        got = await read_all(it.server)
        back = await read_all(it.client)
        assert got == data
        assert back == data[::-1]
    assert it.spliced == (len(data), len(data), None)


async def test_one_side_may_still_answer_when_the_other_has_ended_its_direction() -> None:
    async with spliced() as it:
        await it.client.send_all(b"the last")
        await it.client.send_eof()
        assert await read_all(it.server) == b"the last"
        await it.server.send_all(b"answer")
        assert await read(it.client, 6) == b"answer"
        await it.server.send_eof()
        assert await read_all(it.client) == b""


async def test_who_never_ends_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    one, near = trio.testing.memory_stream_pair()
    far, other = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(splice, near, far)
        await one.send_eof()
        began = trio.current_time()
    assert trio.current_time() - began == pytest.approx(5.0)
    assert await other.receive_some() == b""


async def test_a_reset_ends_both(nursery: trio.Nursery) -> None:
    async with spliced() as it:
        it.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await it.client.aclose()
        assert await read_all(it.server) == b""
    assert it.spliced is not None
    assert it.spliced.failure is not None


async def test_who_reads_nothing_for_too_long_ends_it() -> None:
    async with spliced(stall=0.05) as it:
        with pytest.raises(trio.BrokenResourceError), trio.fail_after(10):
            await it.client.send_all(bytes(64 << 20))
    assert it.spliced is not None
    assert it.spliced.failure == "nothing was read for 0.05 seconds"


async def test_cancelling_closes_both() -> None:
    async with spliced() as it:
        it.scope.cancel()
        assert await read_all(it.client) == b""
        assert await read_all(it.server) == b""
    assert it.spliced is None


async def test_a_slow_reader_slows_the_sender_down() -> None:
    async with spliced() as it:
        sent = 0
        with trio.move_on_after(0.2):
            while True:
                await it.client.send_all(bytes(1 << 16))
                sent += 1 << 16
        # What the kernel's buffers of two connections take, and no memory of ours beside it.
        assert sent < 64 << 20
        it.scope.cancel()


async def test_it_dials_and_splices() -> None:
    async def echo(stream: trio.SocketStream) -> None:
        async for data in stream:
            await stream.send_all(data)

    async with connected() as (client, near), trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, echo, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        begun: list[bool] = []
        sock = socket.socket(fileno=near.socket.detach())
        async with trio.open_nursery() as splicing:

            async def run() -> None:
                await splice_to(
                    sock, "127.0.0.1", port, first=b"a", begun=lambda: begun.append(True)
                )

            splicing.start_soon(run)
            await client.send_all(b"b")
            assert await read(client, 2) == b"ab"
            await client.send_eof()
            assert await read_all(client) == b""
        assert begun == [True]
        assert sock.fileno() == -1
        nursery.cancel_scope.cancel()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


async def test_who_is_not_there_leaves_the_client_to_the_caller() -> None:
    port = free_port()
    with pytest.raises(OSError, match=r"."):
        await dial("127.0.0.1", port)
    async with connected() as (client, near):
        sock = socket.socket(fileno=near.socket.detach())
        with pytest.raises(OSError, match=r"."):
            await splice_to(sock, "127.0.0.1", port, first=b"a")
        assert sock.send(b"sorry") == 5
        assert await read(client, 5) == b"sorry"
        sock.close()


async def test_who_does_not_answer_is_given_up() -> None:
    # A full backlog leaves a SYN unanswered.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        with pytest.raises(TimeoutError, match=r"in 0\.1 seconds"):
            await dial("127.0.0.1", listener.getsockname()[1], patience=0.1)
        for filler in fillers:
            filler.close()
