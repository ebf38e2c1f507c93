"""What a room's session has on either side: the server that keeps it, and the game that plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multiplayer import Dialect, Limits
    from peers.websocket.upgrade_policy import Accept, Refuse

    from .front import RoomRequest
    from .seat import Seat

Session_contra = TypeVar("Session_contra", contravariant=True)


class Keeper(Protocol[Session_contra]):
    """The server of a room, as the room knows it."""

    def stir(self, session: Session_contra) -> None:
        """Poll that room soon."""

    def limit_reached(self, session: Session_contra, address: str) -> str:
        """Return the limit that keeps out one more player from an address; "" for none.

        If there is none, it is taken note of that the player is there.
        """
        ...

    def visit(self, session: Session_contra, address: str) -> None:
        """Take note that a player is back, from an address."""

    def gone(self, session: Session_contra, address: str) -> None:
        """Take note that a player from an address has lost its connection, or left."""

    def keyed(self, session: Session_contra, key_hash: bytes, *, there: bool) -> None:
        """Take note that the player who has chosen a key has a seat here, or none any more."""

    def changed(self, session: Session_contra) -> None:
        """Take note that somebody has come or gone, or what lists say has changed."""

    def done(self, session: Session_contra) -> None:
        """Take note that the room is closed, and everybody has gone."""


class Game(Protocol[Session_contra]):
    """The room, as the game has written it; see ``Room``."""

    capacity: int
    dialect: Dialect
    grace: float
    idle: float | None
    limits: Limits | None
    relays: bool
    tick_hz: float

    def attach(self, session: Session_contra) -> None:
        """Stand on that from now on."""

    def opened(self, options: Mapping[str, str]) -> None:
        """See ``Room``, as for all that follow."""

    def may_join(self, request: RoomRequest) -> Accept | Refuse | bool | None:
        """See there."""

    def joined(self, seat: Seat) -> None:
        """See there."""

    def suspended(self, seat: Seat) -> None:
        """See there."""

    def resumed(self, seat: Seat) -> None:
        """See there."""

    def left(self, seat: Seat, why: str) -> None:
        """See there."""

    def process(self, delta: float) -> None:
        """See there."""

    def save(self) -> object:
        """See there."""
        ...

    def restored(self, data: object) -> None:
        """See there."""

    def closed(self, why: str) -> None:
        """See there."""
