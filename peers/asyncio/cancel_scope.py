"""``CancelScope``: a block of code that can be cancelled, and is left normally then."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class CancelScope:
    """As ``asyncio.timeout()``, but for whoever calls :meth:`cancel`, and without a TimeoutError.

    A cancellation from elsewhere stays one, also beside ours.

    Args:
        seconds: after how long to cancel it; infinity for never.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._seconds = seconds
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cancelled_before = 0
        self._cancelled = False

    def cancel(self) -> None:
        """Cancel what is in the block; nothing when it is cancelled, or has been left."""
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    @property
    def is_cancelled_elsewhere(self) -> bool:
        """Whether somebody else has cancelled the task since the block was entered."""
        task = self._task
        own = self._cancelled_before + self._cancelled
        return task is not None and task.cancelling() > own

    def cancel_after(self, seconds: float) -> None:
        """Cancel it if it still goes on in so many seconds."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds < math.inf:
            self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self.cancel)

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelled_before = self._task.cancelling()
        self.cancel_after(self._seconds)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        task, self._task = self._task, None
        assert task is not None
        if self._timer is not None:
            self._timer.cancel()
        if not self._cancelled or kind is GeneratorExit:
            return False
        undelivered = kind is not asyncio.CancelledError
        if undelivered:
            # The block has waited for nothing since; that must not strike what comes after it.
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError as cancellation:
                error = error or cancellation
        if task.uncancel() > self._cancelled_before:  # somebody else has cancelled as well
            if kind is None and error is not None:
                raise error
            return False
        return kind is asyncio.CancelledError
