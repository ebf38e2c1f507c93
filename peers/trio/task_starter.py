"""``TaskStarter``: tasks that begin in the order in which they were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from peers.driving.errors import run_taking_errors
from peers.driving.holders import Starter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from peers.driving.errors import Taker
    from peers.driving.library import Group


class TaskStarter(Starter):
    """Starts async functions as tasks of one group; ``starter(async_fn, *args)``.

    Trio runs tasks that become ready together in any order. Here each begins only when the one
    before has; from its first checkpoint on, nothing is promised. A task has the context variables
    of the moment of its call.

    Args:
        group: whose tasks they are; a nursery will do.
        take: takes what they raise; None to let it out of the group.
    """

    def __init__(self, group: Group | trio.Nursery, take: Taker | None) -> None:
        self._group = group
        self._take = take
        self._newest: trio.Event | None = None  # set when the task that was started last begins

    def __call__(self, async_fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """Start a task."""
        earlier, begun = self._newest, trio.Event()
        self._newest = begun
        self._group.start_soon(self._run, earlier, begun, async_fn, args, name=async_fn)

    def is_gone(self) -> bool:
        """Return False: trio ends no run before all its tasks have ended."""
        return False

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
        await run_taking_errors(self._take, async_fn, args)
