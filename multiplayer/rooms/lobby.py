"""``Lobby``: lists, makes and finds rooms for those who are in none yet.

Pure: what somebody asks goes in with the time, and the answer comes out; rooms are made by a
:class:`~multiplayer.rooms.board.RoomBoard`. Whatever a stranger may ask is limited by address.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from multiplayer.errors import Error, MultiplayerError

from .attempts import Attempts
from .board import BoardRefusedError
from .listing import PAGE, Listing, Wanted
from .lobby_words import LobbyRefusedError, can_be_listed, check_metadata, check_options
from .matcher import Matcher, RatingWindow
from .reservations import MOST, SECONDS, TOKEN_BITS, token_of
from .room_codes import spelled
from .tickets import Outcome, PartyWish, RoomPlace, Tickets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .board import RoomBoard
    from .listing import RoomPage, RoomRow

_log = logging.getLogger("multiplayer.rooms.lobby")

NO_ROOM: Final = "there is no such room"
"""What is said of a room that is not there, is not yours, or may not be tried for."""

NO_KIND: Final = "there are no rooms of this kind"
NO_TICKET: Final = "there is no such ticket: it was cancelled, or nobody has asked for it in time"
TOO_OFTEN: Final = "too many requests from your address; try again later"


@dataclass(frozen=True, slots=True)
class LobbySettings:
    """What a lobby allows one address; each pair is a rate a second, and how many at once.

    Attributes:
        asking: any requests at all, such as lists and questions about a ticket.
        joining: places kept, for joining by code.
        creating: rooms made.
        matching: tickets for a match.
        codes: codes that no room has, here and in URLs.
        max_tickets: how many wait for a match at a time, all together.
        max_tickets_per_address: how many of one address.
        ticket_seconds: a ticket that nobody has asked about for so long is cancelled; one of a
            ``LobbyClient`` lasts as long as its connection.
        reservation_seconds: how long a place is kept.
        window: how far apart the ratings of a match may be.
    """

    asking: tuple[float, int] = (10.0, 60)
    joining: tuple[float, int] = (1.0, 16)
    creating: tuple[float, int] = (0.1, 5)
    matching: tuple[float, int] = (1.0, 16)
    codes: tuple[float, int] = (0.2, 10)
    max_tickets: int = 10_000
    max_tickets_per_address: int = 16
    ticket_seconds: float = 30.0
    reservation_seconds: float = SECONDS
    window: RatingWindow = field(default_factory=RatingWindow)


class Lobby:
    """What a lobby knows.

    Args:
        board: has the rooms, and tells this lobby of them.
        bits: returns a number of so many random bits.
        settings: what is allowed.
        attempts: counts codes that no room has, together with whoever else counts them.

    Attributes:
        listing: the rooms, private ones too.
        tickets: those who wait for a match.
    """

    def __init__(
        self,
        board: RoomBoard,
        bits: Callable[[int], int],
        settings: LobbySettings | None = None,
        attempts: Attempts | None = None,
    ) -> None:
        self.settings = settings = LobbySettings() if settings is None else settings
        self.listing = Listing()
        self._board = board
        self._bits = bits
        self._codes = Attempts(*settings.codes) if attempts is None else attempts
        self._asking = Attempts(*settings.asking)
        self._joining = Attempts(*settings.joining)
        self._creating = Attempts(*settings.creating)
        self._matching = Attempts(*settings.matching)
        self._unlisted: set[str] = set()  # codes of rooms whose metadata no list has
        self._owner_keys: dict[str, str] = {}  # by code
        matcher = Matcher(
            board.size_of,
            settings.window,
            most=settings.max_tickets,
            most_per_asker=settings.max_tickets_per_address,
        )
        self.tickets = Tickets(matcher, settings.ticket_seconds, settings.reservation_seconds)

    # ---------------------------------------------------------------- what the board says

    def opened(self, row: RoomRow) -> None:
        """Note that a room was opened."""
        self.changed(row)

    def changed(self, row: RoomRow) -> None:
        """Note that something of a room has changed.

        Metadata that lists cannot show are left out, and that is logged once: else nobody could
        list any room.
        """
        if row.metadata and not can_be_listed(row.metadata):
            if row.code not in self._unlisted:
                self._unlisted.add(row.code)
                _log.warning("room %s has metadata that lists cannot show: no JSON", row.code)
            row = row._replace(metadata={})
        self.listing.put(row)

    def closed(self, code: str) -> None:
        """Note that a room was closed."""
        self.listing.remove(code)
        self._unlisted.discard(code)
        self._owner_keys.pop(code, None)

    # ---------------------------------------------------------------- what strangers ask

    def list(
        self, asker: str, now: float, wanted: Wanted, cursor: str = "", most: int = PAGE
    ) -> RoomPage:
        """Return a page of rooms.

        Args:
            asker: the IP address of whoever asks.
            now: the time, in seconds.
            wanted: which rooms.
            cursor: that of the page before; "" for the first page.
            most: how many rooms; 1 to 50.

        Raises:
            LobbyRefusedError: 400: no page had such a cursor; 429.
        """
        self._spend(self._asking, asker, now)
        try:
            return self.listing.page(wanted, cursor, most)
        except MultiplayerError as error:
            raise LobbyRefusedError(400, error.message) from None

    def create(
        self,
        asker: str,
        now: float,
        kind: str,
        *,
        private: bool = False,
        metadata: Mapping[str, object] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> RoomPlace:
        """Make a room, with a place in it for whoever has asked.

        Args:
            asker: as for :meth:`list`.
            now: the time, in seconds.
            kind: the name of its kind.
            private: lists leave it out.
            metadata: what lists say about it; see ``check_metadata``.
            options: for ``Room.opened``; see ``check_options``.

        Returns:
            The place, with the key of the owner.

        Raises:
            LobbyRefusedError: 400: options or metadata are too large, or no such; 404: no such
                kind; 429; 503: there are too many rooms, or it could not be opened.
        """
        self._check_kind(asker, now, kind)
        said = check_metadata(metadata or {})
        chosen = check_options(options or {})
        self._spend(self._creating, asker, now)
        try:
            code = self._board.create(
                kind, creator=asker, private=private, metadata=said, options=chosen
            )
        except BoardRefusedError as error:
            raise LobbyRefusedError(429 if error.is_limit else 503, error.text) from None
        key = self._owner_keys[code] = token_of(self._bits(TOKEN_BITS))
        place = self._reserve(kind, code, owns=True)
        if place is None:
            raise LobbyRefusedError(503, "the room could not be opened")
        return place._replace(owner_key=key)

    def join(self, asker: str, now: float, code: str) -> RoomPlace:
        """Keep a place in the room of a code, as somebody has typed it.

        Raises:
            LobbyRefusedError: 404: there is none, or the address has tried too many; 409: it is
                full or locked; 429.
        """
        self._spend(self._joining, asker, now)
        row = self._find(asker, now, code)
        if row.locked:
            raise LobbyRefusedError(409, "the room is locked")
        place = self._reserve(row.kind, row.code)
        if place is None:
            raise LobbyRefusedError(409, "the room is full")
        return place

    def _find(self, asker: str, now: float, code: str) -> RoomRow:
        row = None
        if not self._codes.is_spent(asker, now):
            row = self.listing.find(code) or self.listing.find(spelled(code))
            if row is None:
                self._codes.spend(asker, now)
        if row is None:
            raise LobbyRefusedError(404, NO_ROOM)
        return row

    def _reserve(self, kind: str, code: str, *, owns: bool = False) -> RoomPlace | None:
        token = token_of(self._bits(TOKEN_BITS))
        if not self._board.reserve(code, token, self.settings.reservation_seconds, owns=owns):
            return None
        url = f"{self._board.base_of(code)}/{kind}/{code}?reservation={token}"
        return RoomPlace(kind, code, url)

    # ---------------------------------------------------------------- what owners do

    def change(
        self,
        asker: str,
        now: float,
        code: str,
        owner_key: str,
        *,
        locked: bool | None = None,
        private: bool | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Change what is not None of a room, for its owner.

        Raises:
            LobbyRefusedError: 400: such metadata cannot be; 404: there is no such room, or it is
                somebody else's; 429.
        """
        said = None if metadata is None else check_metadata(metadata)
        row = self._owned(asker, now, code, owner_key)
        self._board.change(row.code, locked=locked, private=private, metadata=said)

    def kick(self, asker: str, now: float, code: str, owner_key: str, peer: int) -> None:
        """Send a player away, for the owner of the room.

        Raises:
            LobbyRefusedError: as :meth:`change`; 404 also if there is no such player.
        """
        row = self._owned(asker, now, code, owner_key)
        if not self._board.kick(row.code, peer, "sent away by the owner"):
            raise LobbyRefusedError(404, "there is no such player in the room")

    def _owned(self, asker: str, now: float, code: str, owner_key: str) -> RoomRow:
        self._spend(self._asking, asker, now)
        row = self._find(asker, now, code)
        key = self._owner_keys.get(row.code, "")
        if not (key and compare_digest(key.encode(), owner_key.encode("utf-8", "replace"))):
            self._codes.spend(asker, now)  # as if there were no such room
            raise LobbyRefusedError(404, NO_ROOM)
        return row

    # ---------------------------------------------------------------- matches

    def match(
        self,
        asker: str,
        now: float,
        kind: str,
        *,
        party: int = 1,
        rating: float = 0.0,
        lasting: bool = False,
    ) -> str:
        """Let a party wait for a match; return its ticket.

        Args:
            asker: as for :meth:`list`.
            now: the time, in seconds.
            kind: what it wants to play.
            party: how many players it has.
            rating: how good it is.
            lasting: it waits until it is cancelled, though nobody asks about it.

        Raises:
            LobbyRefusedError: 400: it is larger than a match; 404: no such kind, or none with a
                capacity from 1 to 1024; 429: too many wait.
        """
        self._check_kind(asker, now, kind)
        if not 0 < self._board.size_of(kind) <= MOST:  # each player of a match has a place kept
            raise LobbyRefusedError(404, "rooms of this kind are not matched")
        self._spend(self._matching, asker, now)
        ticket = token_of(self._bits(TOKEN_BITS))
        try:
            self.tickets.add(ticket, PartyWish(kind, party, rating, now, asker), lasting=lasting)
        except MultiplayerError as error:
            status = 429 if error.code == Error.ERR_BUSY else 400
            raise LobbyRefusedError(status, error.message) from None
        return ticket

    def outcome(self, asker: str, now: float, ticket: str) -> Outcome:
        """Return what has become of a ticket, which lives on for having been asked about.

        Raises:
            LobbyRefusedError: 404: there is no such ticket; 429.
        """
        self._spend(self._asking, asker, now)
        outcome = self.tickets.outcome(ticket, now)
        if outcome is None:
            raise LobbyRefusedError(404, NO_TICKET)
        return outcome

    def cancel(self, ticket: str) -> bool:
        """Let a party wait no more; return whether it did."""
        return self.tickets.cancel(ticket)

    def process(self, now: float) -> list[str]:
        """Make matches that can be made, and cancel tickets that nobody asks about.

        Returns:
            The tickets about which :meth:`outcome` has something to say that nobody was told;
            whoever tells it calls :meth:`told`.
        """
        return self.tickets.process(now, self._play)

    def told(self, ticket: str) -> None:
        """Note that whoever waits has been told what :meth:`process` returned."""
        self.tickets.told(ticket)

    def next_deadline(self) -> float:
        """Return when :meth:`process` has something to do; ``inf`` if never."""
        return self.tickets.next_deadline()

    def _play(self, kind: str, parties: list[tuple[str, int]]) -> dict[str, Outcome]:
        """Make the room of a match, and return what becomes of each ticket."""
        try:
            code = self._board.create(kind, creator="", private=True, metadata={}, options={})
        except BoardRefusedError as error:
            return {ticket: Outcome("failed", (), error.text) for ticket, _ in parties}
        outcomes: dict[str, Outcome] = {}
        for ticket, size in parties:
            places = [self._reserve(kind, code) for _ in range(size)]
            kept = tuple(place for place in places if place is not None)
            whole = len(kept) == size
            failed = Outcome("failed", (), "the room is full")
            outcomes[ticket] = Outcome("matched", kept) if whole else failed
        return outcomes

    # ---------------------------------------------------------------- limits

    def _check_kind(self, asker: str, now: float, kind: str) -> None:
        self._spend(self._asking, asker, now)
        if kind not in self._board.kinds:
            raise LobbyRefusedError(404, NO_KIND)

    def _spend(self, attempts: Attempts, asker: str, now: float) -> None:
        if not attempts.spend(asker, now):
            raise LobbyRefusedError(429, TOO_OFTEN)
