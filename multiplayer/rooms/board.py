"""``RoomBoard``: what a lobby asks of whoever has the rooms, in this process or in others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class BoardRefusedError(Exception):
    """A room cannot be made, now or at all.

    Args:
        text: why, for whoever has asked.
        is_limit: it may be possible later.
    """

    def __init__(self, text: str, *, is_limit: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.is_limit = is_limit


class RoomBoard(Protocol):
    """Has rooms. Whatever it is asked, it answers at once.

    It tells its lobby what becomes of them: ``Lobby.opened``, ``changed`` and ``closed``.
    """

    @property
    def kinds(self) -> Collection[str]:
        """The names of the kinds of which rooms can be made."""
        ...

    def size_of(self, kind: str) -> int:
        """Return how many players a match of a kind has; 0 if it cannot be matched."""
        ...

    def create(
        self,
        kind: str,
        *,
        creator: str,
        private: bool,
        metadata: Mapping[str, object],
        options: Mapping[str, str],
    ) -> str:
        """Make a room, and return its code; the lobby has been told of it by then.

        Args:
            kind: one of :attr:`kinds`.
            creator: the address of whoever wants it; "" for the lobby itself.
            private: lists leave it out.
            metadata: what lists say about it.
            options: what it is opened with.

        Raises:
            BoardRefusedError: there are too many, or its ``opened`` raised.
        """
        ...

    def change(
        self,
        code: str,
        *,
        locked: bool | None = None,
        private: bool | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Change what is not None of a room; one that is gone does not matter."""

    def kick(self, code: str, peer: int, reason: str) -> bool:
        """Send a player away; return False if none of that id is in the room."""
        ...

    def reserve(self, code: str, token: str, seconds: float, *, owns: bool = False) -> bool:
        """Keep a place of a room; see ``Reservations``.

        Args:
            code: the room.
            token: what whoever comes for it brings.
            seconds: for how long.
            owns: whoever comes with it owns the room.

        Returns:
            False if it is full or gone.
        """
        ...

    def base_of(self, code: str) -> str:
        """Return where a room is, such as ``wss://b.example.com``; "" for where the lobby is."""
        ...
