"""``Waiting``: a connection whose room is not here, until somebody knows where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from multiplayer import Error, MultiplayerError
from multiplayer.endpoint.close_code import CloseCode
from multiplayer.endpoint.close_codes import check_close

if TYPE_CHECKING:
    import socket

    from peers.websocket.link import Link

    from .front import RoomRequest


class Counter(Protocol):
    """Where connections wait."""

    def is_here(self, link: Link) -> bool:
        """Return whether a connection still waits."""
        ...

    def look_again(self, link: Link, request: RoomRequest, code: str) -> None:
        """Bring a connection to a room that may be here by now."""

    def turn_away(self, link: Link, code: int, reason: str) -> None:
        """Refuse a connection."""

    def give_away(self, link: Link) -> socket.socket:
        """Forget a connection, and return its socket."""
        ...


class Waiting:
    """A connection that waits, as a ``RoomServer.resolver`` gets it.

    It waits for as long as a handshake may take (``handshake_timeout``), and gives way to others as
    those who have not asked for anything yet (``max_pending_handshakes``). Then the methods do
    nothing, and :meth:`detach` raises.

    Attributes:
        request: what it has asked for.
    """

    def __init__(self, counter: Counter, link: Link, request: RoomRequest) -> None:
        self._counter = counter
        self._link = link
        self.request = request

    @property
    def is_here(self) -> bool:
        """Whether it still waits."""
        return self._counter.is_here(self._link)

    @property
    def remote_address(self) -> tuple[str, int]:
        """The client's IP address and port."""
        return self._link.address, self._link.port

    def go_on(self, code: str = "") -> None:
        """Look again whether the room is here; refuse the client with 4004 if it is not.

        Args:
            code: of the room that it is to come to; "" for the one that it has named.
        """
        if self.is_here:
            self._counter.look_again(self._link, self.request, code)

    def refuse(self, code: int = CloseCode.NO_SUCH_ROOM, text: str = "") -> None:
        """Accept the upgrade, and close with a code and a text; see ``Refuse``.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        code, text = check_close(code, text, plain=False)
        if self.is_here:
            self._counter.turn_away(self._link, code, text)

    def detach(self) -> tuple[socket.socket, bytes]:
        """Give the socket away, with what has been read of it: the head, and what came after it.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: it does not wait any more;
                ``ERR_UNAVAILABLE``: it is encrypted, and what follows could not be read elsewhere.
        """
        if not self.is_here:
            message = "this client does not wait any more; ask is_here first"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        if self._link.encrypted:
            message = "an encrypted connection cannot be passed on; end TLS before, and splice"
            raise MultiplayerError(Error.ERR_UNAVAILABLE, message)
        received = self._link.asked.received
        return self._counter.give_away(self._link), received
