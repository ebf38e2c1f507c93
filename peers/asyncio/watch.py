"""``AsyncioWatch``: waiting until a peer has something to do."""

from __future__ import annotations

import asyncio
import math
from selectors import EVENT_READ
from typing import TYPE_CHECKING

from .waiting_thread import WaitingThread

if TYPE_CHECKING:
    from peers.driving.drivable import Readiness


class AsyncioWatch:
    """Waits for one peer, from :meth:`wait` to wait; what the loop watches is kept in between.

    Args:
        readiness: tells when the peer has something to do.
    """

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._descriptor: int | None = None  # that the loop watches
        self._is_stale = False  # the loop has seen what the poll since then has read
        self._thread: WaitingThread | None = None  # where the loop watches nothing
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf  # when the timer wakes us

    async def wait(self, pause: float) -> None:
        """Wait until a descriptor stirs, ``pause`` is over or somebody wakes the peer."""
        if pause <= 0:
            await asyncio.sleep(0)
            return
        readiness = self._readiness
        self._watch_descriptors()
        if pause < math.inf:
            self._set_timer(self._loop.time() + pause)
        waiter = self._waiter = self._loop.create_future()
        readiness.on_wake = self._wake
        try:
            await waiter
        finally:
            self._waiter = None
            # If the loop was closed under us, somebody else may drive the peer by now.
            if readiness.on_wake == self._wake:
                readiness.on_wake = readiness.on_close = None

    def close(self) -> None:
        """Let the loop watch nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.leave(self._wake)
        self._unwatch()

    # ---------------------------------------------------------------- what wakes

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done() and not self._loop.is_closed():
            waiter.set_result(None)

    def _readable(self) -> None:
        # A loop looks at its descriptors before it runs us, so that it finds the same thing again,
        # and calls this once for nothing. If it is something else, it will call again.
        if self._is_stale:
            self._is_stale = False
            return
        if self._waiter is not None and not self._waiter.done():
            self._is_stale = True
            self._waiter.set_result(None)

    def _set_timer(self, when: float) -> None:
        # An earlier one stays: deadlines mostly move on, and one poll for nothing costs less.
        if self._timer is not None:
            if self._due <= when:
                return
            self._timer.cancel()
        self._due = when
        self._timer = self._loop.call_at(when, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self._wake()

    # ---------------------------------------------------------------- descriptors

    def _watch_descriptors(self) -> None:
        descriptor = self._readiness.fileno()
        if self._thread is None and descriptor is not None:
            if descriptor == self._descriptor:
                return
            self._unwatch()
            try:
                self._loop.add_reader(descriptor, self._readable)
            except NotImplementedError:
                pass
            else:
                self._descriptor = descriptor
                return
        if descriptor is not None:
            watched = [(descriptor, EVENT_READ)]
        else:
            watched = [*self._readiness.watched()]
        if self._thread is None:
            self._unwatch()
            if not watched:  # another peer, whose selector is the same, waits for both
                return
            self._thread = WaitingThread.of(self._loop)
        self._thread.wait_for(watched, self._wake)

    def _unwatch(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None and not self._loop.is_closed():
            self._loop.remove_reader(descriptor)
