"""One selector for the sockets of several endpoints, each of which serves its own only.

What one poll finds ready that is another's stays ready: the poll of its owner finds it, too. A
driver that waits for the selector would find it again and again if the owner does not poll, so what
is found for the second time is *parked*: taken out of the selector until its owner polls. So each
socket is reported to others twice at most, however many there are.

A descriptor can be waited for by one driver at a time. The first that asks for it waits for all: in
its polls it wakes the others, whose drivers wait for that alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from .selector import Selector

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from .selector import Handler


class Common:
    """What those who share a selector have in common.

    Attributes:
        selector: the selector.
        shares: the shares in it.
        serving: whose sockets are being served.
        watcher: the share whose driver waits for all.
    """

    __slots__ = ("selector", "serving", "shares", "watcher")

    def __init__(self) -> None:
        self.selector: Final = Selector()
        self.shares: Final[WeakSet[SharedSelector]] = WeakSet()
        self.serving: SharedSelector | None = None
        self.watcher: SharedSelector | None = None

    def take_over(self) -> None:
        """Go on, in a child of a fork, with a selector of our own.

        Raises:
            OSError: the system has none left; nothing has changed then.
        """
        if self.selector.inherited:
            self.selector.take_over()
            self.watcher = None  # it was the parent that waited

    def rest(self) -> None:
        """Close the selector if nobody has anything to wait for, and nobody waits."""
        if not self.selector.is_open:
            return
        waits = self.watcher is not None and self.watcher.is_awaited
        if not (waits or any(share.is_open for share in self.shares)):
            self.selector.close()


class SharedSelector(Selector):
    """The share of one endpoint: it knows of its own sockets only.

    Args:
        common: what it shares with others.
    """

    __slots__ = ("_common", "_handlers", "_parked", "_reported")

    def __init__(self, common: Common) -> None:
        super().__init__()
        self._common = common
        # The first to know a socket and the last to forget it, so that an interrupt loses none.
        self._handlers: dict[socket.socket, tuple[Handler, int]] = {}
        self._reported: set[socket.socket] = set()  # to others, who have left them alone
        self._parked: dict[socket.socket, int] = {}  # and for what they were ready
        common.shares.add(self)

    @property
    def is_open(self) -> bool:
        """Whether something is registered."""
        return bool(self._handlers)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody drives the endpoint."""
        return self.waiter is not None and self.waiter.awaited

    @property
    def is_waiting(self) -> bool:
        """Whether its driver is waiting right now."""
        return self.waiter is not None and self.waiter.on_wake is not None

    def take_over(self) -> None:
        """Go on with the same sockets, in a child of a fork.

        Raises:
            OSError: the system has no selector left; nothing has changed then.
        """
        if self.inherited:
            self._common.take_over()
            self.inherited = False

    # ---------------------------------------------------------------- what is waited for

    def register(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Call ``handler`` from now on when ``sock`` is ready for one of ``events``."""
        self._common.take_over()
        self._handlers[sock] = handler, events
        try:
            self._common.selector.register(sock, events, partial(self._ready, sock))
        except OSError:
            del self._handlers[sock]
            raise
        self._tell_watcher()

    def modify(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Do the same for one that is registered."""
        if self._parked.pop(sock, None) is not None:
            self.register(sock, events, handler)
            return
        self._common.selector.modify(sock, events, partial(self._ready, sock))
        self._handlers[sock] = handler, events
        self._tell_watcher()

    def unregister(self, sock: socket.socket) -> bool:
        """Forget a socket; return whether it was registered.

        An inherited selector is left alone: the socket is to be closed, and is not taken over then.
        """
        was_parked = self._parked.pop(sock, None) is not None
        was_there = self._common.selector.unregister(sock) or was_parked
        self._reported.discard(sock)
        self._handlers.pop(sock, None)
        return was_there

    def sockets(self) -> list[socket.socket]:
        """Return those that are registered."""
        return [*self._handlers]

    def events(self, sock: socket.socket | None) -> int:
        """Return what a socket is registered for; 0 if it is not."""
        if sock in self._parked:
            return self._handlers[sock][1]
        return self._common.selector.events(sock)

    # ---------------------------------------------------------------- what is ready

    @property
    def has_parked(self) -> bool:
        """Whether something is ready that the selector does not tell of any more."""
        return bool(self._parked)

    def serve(self, now: float) -> None:
        """Call the handlers of all sockets of ours that are ready, without waiting."""
        common = self._common
        common.serving = self
        try:
            common.selector.serve(now)
            self._reported.clear()
            while self._parked:
                self._unpark(now)
        finally:
            common.serving = None

    def _ready(self, sock: socket.socket, mask: int, now: float) -> None:
        """Take what a socket is ready for, whoever has looked."""
        if self._common.serving is self:
            if sock in self._handlers:  # else it was closed by what came before it
                self._handlers[sock][0](mask, now)
            return
        if sock in self._reported:
            self._parked[sock] = mask
            self._common.selector.unregister(sock)
        self._reported.add(sock)
        if self.waiter is not None and not self.inherited:
            self.waiter.wake()

    def _unpark(self, now: float) -> None:
        sock, mask = self._parked.popitem()
        handler, events = self._handlers[sock]
        self.register(sock, events, handler)
        handler(mask & events, now)

    # ---------------------------------------------------------------- who waits

    def fileno(self) -> int | None:
        """Return the selector's own descriptor, if it has one and nobody else waits for it."""
        descriptor = self._common.selector.fileno()
        return descriptor if descriptor is not None and self._may_watch() else None

    def watched(self) -> Iterator[tuple[int, int]]:
        """Yield each descriptor and its events, those of others too, if nobody else waits."""
        return self._common.selector.watched() if self._may_watch() else iter(())

    def _may_watch(self) -> bool:
        common = self._common
        watcher = common.watcher
        if watcher is not None and watcher is not self and watcher.is_waiting:
            return False
        if self.is_awaited:
            common.watcher = self
        return True

    def _tell_watcher(self) -> None:
        """Have it see what there is to be waited for, if it waits for each socket."""
        watcher = self._common.watcher
        waiter = watcher.waiter if watcher is not None and watcher is not self else None
        if waiter is not None and waiter.on_close is not None:
            waiter.wake()

    def tell_closing(self, descriptor: int) -> None:
        """Tell whoever waits for a descriptor that it is about to be closed."""
        watcher = self._common.watcher or self
        if watcher.waiter is not None and watcher.waiter.on_close is not None:
            watcher.waiter.on_close(descriptor)

    def rest(self) -> None:
        """Let others wait for all if our driver has done so until now, and has ended."""
        common = self._common
        if common.watcher is self and not self.is_awaited:
            common.watcher = None
            for share in [*common.shares]:
                if share.waiter is not None and share.is_awaited:
                    share.waiter.wake()
        if not self.is_open:
            common.rest()

    # ---------------------------------------------------------------- the end

    def close(self) -> None:
        """Forget all sockets of ours, and the selector if others have none."""
        for sock in self.sockets():
            self.unregister(sock)
        self.inherited = False
        self.rest()
