"""``AsyncioLibrary``: what a driver needs, from asyncio."""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .cancel_scope import CancelScope
from .signals import open_signal_receiver
from .stream import Stream
from .tasks import TaskStarter, open_group
from .watch import AsyncioWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Generator
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from peers.driving.drivable import Readiness
    from peers.driving.errors import Taker
    from peers.driving.library import Group

    from .tasks import AsyncioGroup


def in_task() -> bool:
    """Return whether the caller runs in a task of asyncio."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:  # there is no loop
        return False


class AsyncioLibrary:
    """See :class:`~peers.driving.library.Library`."""

    def event(self) -> asyncio.Event:
        """Make an event."""
        return asyncio.Event()

    def stream(self) -> Stream:
        """Make a stream."""
        return Stream()

    def group(self) -> AbstractAsyncContextManager[AsyncioGroup]:
        """Make a group of tasks."""
        return open_group()

    def scope(self, seconds: float = math.inf) -> CancelScope:
        """Make a block that can be cancelled, and is in so many seconds."""
        return CancelScope(seconds)

    def starter(self, group: Group, take: Taker | None) -> TaskStarter:
        """Make what starts tasks that begin in the order of the calls."""
        return TaskStarter(group, take)

    @contextmanager
    def watch(self, readiness: Readiness) -> Generator[AsyncioWatch]:
        """Make what waits for a peer."""
        watch = AsyncioWatch(readiness)
        try:
            yield watch
        finally:
            watch.close()

    def signals(self, numbers: Collection[int]) -> AbstractContextManager[AsyncIterator[int]]:
        """Take these signals."""
        return open_signal_receiver(numbers)

    def gone(self) -> Callable[[], bool]:
        """Return what tells whether the loop was closed."""
        return asyncio.get_running_loop().is_closed

    def current_time(self) -> float:
        """Return the time on the loop's clock."""
        return asyncio.get_running_loop().time()

    async def sleep_until(self, when: float) -> None:
        """Wait until then."""
        await asyncio.sleep(max(0.0, when - self.current_time()))

    async def checkpoint(self) -> None:
        """Let other tasks have a turn."""
        await asyncio.sleep(0)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function.

        ``asyncio.run`` holds Ctrl-C back until the next await; a second one comes at once, after
        which peers are whole all the same.
        """
        function()

    def call_to_the_end(self, function: Callable[[], object]) -> None:
        """Call a function again if Ctrl-C has come in its midst."""
        try:
            function()
        except BaseException:
            function()
            raise
