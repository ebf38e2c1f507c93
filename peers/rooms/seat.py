"""``Seat``: one player's place in a room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from multiplayer.endpoint.close_code import CloseCode
from multiplayer.support.internal import internal

if TYPE_CHECKING:
    from peers.websocket.upgrade import UpgradeRequest


class Host(Protocol):
    """The room, as a seat knows it."""

    def check_close(self, code: int, reason: str) -> None:
        """Raise if a close code may not be sent."""

    def disconnect(self, peer_id: int, code: int, reason: str) -> None:
        """Close the connection of a player, if it is still here."""


class Seat:
    """A player's place in a room, from ``joined`` to ``left``.

    Attributes:
        id: the peer id.
        userdata: anything you like; initially what ``Accept(userdata=…)`` attached, or None.
        request: what the player came with.
        connected: whether there is a connection; False while the seat is suspended.
    """

    __slots__ = (
        "_announced",
        "_key_hash",
        "_kicked",
        "_session",
        "connected",
        "id",
        "request",
        "userdata",
    )

    def __init__(
        self, session: Host, peer_id: int, request: UpgradeRequest | None, userdata: object
    ) -> None:
        self._session = session
        self._announced = self._kicked = False
        self._key_hash = b""
        self.id = peer_id
        self.request = request
        self.userdata = userdata
        self.connected = True

    @property
    def kicked(self) -> bool:
        """Whether :meth:`kick` was called."""
        return self._kicked

    @internal
    def has_key(self, key_hash: bytes) -> None:
        """Take note of the hash of the key that an engine comes back with."""
        self._key_hash = key_hash

    @internal
    @property
    def key_hash(self) -> bytes:
        """That hash; b"" if there is none."""
        return self._key_hash

    @internal
    @property
    def announced(self) -> bool:
        """Whether the room has been told of it, or knows it from what it has saved."""
        return self._announced

    @internal
    def announce(self) -> bool:
        """Return whether the room has still to be told of it; it is told once."""
        announced, self._announced = self._announced, True
        return not announced

    def kick(self, reason: str = "", *, code: int = CloseCode.KICKED) -> None:
        """Close the player's connection and give its place away; ``left`` follows.

        A seat that is free already is left alone.

        Args:
            reason: cut to 123 bytes of UTF-8; the player can see it.
            code: see ``CloseCode``.

        Raises:
            MultiplayerError: ``ERR_INVALID_PARAMETER``: a code that may not be sent.
        """
        self._session.check_close(code, reason)
        self._kicked = True
        self._session.disconnect(self.id, code, reason)

    def __repr__(self) -> str:
        state = "" if self.connected else ", not connected"
        return f"<Seat {self.id}{state}>"
