"""A selector that is used by the process that made it, and by none that was forked from it.

A child of ``fork()`` has the descriptors of its parent, that of the selector too: what either asks
of epoll holds for both, so that a child that takes a socket out makes its parent deaf. Here the
child is told by a hook of ``fork()`` that it is one: comparing process ids takes as long as half of
what else a poll does. Nothing that it does reaches the parent's selector; if it
wants to go on with the sockets itself, as a daemon does, it has to :meth:`Selector.take_over`.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .waiter import Waiter

Handler = Callable[[int, float], None]
"""Takes what a socket is ready for (``selectors.EVENT_…``), and the time."""


_LEFT_ALONE: Final[list[selectors.BaseSelector]] = []
"""Selectors that a child cannot close: it has no kqueue, and something else under its number."""


class Selector:
    """What waits for sockets; made when something is registered, or when somebody wants to wait.

    Attributes:
        inherited: a parent of this process made it: hands off, or :meth:`take_over`.
        waiter: the endpoint whose sockets these are; None at first.
    """

    __slots__ = ("__weakref__", "_selector", "inherited", "waiter")

    def __init__(self) -> None:
        self._selector: selectors.BaseSelector | None = None
        self.inherited = False
        self.waiter: Waiter | None = None
        _ALL.add(self)

    @property
    def is_open(self) -> bool:
        """Whether there is one."""
        return self._selector is not None

    def take_over(self) -> None:
        """Make one of our own that waits for the same, if it is inherited.

        Raises:
            OSError: the system has none left; nothing has changed then.
        """
        if not self.inherited:
            return
        assert self._selector is not None
        made = selectors.DefaultSelector()
        try:
            for key in self._selector.get_map().values():
                if _is_open(key):
                    made.register(key.fileobj, key.events, key.data)
        except OSError:
            made.close()
            raise
        self.close()
        self._selector = made

    def register(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Call ``handler`` from now on when ``sock`` is ready for one of ``events``."""
        self._opened().register(sock, events, handler)

    def modify(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Do the same for one that is registered."""
        self._opened().modify(sock, events, handler)

    def unregister(self, sock: socket.socket) -> bool:
        """Forget a socket; return whether it was registered.

        An inherited selector is left alone: the socket is to be closed, and is not taken over then.
        """
        if self._selector is None or self.inherited or sock not in self._selector.get_map():
            return False
        self._selector.unregister(sock)
        return True

    def sockets(self) -> list[socket.socket]:
        """Return those that are registered."""
        if self._selector is None:
            return []
        known = [key.fileobj for key in self._selector.get_map().values()]
        return [each for each in known if isinstance(each, socket.socket)]

    def events(self, sock: socket.socket | None) -> int:
        """Return what a socket is registered for; 0 if it is not."""
        if self._selector is None or sock is None or sock not in self._selector.get_map():
            return 0
        return self._selector.get_key(sock).events

    def serve(self, now: float) -> None:
        """Call the handlers of all sockets that are ready, without waiting."""
        selector = self._selector
        if selector is not None and selector.get_map():  # select() waits for nothing on no system
            for key, events in selector.select(0):
                key.data(events, now)

    def fileno(self) -> int | None:
        """Return its own descriptor, which is readable when a socket is ready, if it has one."""
        descriptor = getattr(self._opened(), "fileno", None)
        return None if descriptor is None else descriptor()

    def watched(self) -> Iterator[tuple[int, int]]:
        """Yield each registered descriptor and its events."""
        for key in list(self._opened().get_map().values()):
            yield key.fd, key.events

    def tell_closing(self, descriptor: int) -> None:
        """Tell whoever waits for a descriptor that it is about to be closed."""
        if self.waiter is not None and self.waiter.on_close is not None:
            self.waiter.on_close(descriptor)

    def rest(self) -> None:
        """Note that little is done for a while (for those who share a selector)."""

    def close(self) -> None:
        """Forget everything; of an inherited one, our copy."""
        selector, inherited = self._selector, self.inherited
        self._selector, self.inherited = None, False
        if selector is None:
            return
        if inherited and hasattr(selectors, "KqueueSelector"):
            _LEFT_ALONE.append(selector)
        else:
            selector.close()

    def _opened(self) -> selectors.BaseSelector:
        if self._selector is None:
            self._selector = selectors.DefaultSelector()
        return self._selector


def _is_open(key: selectors.SelectorKey) -> bool:
    return isinstance(key.fileobj, socket.socket) and key.fileobj.fileno() >= 0


_ALL: Final[WeakSet[Selector]] = WeakSet()


def _mark_all() -> None:
    for selector in _ALL:
        selector.inherited = selector.is_open


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_all)
