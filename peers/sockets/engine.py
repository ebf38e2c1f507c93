"""``SocketEngine``: one selector for the sockets of any number of peers."""

from __future__ import annotations

from multiplayer import Error, MultiplayerError
from multiplayer.support.internal import internal

from .shared_selector import Common, SharedSelector
from .system import System


class SharingSystem(System):
    """What a peer has of the computer, if its sockets share a selector with those of others.

    Args:
        common: what they share.
    """

    __slots__ = ("_common", "_share")

    def __init__(self, common: Common) -> None:
        self._common = common
        self._share: SharedSelector | None = None

    @property
    def stirs(self) -> bool:
        """Whether something is ready that the selector does not tell of any more."""
        return self._share is not None and self._share.has_parked

    def selector(self) -> SharedSelector:
        """Return a share of that selector."""
        self._share = SharedSelector(self._common)
        return self._share


class SocketEngine:
    """Waits for the sockets of several peers in one place.

    Each peer has an engine of its own unless :meth:`WebSocketMultiplayerPeer.use_engine` has given
    it one. A peer in a shared engine is what it would be in its own: it is polled, run, closed and
    forked by itself, and a poll moves the bytes of that peer only. What they share is one selector,
    so one descriptor for all of them. All peers of an engine live in one thread. See
    ``docs/drivers.md``.
    """

    __slots__ = ("_common",)

    def __init__(self) -> None:
        self._common = Common()

    @internal
    def system(self) -> SharingSystem:
        """Return what one more peer has of the computer."""
        return SharingSystem(self._common)

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when a socket of one of the peers is ready.

        None where there is no such descriptor, as on Windows.

        Raises:
            MultiplayerError: ``ERR_CANT_CREATE``: the system has no descriptor left for it.
        """
        try:
            return self._common.selector.fileno()
        except OSError as error:
            message = f"sockets cannot be waited for: {error.strerror or error}"
            raise MultiplayerError(Error.ERR_CANT_CREATE, message) from error
