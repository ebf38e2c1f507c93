"""When a ``ConditionedPeer`` has something to do: when its inner peer has, or something arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from peers.driving.drivable import Readiness


class ConditionedReadiness:
    """The inner peer's ``Readiness``, with one deadline more.

    Args:
        inner: returns the inner peer's.
        due: returns when something arrives, in seconds; infinity for never.
    """

    def __init__(self, inner: Callable[[], Readiness], due: Callable[[], float]) -> None:
        self._inner = inner
        self._due = due

    @property
    def awaited(self) -> bool:
        """Whether somebody drives the peer."""
        return self._inner().awaited

    @awaited.setter
    def awaited(self, awaited: bool) -> None:
        self._inner().awaited = awaited

    @property
    def on_wake(self) -> Callable[[], None] | None:
        """What is called when there is something to do that nothing else tells."""
        return self._inner().on_wake

    @on_wake.setter
    def on_wake(self, on_wake: Callable[[], None] | None) -> None:
        self._inner().on_wake = on_wake

    @property
    def on_close(self) -> Callable[[int], None] | None:
        """What is called with each watched descriptor before it is closed."""
        return self._inner().on_close

    @on_close.setter
    def on_close(self, on_close: Callable[[int], None] | None) -> None:
        self._inner().on_close = on_close

    def next_deadline(self) -> float:
        """Return when ``poll()`` has something to do at the latest."""
        return min(self._inner().next_deadline(), self._due())

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when ``poll()`` has I/O to do, if there is one."""
        return self._inner().fileno()

    def watched(self) -> Iterable[tuple[int, int]]:
        """Return what to wait for where there is none."""
        return self._inner().watched()

    def release(self) -> None:
        """Take note that nobody drives the peer any more."""
        self._inner().release()
