"""The lobby as a room: ``/lobby`` of a ``RoomServer``, for clients of this package.

Its players ask by requests of ``NATIVE`` (``docs/protocol/native.md``), and hear nothing of each
other. What is refused is an answer, too, not an exception: whoever asks too often fills no log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from multiplayer import rpc
from multiplayer.rooms.listing import Wanted
from multiplayer.rooms.lobby_words import LobbyRefusedError

from .lobby_http import said_of_place, said_of_row
from .room import Room

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from multiplayer.rooms.lobby import Lobby
    from multiplayer.rooms.tickets import Outcome

    from .seat import Seat

PATH: Final = "Lobby"
"""Where its object is in the tree."""

Value = str | int | float | bool | None
Answer = dict[str, Any]
"""``{"status": …}`` with what was asked for, or ``{"status": …, "error": text}``."""


class Serving(Protocol):
    """What has the lobby; see ``LobbyService``."""

    @property
    def lobby(self) -> Lobby:
        """Decides."""
        ...

    def now(self) -> float:
        """Return the time, in seconds."""
        ...

    def stir(self) -> None:
        """Have the lobby do what it has to do, in the next poll of its room."""

    def stirred(self) -> None:
        """Do what the lobby has to do, now and later."""


class LobbyDesk:
    """What can be asked. The server's has a service behind it; a client's only declares.

    Args:
        room: the room whose desk it is.
    """

    def __init__(self, room: LobbyRoom) -> None:
        self._room = room

    @rpc("any_peer")
    def list_rooms(
        self, kind: str, free: bool, metadata: dict[str, Value], cursor: str, limit: int
    ) -> Answer:
        """Return a page of rooms."""

        def action(asker: str, now: float) -> Answer:
            wanted = Wanted(kind, free, metadata)
            page = self._service.lobby.list(asker, now, wanted, cursor, limit)
            return {"rooms": [said_of_row(row) for row in page.rooms], "cursor": page.cursor}

        return self._do(action)

    @rpc("any_peer")
    def create(
        self, kind: str, private: bool, metadata: dict[str, Value], options: dict[str, str]
    ) -> Answer:
        """Make a room, and keep a place in it."""

        def action(asker: str, now: float) -> Answer:
            lobby = self._service.lobby
            return said_of_place(
                lobby.create(asker, now, kind, private=private, metadata=metadata, options=options)
            )

        return self._do(action)

    @rpc("any_peer")
    def join(self, code: str) -> Answer:
        """Keep a place in the room of a code."""
        return self._do(
            lambda asker, now: said_of_place(self._service.lobby.join(asker, now, code))
        )

    @rpc("any_peer")
    def change(
        self,
        code: str,
        owner_key: str,
        locked: bool | None,
        private: bool | None,
        metadata: dict[str, Value] | None,
    ) -> Answer:
        """Change what is not None of a room."""

        def action(asker: str, now: float) -> Answer:
            self._service.lobby.change(
                asker, now, code, owner_key, locked=locked, private=private, metadata=metadata
            )
            return {}

        return self._do(action)

    @rpc("any_peer")
    def kick(self, code: str, owner_key: str, peer: int) -> Answer:
        """Send a player of a room away."""

        def action(asker: str, now: float) -> Answer:
            self._service.lobby.kick(asker, now, code, owner_key, peer)
            return {}

        return self._do(action)

    @rpc("any_peer")
    def match(self, kind: str, party: int, rating: float) -> Answer:
        """Wait for a match; :meth:`decided` of the asker is called when there is one."""
        peer = self._room.api.get_remote_sender_id()

        def action(asker: str, now: float) -> Answer:
            lobby = self._service.lobby
            ticket = lobby.match(asker, now, kind, party=party, rating=rating, lasting=True)
            self._room.tickets[ticket] = peer
            return {"ticket": ticket}

        return self._do(action)

    @rpc("any_peer")
    def cancel(self, ticket: str) -> Answer:
        """Wait no more."""
        peer = self._room.api.get_remote_sender_id()

        def action(asker: str, now: float) -> Answer:
            del asker, now
            is_mine = self._room.tickets.get(ticket) == peer
            return {"cancelled": is_mine and self._room.give_up(ticket)}

        return self._do(action)

    @rpc
    def decided(self, ticket: str, outcome: Answer) -> None:
        """Hear what has become of a ticket."""

    # ---------------------------------------------------------------- behind it

    @property
    def _service(self) -> Serving:
        return self._room.service

    def _do(self, action: Callable[[str, float], Answer]) -> Answer:
        room = self._room
        try:
            said = action(room.address_of(room.api.get_remote_sender_id()), room.service.now())
        except LobbyRefusedError as error:
            return {"status": error.status, "error": error.text}
        # Not at once: whoever is in the match has to know its ticket before it hears of it.
        room.service.stir()
        return {"status": 200, **said}


class LobbyRoom(Room):
    """The room of a lobby.

    Attributes:
        service: the lobby.
        tickets: those of its players, and whose.
    """

    capacity = 0
    idle: float | None = None
    relays = False

    service: Serving

    def __init__(self) -> None:
        self.tickets: dict[str, int] = {}
        self._desk = LobbyDesk(self)

    def opened(self, options: Mapping[str, str]) -> None:
        """Be ready to be asked."""
        del options
        self.api.validate = True
        self.api.add(PATH, self._desk)

    def process(self, delta: float) -> None:
        """Do what time brings."""
        del delta
        self.service.stirred()

    def address_of(self, peer: int) -> str:
        """Return the IP address of a player; "" for nobody."""
        seat = self.seats.get(peer)
        return seat.request.address if seat is not None and seat.request is not None else ""

    def tell(self, ticket: str, outcome: Outcome) -> None:
        """Tell whoever waits, if it is one of the players."""
        peer = self.tickets.get(ticket, 0)
        if peer in self.seats:
            said: Answer = {"state": outcome.state, "error": outcome.text}
            said["places"] = [said_of_place(place) for place in outcome.places]
            self._desk.decided.rpc_id(peer, ticket, said)
        self.tickets.pop(ticket, None)  # last: told twice does less harm than never

    def give_up(self, ticket: str) -> bool:
        """Cancel a ticket; return whether it waited."""
        self.tickets.pop(ticket, None)
        return self.service.lobby.cancel(ticket)

    def left(self, seat: Seat, why: str) -> None:
        """Cancel the tickets of a player that has gone."""
        del why
        for ticket in [each for each, peer in self.tickets.items() if peer == seat.id]:
            self.give_up(ticket)
