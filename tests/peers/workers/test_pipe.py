"""Messages and sockets through a pipe: in order, none for another's, and none left open."""

from __future__ import annotations

import resource
import socket
from contextlib import closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import pytest
import trio

from peers.workers.messages import Beat, Kept, Take
from peers.workers.pipe import Pipe

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

PATIENCE = 10.0


@pytest.fixture
async def pipes() -> AsyncGenerator[tuple[Pipe, Pipe]]:
    one, other = socket.socketpair()
    with closing(Pipe(one)) as front, closing(Pipe(other)) as worker:
        yield front, worker


@contextmanager
def no_more_descriptors() -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [socket.socket()]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0].fileno() + 8, hard))
    try:
        with suppress(OSError):
            while True:
                taken.append(socket.socket())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for each in taken:
            each.close()


def pair(number: int) -> tuple[Take, socket.socket, socket.socket]:
    """What is passed, the socket that goes with it, and its other end."""
    ours, theirs = socket.socketpair()
    ours.send(b"%d" % number)
    return Take("here", number, b"x" * 1000), theirs, ours


async def test_sockets_come_with_their_own_message_however_many_wait(
    pipes: tuple[Pipe, Pipe],
) -> None:
    front, worker = pipes
    ends: list[socket.socket] = []
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            for number in range(300):
                take, theirs, ours = pair(number)
                ends.append(ours)
                front.send(take, theirs)
                front.send(Kept("room", b"y" * 3000))
            nursery.start_soon(front.write_on)
            numbers: list[int] = []
            while len(numbers) < 300:
                for message, sock in await worker.receive():
                    if isinstance(message, Take):
                        assert sock is not None
                        with sock:
                            assert int(sock.recv(100)) == message.port
                        numbers.append(message.port)
                    else:
                        assert sock is None
            nursery.cancel_scope.cancel()
    assert numbers == [*range(300)]
    for ours in ends:
        assert ours.recv(1) == b""  # nobody has the other end any more
        ours.close()


async def test_a_socket_that_the_system_had_no_room_for_is_nobody_elses(
    pipes: tuple[Pipe, Pipe],
) -> None:
    front, worker = pipes
    made = [pair(number) for number in range(3)]
    for take, theirs, _ in made:
        front.send(take, theirs)
    arrived: list[tuple[int, int | None]] = []
    while len(arrived) < 3:
        with nullcontext() if arrived else no_more_descriptors():
            said = await worker.receive()
        for message, sock in said:
            assert isinstance(message, Take)
            arrived.append((message.port, None if sock is None else int(sock.recv(100))))
            if sock is not None:
                sock.close()
    assert arrived == [(0, None), (1, 1), (2, 2)]
    for _, _, ours in made:
        ours.close()


async def test_what_has_not_left_is_taken_back(pipes: tuple[Pipe, Pipe]) -> None:
    front, worker = pipes
    worker.close()
    made = [pair(number) for number in range(3)]
    for take, theirs, _ in made:
        front.send(take, theirs)
        front.send(Beat(1))
    assert [take for take, _ in front.unsent()] == [take for take, _, _ in made]
    assert front.unsent() == []
    for _, theirs, ours in made:
        ours.close()
        theirs.close()


async def test_the_end_of_the_other_side_ends_the_messages(pipes: tuple[Pipe, Pipe]) -> None:
    front, worker = pipes
    worker.send(Beat(1))
    worker.close()
    with trio.fail_after(PATIENCE):
        assert await front.receive() == [(Beat(1), None)]
        assert await front.receive() == []
