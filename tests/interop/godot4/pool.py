"""Engines that are started once and serve many tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from tests.interop.godot4.engine import Godot4

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Engines:
    """Starts an engine where none is free; ends all of them in :meth:`close`."""

    def __init__(self) -> None:
        self._all: list[Godot4] = []
        self._free: list[Godot4] = []

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[Godot4]:
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

    def _start(self) -> Godot4:
        engine = Godot4()
        self._all.append(engine)
        return engine

    def _end(self, engine: Godot4) -> None:
        self._all.remove(engine)
        engine.close()

    def close(self) -> None:
        """End all engines."""
        while self._all:
            self._all.pop().close()
