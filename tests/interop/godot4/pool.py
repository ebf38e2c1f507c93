"""Engines that are started once and serve many tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

import trio

from tests.interop.godot4.engine import Godot4

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

E = TypeVar("E", bound=Godot4)


class Engines(Generic[E]):
    """Starts an engine where none is free; ends all of them in :meth:`close`."""

    def __init__(self, kind: type[E]) -> None:
        self._kind = kind
        self._all: list[E] = []
        self._free: list[E] = []

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[E]:
        """An engine, reset, for the time of the ``with``."""
        engine = self._free.pop() if self._free else await trio.to_thread.run_sync(self._start)
        try:
            async with engine.lent():
                yield engine
        except BaseException:
            # It could not be reset, or the test was cancelled in the middle of something.
            self._end(engine)
            raise
        if engine.running:
            self._free.append(engine)
        else:
            self._end(engine)

    def _start(self) -> E:
        engine = self._kind()
        self._all.append(engine)
        return engine

    def _end(self, engine: E) -> None:
        self._all.remove(engine)
        engine.close()

    def close(self) -> None:
        """End all engines."""
        while self._all:
            self._all.pop().close()
