"""The connection of the front and one worker: messages, and sockets that go along with some.

``socket.send_fds`` and ``recv_fds`` are this: descriptors are ancillary data (``SCM_RIGHTS``) of
the first byte that they are sent with (unix(7)), and each read gives those of one write at most. So
they are taken in the order of the messages that have one.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
from collections import deque
from typing import TYPE_CHECKING, Final

import trio

from .messages import MessageReader, Take, encoded

if TYPE_CHECKING:
    from .messages import Message

CAN_PASS_SOCKETS: Final = hasattr(socket, "AF_UNIX") and hasattr(socket.socket, "sendmsg")

_READ_SIZE: Final = 65536
_MOST_SOCKETS: Final = 16
"""How many descriptors one read may give; one is written at a time."""

_FD: Final = array.array("i").itemsize

MOST_WAITING: Final = 512
"""How many sockets may wait for a worker that does not read."""


class Pipe:
    """One end.

    Args:
        sock: a stream socket; of ``AF_UNIX``, if it is to carry others.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._passes = CAN_PASS_SOCKETS and sock.family == socket.AF_UNIX
        self._waiting: deque[tuple[memoryview, socket.socket | None]] = deque()
        self._sockets_waiting = 0
        self._has_more = trio.Event()
        self._reader = MessageReader()
        self._arrived: deque[socket.socket | None] = deque()  # None: it was lost on the way
        self.broken = False

    @property
    def full(self) -> bool:
        """Whether so many sockets wait that no more should be sent."""
        return self._sockets_waiting >= MOST_WAITING

    # ---------------------------------------------------------------- out

    def send(self, message: Message, sock: socket.socket | None = None) -> None:
        """Write a message now, or when there is room.

        Args:
            message: the message.
            sock: a socket that goes along, and is closed here when it has left.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a value in it has no counterpart.
        """
        data = encoded(message)
        self._waiting.append((memoryview(data), sock))
        self._sockets_waiting += sock is not None
        if len(self._waiting) == 1 and not self.broken:
            self._write()
        if self._waiting:
            self._has_more.set()

    def _write(self) -> None:
        """Write what the socket takes."""
        while self._waiting:
            data, sock = self._waiting[0]
            try:
                if sock is None:
                    count = self._sock.send(data)
                else:
                    rights = array.array("i", [sock.fileno()])
                    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
                    count = self._sock.sendmsg([data], ancillary)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.broken = True
                return
            if sock is not None:  # it left with the first byte
                sock.close()
                self._sockets_waiting -= 1
            if count < len(data):
                self._waiting[0] = data[count:], None
            else:
                self._waiting.popleft()

    async def write_on(self) -> None:
        """Write what has to wait for room, for as long as the other process is there."""
        while not self.broken:
            await self._has_more.wait()
            self._has_more = trio.Event()
            while self._waiting and not self.broken:
                try:
                    await trio.lowlevel.wait_writable(self._sock)
                except (OSError, trio.ClosedResourceError):
                    self.broken = True
                    return
                self._write()

    def unsent(self) -> list[tuple[Take, socket.socket]]:
        """Take back the sockets that have not left, with what goes along."""
        taken: list[tuple[Take, socket.socket]] = []
        for data, sock in self._waiting:
            if sock is not None:
                (message,) = MessageReader().receive(bytes(data))
                assert isinstance(message, Take)  # nothing else has a socket
                taken.append((message, sock))
        self._waiting.clear()
        self._sockets_waiting = 0
        return taken

    # ---------------------------------------------------------------- in

    async def receive(self) -> list[tuple[Message, socket.socket | None]]:
        """Wait for what the other process says; nothing means that it is gone.

        Raises:
            DecodeError: it talks nonsense.
        """
        while True:
            try:
                await trio.lowlevel.wait_readable(self._sock)
                data = self._read()
            except (BlockingIOError, InterruptedError):
                continue
            except (OSError, trio.ClosedResourceError):
                return []
            if not data:
                return []
            messages = [*self._reader.receive(data)]
            if messages:
                return [(each, self._socket_of(each)) for each in messages]

    def _socket_of(self, message: Message) -> socket.socket | None:
        return self._arrived.popleft() if isinstance(message, Take) and self._arrived else None

    def _read(self) -> bytes:
        if not self._passes:
            return self._sock.recv(_READ_SIZE)
        data, ancillary, flags, _ = self._sock.recvmsg(
            _READ_SIZE, socket.CMSG_SPACE(_MOST_SOCKETS * _FD)
        )
        if flags & socket.MSG_CTRUNC:
            # The system has no descriptor left for it. The next one must not be taken for this.
            self._arrived.append(None)
        for level, kind, rights in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(rights[: len(rights) - len(rights) % _FD])
                for number in numbers:
                    self._adopt(number)
        return data

    def _adopt(self, number: int) -> None:
        try:
            sock = socket.socket(fileno=number)
        except OSError:  # no socket
            os.close(number)
            return
        sock.setblocking(False)
        self._arrived.append(sock)

    def close(self) -> None:
        """End it, and what came and was not taken."""
        self.broken = True
        for _, sock in self._waiting:
            if sock is not None:
                sock.close()
        self._waiting.clear()
        for sock in self._arrived:
            if sock is not None:
                sock.close()
        self._arrived.clear()
        with contextlib.suppress(ValueError):
            trio.lowlevel.notify_closing(self._sock)
        self._sock.close()
