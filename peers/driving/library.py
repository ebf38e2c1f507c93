"""``Library``: what a driver needs of trio or asyncio, under one set of names.

Tasks are cancelled as in either: with trio again at each checkpoint, with asyncio once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from .drivable import Readiness
    from .errors import Taker
    from .holders import Starter


class Event(Protocol):
    """Something that happens once, and can be waited for."""

    def set(self) -> None:
        """Let it have happened."""
        ...

    def wait(self) -> Awaitable[object]:
        """Wait until it has."""
        ...


class Scope(Protocol):
    """A block of code that can be cancelled, and is left normally then."""

    def cancel(self) -> None:
        """Cancel what is in the block."""
        ...


class Group(Scope, Protocol):
    """Tasks that end with their block; cancelled with it.

    What one of them raises cancels all, and leaves the block: one exception as itself, several as
    an exception group.
    """

    def start_soon(
        self, async_fn: Callable[..., Awaitable[object]], /, *args: object, name: object = None
    ) -> None:
        """Start a task."""
        ...

    def cancel_after(self, seconds: float) -> None:
        """Cancel it if it still goes on then."""
        ...


class Watch(Protocol):
    """Waits for one peer."""

    async def wait(self, pause: float) -> None:
        """Wait until the peer has something to do, or ``pause`` seconds have passed.

        Other tasks get a turn even if ``pause`` is not positive.
        """
        ...


class Stream(Protocol):
    """What is put comes out in order, for ``async for``, when somebody has time."""

    @property
    def items(self) -> AsyncIterator[Any]:
        """The end that is read."""
        ...

    def put(self, item: object) -> None:
        """Put one more; there is always room."""
        ...

    def close(self) -> None:
        """End it: whoever reads on has an exception."""
        ...


class Library(Protocol):
    """What all drivers need."""

    def event(self) -> Event:
        """Make an event."""
        ...

    def stream(self) -> Stream:
        """Make a stream."""
        ...

    def group(self) -> AbstractAsyncContextManager[Group]:
        """Make a group of tasks."""
        ...

    def scope(self, seconds: float = ...) -> AbstractAsyncContextManager[Scope]:
        """Make a block that can be cancelled, and is in so many seconds."""
        ...

    def starter(self, group: Group, take: Taker | None) -> Starter:
        """Make what starts tasks in ``group`` that begin in the order of the calls.

        Each has the context variables of its call, and none begins before the caller returns.
        ``take`` takes what they raise; None lets it out of the group.
        """
        ...

    def watch(self, readiness: Readiness) -> AbstractContextManager[Watch]:
        """Make what waits for a peer."""
        ...

    def signals(self, numbers: Collection[int]) -> AbstractContextManager[AsyncIterator[int]]:
        """Take these signals, which have no other effect meanwhile; in the main thread only."""
        ...

    def gone(self) -> Callable[[], bool]:
        """Return what tells later whether the present run of the library can go on no more."""
        ...

    def current_time(self) -> float:
        """Return the time on the library's clock, in seconds."""
        ...

    async def sleep_until(self, when: float) -> None:
        """Wait until then."""
        ...

    async def checkpoint(self) -> None:
        """Let other tasks have a turn."""
        ...

    def call(self, function: Callable[[], object]) -> None:
        """Call a function with Ctrl-C held back, if the library can."""
        ...

    def call_to_the_end(self, function: Callable[[], object]) -> None:
        """Call a function that can be called twice, and see that it comes to its end."""
        ...
