"""``Stream``: what is put comes out in order, when somebody has time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Self

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Stream:
    """As a memory channel of trio, of any length; both ends in the thread of one loop."""

    def __init__(self) -> None:
        self._waiting: deque[object] = deque()
        self._readers: deque[asyncio.Future[None]] = deque()
        self._closed = False

    @property
    def items(self) -> AsyncIterator[object]:
        """The end that is read."""
        return self

    def put(self, item: object) -> None:
        """Put one more."""
        self._waiting.append(item)
        self._wake_one()

    def close(self) -> None:
        """End it; who waits for more is told."""
        self._closed = True
        self._waiting.clear()
        while self._readers:
            self._wake_one()

    def left(self) -> list[object]:
        """Return what nobody has taken yet."""
        return [*self._waiting]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> object:
        """Take the next, when there is one; others have a turn in any case.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: the block that gave the stream has been left.
        """
        if self._waiting:
            await asyncio.sleep(0)
        while not (self._waiting or self._closed):
            reader = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            try:
                await reader
            except asyncio.CancelledError:
                if reader.done() and self._waiting:
                    self._wake_one()  # it was our turn; somebody else takes it
                raise
        if self._closed:
            message = "the block of this stream has been left; read it inside of that"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        return self._waiting.popleft()

    def _wake_one(self) -> None:
        while self._readers:
            reader = self._readers.popleft()
            if not reader.done():
                reader.set_result(None)
                return
