"""``Hall``: one look at the sockets of many endpoints, of which only those with news are served.

A ``SharedSelector`` lets each endpoint look for itself, so that a hundred endpoints look a hundred
times. Here somebody polls all of them: it looks once (:meth:`Hall.gather`), learns who has news,
and serves those. What is ready stays ready until its endpoint has been served, whoever is
interrupted before that.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from multiplayer import Error, MultiplayerError

from .selector import Selector
from .system import SYSTEM, System

if TYPE_CHECKING:
    import socket
    import weakref
    from collections.abc import Iterator

    from .name_lookup import Address, NameLookup
    from .selector import Handler
    from .waiter import Waiter


class Hall:
    """The selector that many endpoints have together.

    Args:
        system: what they have of the computer.

    Attributes:
        system: see above.
        selector: the selector.
        stirred: those of its shares whose sockets are ready, the first first.
    """

    __slots__ = ("selector", "stirred", "system")

    def __init__(self, system: System = SYSTEM) -> None:
        self.system = system
        self.selector = system.selector()
        self.stirred: dict[HallShare, None] = {}

    def watched_by(self, waiter: Waiter) -> None:
        """Tell that one of the descriptors that are about to be closed."""
        self.selector.waiter = waiter

    def live_in(self, system: System) -> None:
        """Have another system, before anything begins.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: something has begun, or it has had another.
        """
        if self.system is not SYSTEM or self.selector.is_open:
            message = "this server is in use, or has an engine or a network already; use a new one"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        waiter = self.selector.waiter
        self.system, self.selector = system, system.selector()
        self.selector.waiter = waiter

    def take_over(self) -> None:
        """Go on, in a child of a fork, with a selector of our own.

        Raises:
            OSError: the system has none left; nothing has changed then.
        """
        if self.selector.inherited:
            self.selector.take_over()

    def gather(self, now: float) -> None:
        """Find out which shares have sockets that are ready, without waiting."""
        self.take_over()
        self.selector.serve(now)

    def rest(self) -> None:
        """Close the selector: nobody has anything to wait for, and nobody waits."""
        if self.selector.is_open and not self.selector.sockets():
            self.selector.close()
        self.selector.rest()


class HallShare(Selector):
    """The share of one endpoint: it knows of its own sockets only, and never looks by itself.

    Args:
        hall: what it has a share in.

    Attributes:
        owner: refers to whose it is, for who polls all.
    """

    __slots__ = ("_hall", "_handlers", "_ready", "owner")

    def __init__(self, hall: Hall) -> None:
        super().__init__()
        self._hall = hall
        self.owner: weakref.ref[object] | None = None
        # The first to know a socket and the last to forget it, so that an interrupt loses none.
        self._handlers: dict[socket.socket, tuple[Handler, int]] = {}
        self._ready: dict[socket.socket, int] = {}

    @property
    def is_open(self) -> bool:
        """Whether something is registered."""
        return bool(self._handlers)

    def take_over(self) -> None:
        """Go on with the same sockets, in a child of a fork.

        Raises:
            OSError: the system has no selector left; nothing has changed then.
        """
        if self.inherited:
            self._hall.take_over()
            self.inherited = False

    # ---------------------------------------------------------------- what is waited for

    def register(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Call ``handler`` from now on when ``sock`` is ready for one of ``events``."""
        self._hall.take_over()
        self._handlers[sock] = handler, events
        try:
            self._hall.selector.register(sock, events, partial(self._note, sock))
        except OSError:
            del self._handlers[sock]
            raise

    def modify(self, sock: socket.socket, events: int, handler: Handler) -> None:
        """Do the same for one that is registered."""
        self._hall.selector.modify(sock, events, partial(self._note, sock))
        self._handlers[sock] = handler, events

    def unregister(self, sock: socket.socket) -> bool:
        """Forget a socket; return whether it was registered.

        An inherited selector is left alone: the socket is to be closed, and is not taken over then.
        """
        was_there = self._hall.selector.unregister(sock)
        self._ready.pop(sock, None)
        self._handlers.pop(sock, None)
        return was_there

    def sockets(self) -> list[socket.socket]:
        """Return those that are registered."""
        return [*self._handlers]

    def events(self, sock: socket.socket | None) -> int:
        """Return what a socket is registered for; 0 if it is not."""
        return self._hall.selector.events(sock)

    # ---------------------------------------------------------------- what is ready

    def _note(self, sock: socket.socket, mask: int, now: float) -> None:
        del now
        self._ready[sock] = mask
        self._hall.stirred[self] = None

    def serve(self, now: float) -> None:
        """Call the handlers of all sockets of ours that were ready when somebody looked."""
        ready, handlers = self._ready, self._handlers
        self._hall.stirred.pop(self, None)
        while ready:
            sock, mask = next(iter(ready.items()))
            del ready[sock]
            if sock in handlers:  # else it was closed by what came before it
                handler, events = handlers[sock]
                handler(mask & events, now)

    # ---------------------------------------------------------------- who waits

    def fileno(self) -> int | None:
        """Return the descriptor that all have together, if the selector has one."""
        return self._hall.selector.fileno()

    def watched(self) -> Iterator[tuple[int, int]]:
        """Yield each descriptor and its events, those of others too."""
        return self._hall.selector.watched()

    def tell_closing(self, descriptor: int) -> None:
        """Tell whoever waits for a descriptor that it is about to be closed."""
        self._hall.selector.tell_closing(descriptor)

    def close(self) -> None:
        """Forget all sockets of ours."""
        for sock in self.sockets():
            self.unregister(sock)
        self._hall.stirred.pop(self, None)
        self.inherited = False


class HallSystem(System):
    """What an endpoint has of the computer, if its sockets are looked at with those of others.

    Args:
        hall: who looks.
    """

    __slots__ = ("_hall", "now", "share")

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self.now = self._now
        self.share = HallShare(hall)

    def _now(self) -> float:
        return self._hall.system.now()

    @property
    def stirs(self) -> bool:
        """Whether something has come that waiting for a descriptor would not tell."""
        return self._hall.system.stirs

    def randbits(self, bits: int) -> int:
        """Return so many bits of the system below."""
        return self._hall.system.randbits(bits)

    def selector(self) -> HallShare:
        """Return the share."""
        return self.share

    def socket(self, family: socket.AddressFamily) -> socket.socket:
        """Return a TCP socket of the system below."""
        return self._hall.system.socket(family)

    def listener(self, host: str, port: int) -> socket.socket:
        """Return a listening socket of the system below."""
        return self._hall.system.listener(host, port)

    def address(self, host: str, port: int) -> Address | None:
        """Return the address that ``host`` spells out."""
        return self._hall.system.address(host, port)

    def look_up(self, host: str, port: int) -> NameLookup:
        """Begin to look a name up."""
        return self._hall.system.look_up(host, port)
