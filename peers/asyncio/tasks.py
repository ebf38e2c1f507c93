"""Groups of tasks, and the tasks that an API spawns."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from peers.driving.errors import bare_errors, run_taking_errors
from peers.driving.holders import Starter

from .cancel_scope import CancelScope

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from peers.driving.errors import Taker
    from peers.driving.library import Group

_LEAVE_THE_LOOP: Final = (KeyboardInterrupt, SystemExit)


class AsyncioGroup:
    """A group of tasks whose block is left normally when it is cancelled.

    ``asyncio.TaskGroup`` cannot be cancelled, and before Python 3.13 forgets to take back that it
    has cancelled its own block if a task fails late.

    Args:
        scope: the block.
    """

    def __init__(self, scope: CancelScope) -> None:
        self._scope = scope
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        self._is_ending = False
        self._is_aborted = False
        self._all_ended: asyncio.Future[None] | None = None

    def start_soon(
        self, async_fn: Callable[..., Awaitable[object]], /, *args: object, name: object = None
    ) -> None:
        """Start a task; nothing if the group is ending, as a task that is cancelled at once."""
        if self._is_ending:
            return
        title = getattr(async_fn if name is None else name, "__qualname__", None)
        task = self._loop.create_task(_awaited(async_fn, args), name=title)
        self._tasks.add(task)
        task.add_done_callback(self._has_ended)

    def cancel(self) -> None:
        """Cancel its tasks, and its block."""
        self._is_ending = True
        self._scope.cancel()

    def cancel_after(self, seconds: float) -> None:
        """Do so in so many seconds."""
        self._scope.cancel_after(seconds)

    def _has_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._errors.append(error)
            self.cancel()
        if self._all_ended is not None and not self._tasks and not self._all_ended.done():
            self._all_ended.set_result(None)

    def _abort(self) -> None:
        self._is_ending = True
        if not self._is_aborted:  # again, it would strike tasks that clean up
            self._is_aborted = True
            for task in self._tasks:
                task.cancel()

    async def wait(self, error: BaseException | None) -> None:
        """Wait until all tasks have ended, when the block has, with ``error`` or without.

        Raises:
            BaseExceptionGroup: what the tasks and the block have raised, but for cancellations.
            CancelledError: nothing else was raised.
        """
        cancellation = error if isinstance(error, asyncio.CancelledError) else None
        if error is not None:
            self._abort()
        while self._tasks:
            self._all_ended = self._loop.create_future()
            try:
                await self._all_ended
            except asyncio.CancelledError as cancelled:
                cancellation = cancellation or cancelled
                self._abort()
        self._is_ending = True
        errors, self._errors = self._errors, []
        if error is not None and cancellation is not error:
            errors.append(error)
        if self._scope.is_cancelled_elsewhere:
            # asyncio raises these from a task out of the loop, at once, and then ends what is left
            # by cancelling it; whoever raised them again in that would end it too soon.
            errors = [each for each in errors if not isinstance(each, _LEAVE_THE_LOOP)]
            cancellation = cancellation or asyncio.CancelledError()
        if errors:
            raise BaseExceptionGroup("several tasks have failed", errors) from None
        if cancellation is not None:
            raise cancellation


async def _awaited(async_fn: Callable[..., Awaitable[object]], args: tuple[object, ...]) -> None:
    await async_fn(*args)


@asynccontextmanager
async def open_group() -> AsyncGenerator[AsyncioGroup]:
    """Make a group of tasks."""
    async with CancelScope() as scope:
        group = AsyncioGroup(scope)
        with bare_errors(asyncio.CancelledError):
            try:
                yield group
            except GeneratorExit:  # the loop is gone, and with it what could be waited for
                raise
            except BaseException as error:
                await group.wait(error)
            else:
                await group.wait(None)


class TaskStarter(Starter):
    """Starts async functions as tasks of one group; ``starter(async_fn, *args)``.

    asyncio begins tasks in the order in which they are made. A task has the context variables of
    the moment of its call.

    Args:
        group: whose tasks they are.
        take: takes what they raise; None to let it out of the group.
    """

    def __init__(self, group: Group, take: Taker | None) -> None:
        self._group = group
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._starting = False

    def __call__(self, async_fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """Start a task."""
        self._starting = True
        try:
            self._group.start_soon(self._run, async_fn, args, name=async_fn)
        finally:
            self._starting = False

    def is_gone(self) -> bool:
        """Return whether its loop was closed."""
        return self._loop.is_closed()

    async def _run(
        self, async_fn: Callable[..., Awaitable[object]], args: tuple[object, ...]
    ) -> None:
        if self._starting:
            # An eager task factory has begun it in the midst of a poll: after that is early enough.
            await asyncio.sleep(0)
        await run_taking_errors(self._take, async_fn, args)
