"""``WithoutSeats``: what a client inherits of a server's seats, and cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from .errors import Error, MultiplayerError
from .support.sealed import unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .endpoint.seat import SavedSeat


class WithoutSeats:
    """A client, in front of the class that may become either; it has ``resume`` instead."""

    @unavailable
    def expire_seat(self, id: int) -> NoReturn:  # noqa: A002 - Godot's name
        """Raise ``ERR_UNAVAILABLE``: only servers keep seats; a client has ``resume``."""
        del id
        raise _for_servers("expire_seat")

    @unavailable
    def save_seats(self) -> NoReturn:
        """Raise ``ERR_UNAVAILABLE``: only servers keep seats; a client has ``resume``."""
        raise _for_servers("save_seats")

    @unavailable
    def restore_seats(self, seats: Iterable[SavedSeat]) -> NoReturn:
        """Raise ``ERR_UNAVAILABLE``: only servers keep seats; a client has ``resume``."""
        del seats
        raise _for_servers("restore_seats")


def _for_servers(name: str) -> MultiplayerError:
    message = f"{name}() is for servers, which keep seats; a client comes back by resume = Resume()"
    return MultiplayerError(Error.ERR_UNAVAILABLE, message)
