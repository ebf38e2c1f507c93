"""``Waiter``: whoever may be waiting for sockets, as a selector knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Waiter(Protocol):
    """An endpoint.

    Attributes:
        awaited: somebody drives it.
        on_wake: has whoever waits for it poll it; None while nobody waits.
        on_close: to be called with each descriptor that was watched, before it is closed.
    """

    awaited: bool
    on_wake: Callable[[], None] | None
    on_close: Callable[[int], None] | None

    def wake(self) -> None:
        """Have whoever waits for it poll it."""
