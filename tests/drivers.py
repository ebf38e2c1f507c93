"""Peers under trio and under asyncio, for tests whose bodies run under trio.

For asyncio, the test runs as a guest of an asyncio loop (trio's guest mode): both libraries have
tasks in the same thread, the test's own under trio and those of the peers under asyncio. A
:class:`Way` has the functions of ``peers.trio`` or ``peers.asyncio``, all of them to be awaited
under trio::

    async def test_something(way: Way) -> None:
        async with way.serve(0) as server, way.connect(url_of(server)) as client:
            ...

Tests get it from the fixture ``way``, which runs them once for each of :data:`WAYS`.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, Self

import pytest
import trio

import peers.asyncio
import peers.trio

try:
    import uvloop
except ImportError:  # there is none for Windows
    uvloop = None

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractAsyncContextManager

    import outcome


logging.getLogger("asyncio").setLevel(logging.INFO)  # it tells of each loop that is made


class Event(Protocol):
    def set(self) -> None: ...
    def wait(self) -> Awaitable[object]: ...


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """As the Proactor, which is the loop on Windows: it can wait for no socket of others."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> NoReturn:
        raise NotImplementedError

    add_writer = add_reader


LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop] | None]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "asyncio, waiting thread": LoopWithoutReaders,
    "uvloop": None if uvloop is None else uvloop.new_event_loop,
}
"""The loops of asyncio that peers are run in; None for one that is not installed."""


