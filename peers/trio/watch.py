"""``TrioWatch``: waiting until a peer has something to do."""

from __future__ import annotations

import math
import selectors
from contextlib import suppress
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from peers.driving.drivable import Readiness


class TrioWatch:
    """Waits for one peer.

    Args:
        readiness: tells when the peer has something to do.
    """

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def wait(self, pause: float) -> None:
        """Wait until a descriptor stirs, ``pause`` is over or somebody wakes the peer."""
        readiness = self._readiness
        try:
            with trio.CancelScope() as scope:
                readiness.on_wake = scope.cancel
                if pause <= 0:
                    scope.cancel()
                elif pause < math.inf:
                    scope.deadline = trio.current_time() + pause
                descriptor = readiness.fileno()
                if descriptor is not None:
                    await trio.lowlevel.wait_readable(descriptor)
                else:
                    await _wait_for_any(readiness, scope)
        finally:
            readiness.on_wake = readiness.on_close = None


async def _wait_for_any(readiness: Readiness, scope: trio.CancelScope) -> None:
    """Do without a descriptor of the selector's own, as on Windows: a small task per socket."""

    async def wait(until_ready: Callable[[int], Awaitable[None]], descriptor: int) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()  # the descriptor may be closed by now
        with suppress(trio.ClosedResourceError):
            await until_ready(descriptor)
        scope.cancel()

    def closing(descriptor: int) -> None:
        trio.lowlevel.notify_closing(descriptor)
        scope.cancel()

    readiness.on_close = closing

    async with trio.open_nursery() as nursery:
        for descriptor, events in readiness.watched():
            if events & selectors.EVENT_READ:
                nursery.start_soon(wait, trio.lowlevel.wait_readable, descriptor)
            if events & selectors.EVENT_WRITE:
                nursery.start_soon(wait, trio.lowlevel.wait_writable, descriptor)
        await trio.sleep_forever()
