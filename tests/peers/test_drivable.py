"""``run`` drives a peer that is none of ours, if it has the members of ``peers.Drivable``."""

from __future__ import annotations

import math
import selectors
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from multiplayer import ConnectionStatus, Error, MultiplayerError
from peers import Drivable
from tests.driving import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.drivers import Way


class Line:
    """One end of a socket pair: hears bytes, and ends with the other end.

    ``watched``: whether its socket is to be waited for itself, as on Windows.
    """

    def __init__(self, *, watched: bool) -> None:
        self.socket, self.far = socket.socketpair()
        self.socket.setblocking(False)
        self.heard = b""
        self.polls = 0
        self.ended_with: int | None = None
        self.has_left = False
        self.due = math.inf
        self.status = ConnectionStatus.CONNECTION_CONNECTED
        self.to_raise: list[Exception] = []
        self.endpoint = Readiness(self, watched=watched)

    def has_heard(self, count: int) -> bool:
        return len(self.heard) >= count

    def now(self) -> float:
        return trio.current_time()

    def poll(self) -> None:
        self.polls += 1
        if self.now() >= self.due:
            self.due = math.inf
        if self.to_raise:
            raise self.to_raise.pop()
        if self.has_left:
            self.end()
            return
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            return
        self.heard += data
        if not data:
            self.end()

    def get_connection_status(self) -> ConnectionStatus:
        return self.status

    def begin_leaving(self) -> None:
        self.has_left = True
        if self.endpoint.on_wake is not None:
            self.endpoint.on_wake()

    def end_at_once(self, code: int) -> None:
        if self.status != ConnectionStatus.CONNECTION_DISCONNECTED:
            self.ended_with = code
            self.end()

    def end(self) -> None:
        if self.endpoint.on_close is not None:
            self.endpoint.on_close(self.socket.fileno())
        self.socket.close()
        self.far.close()
        self.status = ConnectionStatus.CONNECTION_DISCONNECTED


class Readiness:
    def __init__(self, line: Line, *, watched: bool) -> None:
        self._line = line
        self._watched = watched
        self.awaited = False
        self.on_wake: Callable[[], None] | None = None
        self.on_close: Callable[[int], None] | None = None
        self.releases = 0

    def next_deadline(self) -> float:
        return self._line.due

    def fileno(self) -> int | None:
        return None if self._watched else self._line.socket.fileno()

    def watched(self) -> list[tuple[int, int]]:
        return [(self._line.socket.fileno(), selectors.EVENT_READ)]

    def release(self) -> None:
        self.awaited = False
        self.on_wake = self.on_close = None
        self.releases += 1


@pytest.fixture(params=[False, True], ids=["its descriptor", "what it watches"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    line = Line(watched=request.param)
    yield line
    line.end()


def test_it_has_what_it_takes(line: Line) -> None:
    assert isinstance(line, Drivable)


async def test_it_is_polled_when_something_comes_until_it_ends(way: Way, line: Line) -> None:
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(way.run, line)
            await until(lambda: line.polls and line.endpoint.awaited)
            for number in range(20):
                line.far.send(b"%d" % (number % 10))
                await until(partial(line.has_heard, number + 1))
            line.far.shutdown(socket.SHUT_WR)
    assert line.heard == b"01234567890123456789"
    assert line.polls < 60
    assert line.ended_with is None
    assert (line.endpoint.awaited, line.endpoint.releases) == (False, 1)


async def test_it_is_polled_at_its_deadline_and_when_it_is_woken(way: Way, line: Line) -> None:
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            line.due = line.now() + 0.01
            nursery.start_soon(way.run, line)
            await until(lambda: line.due == math.inf)
            before = line.polls
            await until(lambda: line.endpoint.on_wake)
            assert line.endpoint.on_wake is not None
            line.endpoint.on_wake()
            await until(lambda: line.polls > before)
            line.begin_leaving()
    assert line.status == ConnectionStatus.CONNECTION_DISCONNECTED
    assert line.ended_with is None


async def test_cancelled_it_is_ended_at_once(way: Way, line: Line) -> None:
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(way.run, line)
            await until(lambda: line.endpoint.awaited)
            with pytest.raises(MultiplayerError) as twice:
                await way.run(line)
            assert twice.value.code == Error.ERR_ALREADY_IN_USE
            nursery.cancel_scope.cancel()
    assert line.ended_with == 1001
    assert (line.endpoint.awaited, line.endpoint.releases) == (False, 1)


async def test_what_it_raises_ends_run_or_is_taken(way: Way, line: Line) -> None:
    line.to_raise = [LookupError("taken")]
    errors: list[Exception] = []
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(way.run, line, on_error=errors.append))
            await until(lambda: errors)
            line.begin_leaving()
    assert [str(error) for error in errors] == ["taken"]
    other = Line(watched=False)
    other.to_raise = [LookupError("let out")]
    with pytest.raises(LookupError, match="let out"):
        await way.run(other)
    assert other.ended_with == 1001


async def test_a_signal_lets_it_leave(way: Way, line: Line) -> None:
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(way.run, line, stop_on_signals=True))
            await until(lambda: line.endpoint.awaited)
            signal.raise_signal(signal.SIGTERM)
    assert line.has_left
    assert line.ended_with is None