def run_in_loop(name: str, async_fn: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """As ``asyncio.run``, in one of :data:`LOOPS`; skips the test where that is missing."""
    make = LOOPS[name]
    if make is None:
        pytest.skip(f"{name} is not installed")
    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(async_fn())


def guest_of(name: str) -> Callable[..., Any]:
    """What runs a test under trio as a guest of a loop; for ``pytest.mark.trio(run=…)``."""

    def run(async_fn: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        async def host() -> Any:
            loop = asyncio.get_running_loop()
            ended: asyncio.Future[outcome.Outcome[Any]] = loop.create_future()
            trio.lowlevel.start_guest_run(
                async_fn,
                *args,
                run_sync_soon_threadsafe=loop.call_soon_threadsafe,
                run_sync_soon_not_threadsafe=loop.call_soon,
                done_callback=ended.set_result,
                host_uses_signal_set_wakeup_fd=True,
                **options,
            )
            return (await ended).unwrap()

        return run_in_loop(name, host)

    return run


class Way:
    """A library that peers are run under, for tests that run under trio."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_trio = name == "trio"
        self._module = peers.trio if self.is_trio else peers.asyncio

    def __repr__(self) -> str:
        return self.name

    # ---- the functions of the module, for the test

    async def run(self, *pollables: Any, **options: Any) -> None:
        await self._awaited(self._module.run, *pollables, **options)

    def serve(self, *args: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return self._entered(self._module.serve(*args, **options))

    def serve_rooms(self, *args: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return self._entered(self._module.serve_rooms(*args, **options))

    def connect(self, *args: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        return self._entered(self._module.connect(*args, **options))

    async def fired(self, *signals: Any) -> Any:
        return await self._awaited(self._module.fired, *signals)

    async def reply(self, call: Any, **options: Any) -> Any:
        return await self._awaited(self._module.reply, call, **options)

    @asynccontextmanager
    async def emissions(self, signal: Any) -> AsyncGenerator[AsyncIterator[Any]]:
        async with self._entered(self._module.emissions(signal)) as stream:
            yield stream if self.is_trio else _Items(stream)

    async def _awaited(self, async_fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if self.is_trio:
            return await async_fn(*args, **options)
        return await in_asyncio(async_fn, *args, **options)

    def _entered(
        self, manager: AbstractAsyncContextManager[Any]
    ) -> AbstractAsyncContextManager[Any]:
        return manager if self.is_trio else block_in_asyncio(manager)

    # ---- for what the peers run: async methods, and tasks that a pollable spawns

    def event(self) -> Event:
        """An event that such a method can wait for."""
        return trio.Event() if self.is_trio else asyncio.Event()

    async def checkpoint(self) -> None:
        """Let others have a turn, in such a method."""
        if self.is_trio:
            await trio.lowlevel.checkpoint()
        else:
            await asyncio.sleep(0)

    async def sleep_forever(self) -> NoReturn:
        """Wait for nothing, in such a method."""
        if self.is_trio:
            await trio.sleep_forever()
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    @property
    def cancelled(self) -> type[BaseException]:
        """What is raised in such a method when it is cancelled."""
        return trio.Cancelled if self.is_trio else asyncio.CancelledError


WAYS: Final = [
    "trio",
    *(pytest.param(name, marks=pytest.mark.trio(run=guest_of(name))) for name in LOOPS),
]
"""The parameters of the fixture ``way``."""


# ---------------------------------------------------------------- from trio to asyncio


async def in_asyncio(
    async_fn: Callable[..., Coroutine[Any, Any, Any]], *args: Any, **options: Any
) -> Any:
    """Await a function in a task of the host's asyncio; cancelled with the caller."""
    token, ended = trio.lowlevel.current_trio_token(), trio.Event()
    task = asyncio.get_running_loop().create_task(_awaited(async_fn, args, options))
    task.add_done_callback(lambda _: token.run_sync_soon(ended.set))
    try:
        await ended.wait()
    except trio.Cancelled:
        task.cancel()
        with trio.CancelScope(shield=True):
            await ended.wait()
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error from error.__cause__
        raise
    return task.result()


class _Items:
    """A stream of asyncio, for a task of trio."""

    def __init__(self, stream: AsyncIterator[Any]) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await in_asyncio(self._stream.__anext__)


async def _awaited(async_fn: Callable[..., Any], args: Any, options: Any) -> Any:
    return await async_fn(*args, **options)


@asynccontextmanager
async def block_in_asyncio(manager: AbstractAsyncContextManager[Any]) -> AsyncGenerator[Any]:
    """Enter and leave a manager in a task of the host's asyncio, around a block under trio.

    What the block raises is raised inside of the manager; what cancels the manager's block cancels
    the block, which ends before the manager goes on.
    """
    loop, token = asyncio.get_running_loop(), trio.lowlevel.current_trio_token()
    entered, ended, block = trio.Event(), trio.Event(), trio.CancelScope()
    left: asyncio.Future[None] = loop.create_future()
    values: list[Any] = []

    async def hold() -> None:
        async with manager as value:
            values.append(value)
            token.run_sync_soon(entered.set)
            try:
                await asyncio.shield(left)
            except asyncio.CancelledError:
                token.run_sync_soon(block.cancel)
                await left
                raise

    def has_ended(task: asyncio.Task[None]) -> None:
        token.run_sync_soon(ended.set)
        token.run_sync_soon(entered.set)
        token.run_sync_soon(block.cancel)

    task = loop.create_task(hold())
    task.add_done_callback(lambda _: token.run_sync_soon(ended.set))
    task.add_done_callback(lambda _: token.run_sync_soon(entered.set))
    raised: BaseException | None = None
    try:
        await entered.wait()
        if values:
            with block:
                yield values[0]
    except trio.Cancelled as error:
        raised = error
        task.cancel()
    except BaseException as error:
        raised = error
    if raised is None or isinstance(raised, trio.Cancelled):
        left.set_result(None)
    else:
        left.set_exception(raised)
    with trio.CancelScope(shield=isinstance(raised, trio.Cancelled)):
        try:
            await ended.wait()
        except trio.Cancelled as error:
            raised = error
            task.cancel()
            with trio.CancelScope(shield=True):
                await ended.wait()
    failure = None if task.cancelled() else task.exception()
    if failure is not None:
        raise failure
    if isinstance(raised, trio.Cancelled):
        raise raised
    assert not task.cancelled()
