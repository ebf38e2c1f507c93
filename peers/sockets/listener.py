"""Accepting connections, and leaving it for a while when the system has no room for more."""

from __future__ import annotations

import contextlib
import errno
import logging
import math
import selectors
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic

from multiplayer.endpoint.channel import ChannelT
from multiplayer.support.log_line import write_line

if TYPE_CHECKING:
    from multiplayer.endpoint.engine import Host
    from multiplayer.endpoint.failure import Failure

    from .selector import Selector
    from .system import System

_log = logging.getLogger("peers.sockets.engine")  # the name that programs filter by

_ACCEPTS_PER_SERVICE: Final = 64
_ACCEPT_PAUSE: Final = 0.1
"""How long to leave the listener alone, in seconds, when the system has no descriptors left."""

# The numbers are Winsock's WSAEMFILE and WSAENOBUFS.
EXHAUSTED: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, 10024, 10055}
)


TakeIn = Callable[[ChannelT, socket.socket, tuple[str, int], float], None]
"""Goes on with somebody who was accepted: the channel, its socket, the address, the time."""


class Listener(Generic[ChannelT]):
    """The socket that a server accepts connections at, if it listens.

    Args:
        take_in: goes on with somebody who was accepted.
        has: whether the engine has a connection with a socket.
        unwatch: takes a socket that is about to be closed out of the selector.
        system: makes the socket.
        selector: what waits for connections.
        host: the endpoint.

    Attributes:
        sock: the socket; None if it does not listen.
        rests_until: until when nobody is accepted; None if that is not so.
    """

    def __init__(
        self,
        take_in: TakeIn[ChannelT],
        has: Callable[[socket.socket], bool],
        unwatch: Callable[[socket.socket], None],
        system: System,
        selector: Selector,
        host: Host[ChannelT],
    ) -> None:
        self._take_in = take_in
        self._has = has
        self._unwatch = unwatch
        self._system = system
        self._selector = selector
        self._host = host
        self._refused_by_system = 0  # how often it had to rest without accepting anybody
        self._passes_on_no_delay: bool | None = None  # not known before somebody was accepted
        self.sock: socket.socket | None = None
        self.rests_until: float | None = None

    def open(self, host: str, port: int) -> None:
        """Begin to listen.

        Raises:
            OSError: the address cannot be had.
        """
        sock = self._system.listener(host, port)
        try:
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ, self._accept)
        except OSError:
            sock.close()
            raise
        self.sock = sock
        self._passes_on_no_delay = None

    @property
    def port(self) -> int:
        """The port; 0 if it does not listen."""
        return self.sock.getsockname()[1] if self.sock else 0

    def close(self) -> None:
        """Listen no more."""
        if self.sock is not None:
            self._unwatch(self.sock)
            self.sock.close()
        self.sock = None
        self.rests_until = None

    def _accept(self, mask: int, now: float) -> None:
        del mask
        listener, host = self.sock, self._host
        if listener is None:
            return
        for _ in range(_ACCEPTS_PER_SERVICE):
            sock = None
            try:
                try:
                    sock, address = listener.accept()
                except BlockingIOError:
                    return
                except OSError as error:
                    if error.errno in EXHAUSTED:
                        self._rest(listener, error, now)
                        return
                    continue  # that one has gone again
                sock.setblocking(False)
                if not self._passes_on_no_delay:
                    self._set_no_delay(sock)
                channel = host.begin_accepting(now)
                self._take_in(channel, sock, address, now)
            except BaseException:
                # Whoever keeps the error keeps the socket; the other side would wait for its end.
                if sock is not None and not self._has(sock):
                    sock.close()
                raise
            if channel.failure is not None:  # the selector has no room for it
                host.at_work = None
                self._rest(listener, channel.failure, now)
                return
            self._note_accepting()
            host.accepted(channel, now)

    def _set_no_delay(self, sock: socket.socket) -> None:
        """Switch TCP_NODELAY on, unless the system passes on that of the listening socket.

        Linux does so, as far as it is one: WSL 1 and gVisor say that they are, too. So the first
        socket that is accepted is asked.
        """
        with contextlib.suppress(OSError):  # of somebody who has gone again
            if self._passes_on_no_delay is None:
                option = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                self._passes_on_no_delay = bool(option)
            if not self._passes_on_no_delay:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _rest(self, listener: socket.socket, why: OSError | Failure, now: float) -> None:
        """Leave the listener alone for a while: the system has no descriptor left, or no memory."""
        if not self._refused_by_system and self._host.may_log("", logging.WARNING, _log):
            words = "no connection can be accepted for now: %s"
            write_line(_log, logging.WARNING, words, why, fields={})
        self._refused_by_system += 1
        self._selector.unregister(listener)
        self.rests_until = now + _ACCEPT_PAUSE

    def keep_rest(self, now: float) -> None:
        """Go on when the rest is over."""
        if self.rests_until is None or now < self.rests_until:
            return
        self.rests_until = None
        if self.sock is not None:
            try:
                self._selector.register(self.sock, selectors.EVENT_READ, self._accept)
            except OSError as error:
                self._rest(self.sock, error, now)

    def _note_accepting(self) -> None:
        if self._refused_by_system:
            if self._host.may_log("", logging.WARNING, _log):
                words = "connections are accepted again after %s rests"
                write_line(_log, logging.WARNING, words, self._refused_by_system, fields={})
            self._refused_by_system = 0

    def recover(self) -> None:
        """Listen again if an interrupt has left the socket unwatched."""
        if self.sock is not None and not self._selector.events(self.sock):
            self.rests_until = -math.inf
