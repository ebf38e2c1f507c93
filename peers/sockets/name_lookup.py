"""Names to addresses, without making anybody wait."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections import deque
from contextlib import suppress
from typing import Final

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
Address = tuple[socket.AddressFamily, SocketAddress]

MOST_THREADS: Final = 8
"""How many look-ups of this process may be under way at once; the others wait in line."""


def literal_address(host: str, port: int) -> Address | None:
    """Return the address that ``host`` spells out, None if it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return socket.AF_INET, (str(address), port)
    return socket.AF_INET6, (str(address), port, 0, 0)


class NameLookup:
    """One name look-up on one of a few daemon threads, the only ones that this package starts.

    There is no portable way to end a look-up: :meth:`close` abandons one that hangs, and its thread
    is free for others when the system gives up. One that waits in line leaves the line.

    Args:
        host: the name.
        port: what the addresses are to hold besides.

    Raises:
        OSError: there is no descriptor to be had.
        RuntimeError: there is no thread to be had.

    Attributes:
        host, port: what is looked up.
        waker: becomes readable when the answer is there.
        addresses: what the name stands for, in the order in which to try; empty if the look-up
            failed.
        error: why it failed, in words.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.addresses: list[Address] = []
        self.error = ""
        self.waker, self._theirs = socket.socketpair()
        try:
            self.waker.setblocking(False)
            _threads.begin(self)
        except BaseException:
            self.waker.close()
            self._theirs.close()
            raise

    @property
    def overdue(self) -> str:
        """Why there is no answer, in words that a time can follow."""
        if _threads.is_waiting(self):
            return f"{MOST_THREADS} other look-ups hang, and {self.host} was not looked up"
        return f"the look-up of {self.host} had no answer"

    def close(self) -> None:
        """Forget the look-up."""
        if _threads.leave(self):
            self.abandon()
        self.waker.close()

    def abandon(self) -> None:
        """Close what a thread would have woken us with, because none will."""
        self._theirs.close()

    def run(self) -> None:
        """Look the name up, on a thread that may wait; then wake whoever waits for it."""
        with self._theirs:
            self._ask()
            # Closing alone would wake nobody while a child of a fork has a copy.
            with suppress(OSError):
                self._theirs.shutdown(socket.SHUT_RDWR)

    def _ask(self) -> None:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except Exception as error:  # whatever it is, the thread goes on for others
            self.error = f"{self.host} cannot be resolved: {error}"
            return
        for family, _, _, _, address in found:
            if family in (socket.AF_INET, socket.AF_INET6) and isinstance(address[0], str):
                self.addresses.append((family, address))  # type: ignore[arg-type]
        if not self.addresses:
            self.error = f"{self.host} has no address"


class _Threads:
    """The threads that look names up: each ends when nobody waits in line any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: deque[NameLookup] = deque()
        self._running = 0

    def begin_anew(self) -> None:
        """Forget all threads: a child of a fork has none, and the lock may be held for ever."""
        for lookup in self._line:
            lookup.abandon()
        self.__init__()

    def begin(self, lookup: NameLookup) -> None:
        """Let a thread do a look-up, now or when one is free.

        Raises:
            RuntimeError: none can be started, and none is there.
        """
        with self._lock:
            if self._running < MOST_THREADS:
                thread = threading.Thread(
                    target=self._work, args=(lookup,), name="look up names", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:
                    if not self._running:
                        raise
                else:
                    self._running += 1
                    return
            self._line.append(lookup)

    def is_waiting(self, lookup: NameLookup) -> bool:
        """Whether a look-up waits in line."""
        with self._lock:
            return lookup in self._line

    def leave(self, lookup: NameLookup) -> bool:
        """Take a look-up out of the line; return whether it stood there."""
        with self._lock:
            if lookup not in self._line:
                return False
            self._line.remove(lookup)
            return True

    def _work(self, lookup: NameLookup) -> None:
        while True:
            lookup.run()
            with self._lock:
                if not self._line:
                    self._running -= 1
                    return
                lookup = self._line.popleft()


_threads = _Threads()

if hasattr(os, "register_at_fork"):  # as on all systems that have fork()
    os.register_at_fork(after_in_child=_threads.begin_anew)
