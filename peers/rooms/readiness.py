"""``RoomServerReadiness``: when a ``RoomServer`` has something to do, for whoever drives it."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Protocol

from multiplayer import Error, MultiplayerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from peers.sockets.hall import Hall


class Driven(Protocol):
    """The server."""

    @property
    def is_polling(self) -> bool:
        """Whether a poll is under way, at the end of which it is known what is due."""
        ...

    def next_due(self) -> float:
        """Return when something is due of which the sockets do not tell."""
        ...


class RoomServerReadiness:
    """Tells when there is something to do; see ``peers.driving.drivable.Readiness``.

    Args:
        hall: the sockets.
        server: the server.

    Attributes:
        awaited: somebody drives the server.
        on_wake: wakes them; None while nobody waits.
        on_close: called with each watched descriptor before it is closed.
    """

    def __init__(self, hall: Hall, server: Driven) -> None:
        self._hall = hall
        self._server = server
        self.awaited = False
        self.on_wake: Callable[[], None] | None = None
        self.on_close: Callable[[int], None] | None = None

    def wake(self) -> None:
        """Tell whoever waits that there is something else to do."""
        if self.on_wake is not None:
            self.on_wake()

    def wake_unless_polling(self) -> None:
        """Do the same; but a poll that is under way finds out itself."""
        with contextlib.suppress(ReferenceError):  # the program has forgotten the server
            if not self._server.is_polling:
                self.wake()

    def next_deadline(self) -> float:
        """Return when ``poll()`` has something to do at the latest, on the server's clock."""
        if self._hall.system.stirs or self._hall.stirred:
            return -math.inf
        return self._server.next_due()

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when a poll has I/O to do, if there is one.

        Raises:
            MultiplayerError: ``ERR_CANT_CREATE``: the system has no descriptor left for it.
        """
        try:
            return self._hall.selector.fileno()
        except OSError as error:
            message = f"sockets cannot be waited for: {error.strerror or error}"
            raise MultiplayerError(Error.ERR_CANT_CREATE, message) from error

    def watched(self) -> Iterator[tuple[int, int]]:
        """Return each watched descriptor and its events."""
        return self._hall.selector.watched()

    def release(self) -> None:
        """Take note that nobody drives the server any more."""
        self.awaited = False
        self.on_wake = self.on_close = None
        self._hall.rest()
