"""Signals of the system as a stream."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

from .stream import Stream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Generator
    from types import FrameType


@contextmanager
def open_signal_receiver(numbers: Collection[int]) -> Generator[AsyncIterator[int]]:
    """Take these signals while the block lasts; what nobody has read then, takes its old effect.

    By handlers of Python and not of the loop: those do not exist on Windows, and what was there
    before, ``asyncio.run``'s own for Ctrl-C, would be lost.
    """
    loop, stream, came = asyncio.get_running_loop(), Stream(), deque[int]()

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(number)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(put)

    def put() -> None:
        while came:
            stream.put(came.popleft())

    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield cast("AsyncIterator[int]", stream)
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        left = [*stream.left(), *came]
        came.clear()
        stream.close()
        for number in left:
            signal.raise_signal(cast("int", number))
