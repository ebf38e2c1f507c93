"""``TaskStarter``: tasks that begin in the order in which they were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from multiplayer.errors import divided

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class TaskStarter:
    """Starts async functions as tasks of one nursery; ``starter(async_fn, *args)``.

    Trio runs tasks that become ready together in any order. Here each begins only when the one
    before has; from its first checkpoint on, nothing is promised. A task has the context variables
    of the moment of its call.

    Args:
        nursery: whose tasks they are.
        on_error: takes what they raise; None to let it out of the nursery.
    """

    def __init__(
        self, nursery: trio.Nursery, on_error: Callable[[Exception], object] | None
    ) -> None:
        self._nursery = nursery
        self._on_error = on_error
        self._newest: trio.Event | None = None  # set when the task that was started last begins

    def __call__(self, async_fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """Start a task."""
        earlier, begun = self._newest, trio.Event()
        self._newest = begun
        self._nursery.start_soon(self._run, earlier, begun, async_fn, args, name=async_fn)

    async def _run(
        self,
        earlier: trio.Event | None,
        begun: trio.Event,
        async_fn: Callable[..., Awaitable[object]],
        args: tuple[object, ...],
    ) -> None:
        if earlier is not None and not earlier.is_set():
            await earlier.wait()
        begun.set()
        try:
            await async_fn(*args)
        except BaseException as error:
            failure, passing = divided(error)
            if failure is None or self._on_error is None:
                raise
            self._on_error(failure)
            if passing is not None:
                raise passing from passing.__cause__
