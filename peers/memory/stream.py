"""Connections in memory: their ends, with the face of a socket that never waits; their ports."""

from __future__ import annotations

import errno
import os
import selectors
import socket
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .chopping import Chopping

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

_BACKLOG: Final = 1024

_FIRST_PORT: Final = 49152  # the first that RFC 6335 leaves for everybody
_LAST_PORT: Final = 65535


def _error(code: int) -> OSError:
    """Return what a socket raises for a code, such as ``BlockingIOError`` for ``EAGAIN``."""
    return OSError(code, os.strerror(code))


class MemorySocket:
    """What an engine uses of a ``socket.socket``, for one end of a connection, or a listener.

    Its errors are those of Linux. Closed with something unread it resets the connection, as TCP
    does; whatever is sent to an end that was closed is lost, and the next use of the sender raises.

    Args:
        wires: the network that it belongs to.
        host: the address of its machine.
        chopping: how its reads and writes are cut; None for not at all.

    Attributes:
        address: its own, and its port.
        peer: the other end's.
        other: the other end.
        stirs_in: the set into which it puts itself when something has changed; None for nowhere.
        wakes: called then, to wake a driver that waits instead of polling; None for nobody.
        unread: what has come.
        is_open: it has not been closed.
    """

    def __init__(self, wires: Wires, host: str, chopping: Chopping | None = None) -> None:
        self._wires = wires
        self._chopping = chopping
        self._number = wires.next_number()
        self.address = (host, 0)
        self.stirs_in: dict[MemorySocket, None] | None = None
        self.wakes: Callable[[], None] | None = None
        self.other: MemorySocket | None = None
        self.peer: tuple[str, int] | None = None
        self._waiting: deque[MemorySocket] | None = None  # of a listener
        self.unread = bytearray()
        self._capacity = wires.buffer_size
        self._held = False  # what has come is not seen
        self._error = 0  # what connecting came to
        self._ended = False  # the other end sends nothing any more
        self._reset = False
        self._shut = False  # we send nothing any more
        self.is_open = True

    # ---------------------------------------------------------------- connecting

    def listen(self, port: int) -> None:
        """Wait for connections at a port; 0 for a free one.

        Raises:
            OSError: ``EADDRINUSE``.
        """
        self.address = (self.address[0], self._wires.take_port(port, self))
        self._waiting = deque()

    def connect(self, address: tuple[str, int]) -> None:
        """Begin to connect; how it went is told when the socket is writable."""
        listener = self._wires.listener(address[1])
        self.address = (self.address[0], self._wires.free_port())
        if listener is None or not listener.takes(self):
            self._error = errno.ECONNREFUSED
        self.stir()
        raise _error(errno.EINPROGRESS)

    def takes(self, dialler: MemorySocket) -> bool:
        """Let somebody wait to be accepted; return False if too many do."""
        if self._waiting is None or len(self._waiting) >= _BACKLOG:
            return False
        ours = MemorySocket(self._wires, self.address[0], self._chopping)
        ours.address = self.address
        ours._capacity = self._capacity  # as on sockets: a listener's options are inherited
        ours.other, dialler.other = dialler, ours
        ours.peer, dialler.peer = dialler.address, self.address
        self._waiting.append(ours)
        self.stir()
        return True

    def accept(self) -> tuple[MemorySocket, tuple[str, int]]:
        """Return who has waited longest, and its address."""
        if not self._waiting:
            raise _error(errno.EAGAIN)
        accepted = self._waiting.popleft()
        assert accepted.peer is not None
        return accepted, accepted.peer

    def getsockopt(self, level: int, option: int) -> int:
        """Return what has become of :meth:`connect` (``SO_ERROR``); with TCP_NODELAY, 1."""
        if (level, option) == (socket.IPPROTO_TCP, socket.TCP_NODELAY):
            return 1  # nothing is delayed here
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR)
        return self._error

    def getsockname(self) -> tuple[str, int]:
        """Return the address of this end."""
        return self.address

    def getpeername(self) -> tuple[str, int]:
        """Return the address of the other end."""
        if self.peer is None:
            raise _error(errno.ENOTCONN)
        return self.peer

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """Take another size of the buffer (``SO_RCVBUF``), exactly; ignore all else."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_RCVBUF):
            self._capacity = value
            if self.other is not None:
                self.other.stir()

    def setblocking(self, flag: bool) -> None:
        """Do nothing: it never waits."""
        assert not flag

    def fileno(self) -> int:
        """Return a number that no other socket of the network has; -1 when it is closed."""
        return self._number if self.is_open else -1

    # ---------------------------------------------------------------- bytes

    @property
    def ready(self) -> int:
        """What it is ready for: ``selectors.EVENT_…``."""
        if self._waiting is not None:
            return _READ if self._waiting else 0
        other = self.other
        if self._held:
            return _WRITE if other is not None and other.room else 0
        if self._error or self._reset:
            return _READ | _WRITE
        reads = _READ if self.unread or self._ended else 0
        writes = _WRITE if other is not None and other.room else 0
        return reads | writes

    @property
    def room(self) -> int:
        """How many bytes it takes; one that is closed takes all, and loses them."""
        return max(0, self._capacity - len(self.unread)) if self.is_open else self._capacity

    def recv(self, size: int) -> bytes:
        """Return at most ``size`` bytes; none if there will be no more."""
        if self._held:
            raise _error(errno.EAGAIN)
        if not self.unread:  # what has come before a reset can be read after it, as on Linux
            if self._reset:
                raise _error(errno.ECONNRESET)
            if self._ended:
                return b""
            raise _error(errno.EAGAIN)
        was_full = not self.room
        if self._chopping is not None:
            size = self._chopping.read(min(size, len(self.unread)))
            if not size:
                raise _error(errno.EAGAIN)
        data = bytes(self.unread[:size])
        del self.unread[:size]
        if was_full and self.other is not None:
            self.other.stir()
        return data

    def send(self, data: bytes | memoryview) -> int:
        """Take some of ``data``; return how many bytes."""
        other = self.other
        if self._shut or self._reset or other is None:
            raise _error(errno.EPIPE)
        count = min(len(data), other.room)
        if not count and data:
            raise _error(errno.EAGAIN)
        if other.is_open:
            if self._chopping is not None:
                count = self._chopping.write(count)
            other.unread += data[:count]
            other.stir()
        else:
            self.be_reset()
        return count

    def sendmsg(self, pieces: Iterable[bytes | memoryview]) -> int:
        """Do the same for several pieces."""
        return self.send(b"".join(pieces))

    def shutdown(self, how: int) -> None:
        """Send nothing any more."""
        assert how == socket.SHUT_WR
        if self.other is None:
            raise _error(errno.ENOTCONN)
        self._shut = True
        self.other.end()

    def close(self) -> None:
        """Let go of it. The other end is told of the end, or of a reset if something is unread."""
        if not self.is_open:
            return
        self.is_open = False
        if self._waiting is not None:
            self._wires.give_back(self.address[1])
            for waiting in self._waiting:
                waiting.close()
            return
        other = self.other
        if other is not None and other.is_open:
            if self.unread:
                other.be_reset()
            else:
                other.end()
        self.unread.clear()

    def end(self) -> None:
        """The other end sends nothing any more."""
        self._ended = True
        self.stir()

    def be_reset(self) -> None:
        """The connection is gone; what has come can still be read."""
        self._reset = True
        self.stir()

    def hold(self, *, on: bool) -> None:
        """Let nothing of what comes be seen, neither bytes nor the end; or let it be seen again."""
        self._held = on
        self.stir()

    def stir(self) -> None:
        """Something has changed: what waits for it has to look."""
        if self.stirs_in is not None:
            self.stirs_in[self] = None
        if self.wakes is not None:
            self.wakes()


class Wires:
    """The ports of a network, all of them at one host that has every name.

    Args:
        buffer_size: how many bytes may be under way in each direction of a connection.
        chopping: how the reads and writes of peers are cut; None for not at all.
    """

    def __init__(self, buffer_size: int, chopping: Chopping | None = None) -> None:
        self.buffer_size = buffer_size
        self.chopping = chopping
        self._listeners: dict[int, MemorySocket] = {}
        self._numbers = count(1)
        self._ports = count(_FIRST_PORT)

    def next_number(self) -> int:
        """Return a number that no other socket has."""
        return next(self._numbers)

    def free_port(self) -> int:
        """Return a port that nobody listens at."""
        while True:
            port = _FIRST_PORT + (next(self._ports) - _FIRST_PORT) % (_LAST_PORT - _FIRST_PORT + 1)
            if port not in self._listeners:
                return port

    def take_port(self, port: int, listener: MemorySocket) -> int:
        """Let a socket listen at a port, 0 for a free one; return which.

        Raises:
            OSError: ``EADDRINUSE``.
        """
        port = port or self.free_port()
        if port in self._listeners:
            raise _error(errno.EADDRINUSE)
        self._listeners[port] = listener
        return port

    def give_back(self, port: int) -> None:
        """Nobody listens at a port any more."""
        del self._listeners[port]

    def listener(self, port: int) -> MemorySocket | None:
        """Return who listens at a port."""
        return self._listeners.get(port)
