"""Who drives which peer: each is driven once at a time, until that ends or can go on no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from multiplayer import Error, MultiplayerError

from .drivable import Spawns, peer_of, readiness_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .drivable import Drivable, Readiness


class Starter(ABC):
    """What ``run`` sets as the ``spawn`` of a pollable: ``starter(async_fn, *args)``."""

    @abstractmethod
    def __call__(self, async_fn: Callable[..., Awaitable[object]], *args: object) -> None:
        """Start a task."""

    @abstractmethod
    def is_gone(self) -> bool:
        """Return whether it can start nothing any more, because what ran it has been ended."""


_HOLDERS: Final[WeakKeyDictionary[Readiness, Holder]] = WeakKeyDictionary()


class Holder:
    """Drives one peer, from :meth:`take` to :meth:`let_go`.

    Args:
        peer: the peer.
        is_gone: returns whether who drives can go on no more: an event loop that was closed, for
            instance. Then the next one takes the peer over.
    """

    def __init__(self, peer: Drivable, is_gone: Callable[[], bool]) -> None:
        self._peer = peer
        self._readiness = readiness_of(peer)
        self.is_gone = is_gone

    def take(self) -> None:
        """Begin to drive it.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: it is being driven.
        """
        for readiness in [each for each, holder in _HOLDERS.items() if holder.is_gone()]:
            _is_held(readiness)  # which lets go of it: who shares an engine with it may wait now
        if _is_held(self._readiness):
            raise _in_use("peer")
        _HOLDERS[self._readiness] = self
        self._readiness.awaited = True

    def let_go(self, code: int) -> None:
        """Close everything with ``code``, and drive it no more.

        Whoever was interrupted in this can call it again.
        """
        if _HOLDERS.get(self._readiness) is not self:
            return  # it is done, or somebody else has taken the peer over
        try:
            self._peer.end_at_once(code)
        finally:
            self._readiness.release()
        del _HOLDERS[self._readiness]


def check_not_run(*pollables: object) -> None:
    """Raise if one of them is being run already, or stands there twice.

    Raises:
        MultiplayerError: ``ERR_ALREADY_IN_USE``.
    """
    seen: set[int] = set()
    for pollable in pollables:
        peer = peer_of(pollable)
        spawn = pollable.spawn if isinstance(pollable, Spawns) else None
        runs = isinstance(spawn, Starter) and not spawn.is_gone()
        if peer is not None:
            runs = runs or _is_held(readiness_of(peer)) or id(peer) in seen
            seen.add(id(peer))
        if runs:
            raise _in_use("peer" if pollable is peer else "API")


def _is_held(readiness: Readiness) -> bool:
    if not readiness.awaited:
        return False
    holder = _HOLDERS.get(readiness)
    if holder is not None and holder.is_gone():
        del _HOLDERS[readiness]
        readiness.release()
    return readiness.awaited


def _in_use(what: str) -> MultiplayerError:
    message = f"this {what} is already being run; wait for that to end, or cancel it"
    return MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
