"""``TrioLibrary``: what a driver needs, from trio."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import trio

from peers.driving.errors import bare_errors

from .jumping import warn_of_jumps
from .task_starter import TaskStarter
from .watch import TrioWatch

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Generator,
    )
    from contextlib import AbstractContextManager

    from peers.driving.drivable import Readiness
    from peers.driving.errors import Taker
    from peers.driving.library import Group


class TrioLibrary:
    """See :class:`~peers.driving.library.Library`."""

    def event(self) -> trio.Event:
        """Make an event."""
        return trio.Event()

    def stream(self) -> TrioStream:
        """Make a stream."""
        return TrioStream()

    @asynccontextmanager
    async def group(self) -> AsyncGenerator[TrioGroup]:
        """Make a group of tasks."""
        with bare_errors(trio.Cancelled):
            async with trio.open_nursery() as nursery:
                yield TrioGroup(nursery)

    @asynccontextmanager
    async def scope(self, seconds: float = math.inf) -> AsyncGenerator[trio.CancelScope]:
        """Make a block that can be cancelled, and is in so many seconds."""
        with trio.CancelScope(deadline=trio.current_time() + seconds) as scope:
            yield scope

    def starter(self, group: Group, take: Taker | None) -> TaskStarter:
        """Make what starts tasks that begin in the order of the calls."""
        return TaskStarter(group, take)

    @contextmanager
    def watch(self, readiness: Readiness) -> Generator[TrioWatch]:
        """Make what waits for a peer."""
        warn_of_jumps(readiness)
        yield TrioWatch(readiness)

    def signals(self, numbers: Collection[int]) -> AbstractContextManager[AsyncIterator[int]]:
        """Take these signals."""
        return trio.open_signal_receiver(*numbers)

    def gone(self) -> Callable[[], bool]:
        """Return what returns False: trio ends no run before all its tasks have ended."""
        return lambda: False

    def current_time(self) -> float:
        """Return the time on trio's clock."""
        return trio.current_time()

    async def sleep_until(self, when: float) -> None:
        """Wait until then."""
        await trio.sleep_until(when)

    async def checkpoint(self) -> None:
        """Let other tasks have a turn."""
        await trio.lowlevel.checkpoint()

    @trio.lowlevel.enable_ki_protection
    def call(self, function: Callable[[], object]) -> None:
        """Call a function with Ctrl-C held back until the next checkpoint."""
        function()

    @trio.lowlevel.enable_ki_protection
    def call_to_the_end(self, function: Callable[[], object]) -> None:
        """Do the same."""
        function()


class TrioGroup:
    """A nursery."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    def start_soon(
        self, async_fn: Callable[..., Awaitable[object]], /, *args: object, name: object = None
    ) -> None:
        """Start a task."""
        self._nursery.start_soon(async_fn, *args, name=name)

    def cancel(self) -> None:
        """Cancel its tasks, and its block."""
        self._nursery.cancel_scope.cancel()

    def cancel_after(self, seconds: float) -> None:
        """Do so in so many seconds."""
        self._nursery.cancel_scope.deadline = trio.current_time() + seconds


class TrioStream:
    """A memory channel of any length."""

    def __init__(self) -> None:
        self._sender, self.items = trio.open_memory_channel[Any](math.inf)

    def put(self, item: object) -> None:
        """Put one more."""
        self._sender.send_nowait(item)

    def close(self) -> None:
        """End it."""
        self._sender.close()
        self.items.close()
