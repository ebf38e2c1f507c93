"""What waits for sockets in memory: those that have stirred are looked at, in that order."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from peers.sockets.selector import Selector

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from peers.sockets.selector import Handler

    from .stream import MemorySocket


class MemorySelector(Selector):
    """A selector that is ready at once; the order is that in which things have happened.

    Args:
        wake: called when something has happened, for a driver that waits instead of polling.

    Attributes:
        stirred: the registered sockets that may be ready, those that stirred first before others.
    """

    __slots__ = ("_registered", "_wake", "stirred")

    def __init__(self, wake: Callable[[], None]) -> None:
        # Not as above: a child of a fork shares nothing with its parent here.
        self._selector = None
        self.inherited = False
        self.waiter = None
        self._registered: dict[MemorySocket, tuple[int, Handler]] = {}
        self.stirred: dict[MemorySocket, None] = {}
        self._wake = wake

    @property
    def is_open(self) -> bool:
        """Whether something is registered."""
        return bool(self._registered)

    def register(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Call ``handler`` from now on when ``sock`` is ready for one of ``events``."""
        mine = cast("MemorySocket", sock)
        self._registered[mine] = events, handler
        mine.stirs_in, mine.wakes = self.stirred, self._wake
        self.stirred[mine] = None
        if mine.ready & events:
            self._wake()

    def modify(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Do the same for one that is registered."""
        self.register(sock, events, handler)

    def unregister(self, sock: socket.socket) -> bool:
        """Forget a socket; return whether it was registered."""
        mine = cast("MemorySocket", sock)
        mine.stirs_in = mine.wakes = None
        self.stirred.pop(mine, None)
        return self._registered.pop(mine, None) is not None

    def sockets(self) -> list[socket.socket]:
        """Return those that are registered."""
        return cast("list[socket.socket]", [*self._registered])

    def events(self, sock: socket.socket | None) -> int:
        """Return what a socket is registered for; 0 if it is not."""
        return self._registered.get(cast("MemorySocket", sock), (0, None))[0]

    @property
    def ready(self) -> bool:
        """Whether :meth:`serve` has something to do."""
        registered, nothing = self._registered, (0, None)  # an interrupt may have come between
        return any(sock.ready & registered.get(sock, nothing)[0] for sock in self.stirred)

    def serve(self, now: float) -> None:
        """Call the handlers of all sockets that are ready."""
        registered, stirred = self._registered, self.stirred
        for sock in [*stirred]:
            events, handler = registered.get(sock, (0, None))
            found = sock.ready & events
            if handler is not None and found:
                handler(found, now)
            if not sock.ready & registered.get(sock, (0, None))[0]:
                stirred.pop(sock, None)  # else it keeps its place

    def fileno(self) -> int | None:
        """Return None: nothing outside of this process can wait for it."""
        return None

    def watched(self) -> Iterator[tuple[int, int]]:
        """Yield nothing, for the same reason."""
        return iter(())

    def close(self) -> None:
        """Forget everything."""
        for sock in self._registered:
            sock.stirs_in = sock.wakes = None
        self._registered.clear()
        self.stirred.clear()
