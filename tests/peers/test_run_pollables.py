"""What ``run`` does for something that polls a peer: spawned tasks, and deadlines."""

from __future__ import annotations

import math
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest
import trio
import trio.testing

import peers
from peers import WebSocketMultiplayerPeer
from tests.driving import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.drivers import Way

SENDER: ContextVar[int] = ContextVar("SENDER", default=0)


class Above:
    """Polls a server that listens to nobody, and does what a test wants in its polls."""

    def __init__(self) -> None:
        self.multiplayer_peer = WebSocketMultiplayerPeer()
        self.multiplayer_peer.create_server(0, "127.0.0.1")
        self.spawn: Callable[..., None] | None = None
        self.polls = 0
        self.todo: list[Callable[[], object]] = []
        self.due = math.inf

    def next_deadline(self) -> float:
        return self.due

    def poll(self) -> None:
        self.polls += 1
        self.multiplayer_peer.poll()
        todo, self.todo = self.todo, []
        for do in todo:
            do()

    def start(self, async_fn: Callable[..., object], *args: object) -> None:
        assert self.spawn is not None
        self.spawn(async_fn, *args)

    def stir(self) -> None:
        self.multiplayer_peer.endpoint.wake()


async def test_tasks_begin_in_the_order_of_the_calls_with_the_context_of_each(way: Way) -> None:
    above = Above()
    log: list[tuple[int, int]] = []

    async def task(number: int) -> None:
        log.append((number, SENDER.get()))
        await way.checkpoint()
        if number == 99:
            above.multiplayer_peer.close()

    def in_one_poll() -> None:
        for number in range(100):
            SENDER.set(1000 + number)
            above.start(task, number)
        SENDER.set(0)

    above.todo.append(in_one_poll)
    with trio.fail_after(PATIENCE):
        await way.run(above)
    assert log == [(number, 1000 + number) for number in range(100)]
    assert above.spawn is None


async def test_tasks_of_several_polls_begin_in_order_too(way: Way) -> None:
    above = Above()
    log: list[str] = []

    async def task(name: str) -> None:
        log.append(name)

    def first() -> None:
        above.start(task, "one")
        above.start(task, "two")
        above.todo.append(second)
        above.due = above.multiplayer_peer.now()

    def second() -> None:
        above.due = math.inf
        above.start(task, "three")
        above.start(end)

    async def end() -> None:
        log.append("end")
        above.multiplayer_peer.close()

    above.todo.append(first)
    with trio.fail_after(PATIENCE):
        await way.run(above)
    assert log == ["one", "two", "three", "end"]


async def test_tasks_are_cancelled_when_it_is_not_run_any_more(way: Way) -> None:
    above = Above()
    log: list[str] = []

    async def forever() -> None:
        try:
            above.todo.append(above.multiplayer_peer.close)
            above.stir()
            await way.sleep_forever()
        except way.cancelled:
            log.append("cancelled")
            raise

    above.todo.append(lambda: above.start(forever))
    with trio.fail_after(PATIENCE):
        await way.run(above)
    assert log == ["cancelled"]


async def test_tasks_are_cancelled_with_run(way: Way) -> None:
    above = Above()
    log: list[str] = []

    async def forever() -> None:
        log.append("begun")
        try:
            await way.sleep_forever()
        finally:
            log.append("over")

    above.todo.append(lambda: above.start(forever))
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(way.run, above)
            await until(lambda: log)
            nursery.cancel_scope.cancel()
    assert log == ["begun", "over"]
    assert above.spawn is None
    assert above.multiplayer_peer.get_local_port() == 0


async def fails(way: Way) -> None:
    await way.checkpoint()
    raise LookupError("in a task")


async def test_what_a_task_raises_ends_run(way: Way) -> None:
    above = Above()
    above.todo.append(lambda: above.start(fails, way))
    with trio.fail_after(PATIENCE), pytest.raises(LookupError, match="in a task"):
        await way.run(above)
    assert above.spawn is None
    assert above.multiplayer_peer.get_local_port() == 0


async def test_what_a_task_raises_goes_to_on_error(way: Way) -> None:
    above = Above()
    errors: list[Exception] = []

    def note(error: Exception) -> None:
        errors.append(error)
        above.multiplayer_peer.close()

    above.todo.append(lambda: above.start(fails, way))
    with trio.fail_after(PATIENCE):
        await way.run(above, on_error=note)
    assert [str(error) for error in errors] == ["in a task"]


async def test_what_poll_raises_comes_out_bare(way: Way) -> None:
    above = Above()

    def fail() -> None:
        raise LookupError("in a poll")

    above.todo.append(fail)
    with trio.fail_after(PATIENCE), pytest.raises(LookupError, match="in a poll"):
        await way.run(above)


async def test_who_raises_in_each_poll_waits_and_ends_all_the_same() -> None:
    above = Above()
    errors: list[Exception] = []

    def fail() -> None:
        above.todo.append(fail)
        raise LookupError("in each poll")

    above.todo.append(fail)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def run_it() -> None:
                await peers.run(above, on_error=errors.append)

            await trio.testing.wait_all_tasks_blocked()  # it would never, if it polled all the time
            assert len(errors) == 1
            above.stir()
            await trio.testing.wait_all_tasks_blocked()
            assert len(errors) == 2
            above.multiplayer_peer.close()
    assert len(errors) == above.polls == 3


@pytest.mark.filterwarnings("ignore:a socket is waited for under a clock that jumps")
async def test_a_deadline_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    """On trio's clock, which the peer has here too, so that nobody waits."""

    class OnTriosClock(WebSocketMultiplayerPeer):
        def now(self) -> float:
            return trio.current_time()

    above = Above()
    above.multiplayer_peer.close()
    above.multiplayer_peer = OnTriosClock()
    above.multiplayer_peer.create_server(0, "127.0.0.1")
    above.due = trio.current_time() + 3.0
    polled_at: list[float] = []

    def look() -> None:
        polled_at.append(trio.current_time() - (above.due - 3.0))
        if trio.current_time() >= above.due:
            above.multiplayer_peer.close()
        else:
            above.todo.append(look)

    above.todo.append(look)
    with trio.fail_after(60):
        await peers.run(above)
    assert polled_at[0] == 0.0
    assert polled_at[-1] == pytest.approx(3.0)
    assert len(polled_at) < 5


async def test_what_has_neither_is_run_as_it_is(way: Way) -> None:
    class Bare:
        def __init__(self) -> None:
            self.multiplayer_peer = WebSocketMultiplayerPeer()
            self.multiplayer_peer.create_server(0, "127.0.0.1")

        def poll(self) -> None:
            self.multiplayer_peer.poll()
            self.multiplayer_peer.close()

    bare = Bare()
    with trio.fail_after(PATIENCE):
        await way.run(bare)
    assert not hasattr(bare, "spawn")
