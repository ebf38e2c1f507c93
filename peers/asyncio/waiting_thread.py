"""``WaitingThread``: waits for sockets where the loop cannot.

The Proactor, which asyncio uses on Windows, has no ``add_reader``. There one thread a loop waits
for the sockets of all peers that are run in that loop, and wakes the loop. It reads nothing.
"""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    Wake = Callable[[], None]
    Watched = Sequence[tuple[int, int]]

_PATIENCE: Final = 10.0
"""How long to wait for the thread to end, in seconds; it has nothing else to do."""

# A selector without a descriptor of its own: one is made for each time of waiting.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)

_THREADS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, WaitingThread]] = WeakKeyDictionary()
_LOCK: Final = threading.Lock()


class WaitingThread:
    """Calls functions in a loop when sockets are ready; each once for each :meth:`wait_for`.

    Args:
        loop: whose thread calls all methods.
    """

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> WaitingThread:
        """Return that of a loop, to be used by one more."""
        with _LOCK:
            found = _THREADS.get(loop)
            if found is None:
                found = _THREADS[loop] = cls(loop)
            found._users += 1
        return found

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._users = 0
        self._lock = threading.Lock()
        self._asked: dict[Wake, Watched] = {}
        self._is_over = False
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        # A daemon, lest a loop that nobody closes keep the program from ending.
        name = "peers.asyncio waits for sockets"
        self._thread = threading.Thread(target=self._wait, name=name, daemon=True)
        self._thread.start()

    def wait_for(self, watched: Watched, wake: Wake) -> None:
        """Call ``wake`` when one of these is ready, instead of those before.

        Args:
            watched: descriptors, each with its ``selectors.EVENT_…``. One that is closed meanwhile
                counts as ready.
            wake: called once, in the loop's thread; also when another one is ready, rarely.
        """
        with self._lock:
            self._asked[wake] = watched
        self._ring()

    def leave(self, wake: Wake) -> None:
        """Wait for this one no more; whoever was given the thread by :meth:`of` calls this once."""
        with _LOCK:
            self._users -= 1
            is_over = self._users == 0
            if is_over:
                _THREADS.pop(self._loop, None)
        with self._lock:
            self._asked.pop(wake, None)
            self._is_over = self._is_over or is_over
        self._ring()
        if is_over:
            self._thread.join(_PATIENCE)
            self._ringer.close()

    def _ring(self) -> None:
        with suppress(OSError):  # it has rung so often that there is no room: it will be heard
            self._ringer.send(b"\0")

    # ---------------------------------------------------------------- in the thread

    def _wait(self) -> None:
        with self._bell:
            while True:
                with self._lock:
                    if self._is_over:
                        return
                    asked = dict(self._asked)
                ready = self._ready(asked)
                with suppress(OSError):
                    while self._bell.recv(4096):
                        pass
                with self._lock:
                    ready = [wake for wake in ready if self._asked.get(wake) is asked[wake]]
                    for wake in ready:
                        del self._asked[wake]
                if ready:
                    try:
                        self._loop.call_soon_threadsafe(_call_all, ready)
                    except RuntimeError:  # the loop is closed, and nobody has told us
                        self._give_up()
                        return

    def _give_up(self) -> None:
        with _LOCK:
            if _THREADS.get(self._loop) is self:
                del _THREADS[self._loop]
        with self._lock:
            self._asked.clear()
        self._ringer.close()

    def _ready(self, asked: dict[Wake, Watched]) -> list[Wake]:
        """Wait; return whose sockets are ready."""
        of: dict[int, list[Wake]] = {}
        gone: list[Wake] = []
        with _Selector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            for wake, watched in asked.items():
                for descriptor, events in watched:
                    if descriptor < 0:
                        gone.append(wake)
                    elif descriptor in of:  # closed, and opened again by another peer
                        known = selector.get_key(descriptor).events
                        selector.modify(descriptor, known | events)
                    else:
                        selector.register(descriptor, events)
                    of.setdefault(descriptor, []).append(wake)
            if gone:
                return gone
            try:
                return _unique(wake for key, _ in selector.select() for wake in of.get(key.fd, ()))
            except (OSError, ValueError):
                return [*asked]  # one was closed: all look again


def _unique(wakes: Iterable[Wake]) -> list[Wake]:
    return [*dict.fromkeys(wakes)]


def _call_all(wakes: Iterable[Wake]) -> None:
    for wake in wakes:
        wake()
