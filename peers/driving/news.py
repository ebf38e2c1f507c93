"""``News``: what wakes ``serve`` and ``connect`` while they wait for a peer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Generator

    from multiplayer import BoundSignal

    from .library import Library

Ts = TypeVarTuple("Ts")


class News:
    """Wakes a task when a signal is emitted or a peer's ``run`` is over."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._event = library.event()
        self.came_up = False
        self.run_is_over = False

    async def wait(self) -> None:
        """Wait for the next news."""
        await self._event.wait()
        self._event = self._library.event()

    def tell(self) -> None:
        """There is news."""
        self._event.set()


@contextmanager
def told_by(signal: BoundSignal[*Ts], news: News, *, came_up: bool = False) -> Generator[None]:
    """Let emissions of ``signal`` be news, and mean that the connection ``came_up``."""

    def listen(*args: *Ts) -> None:
        del args
        news.came_up = news.came_up or came_up
        news.tell()

    signal.connect(listen)
    try:
        yield
    finally:
        signal.disconnect(listen)
