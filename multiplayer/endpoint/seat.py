"""``Seat``: what a member of a session has that keeps it while it has no connection.

``docs/protocol/resume.md`` says what that means on the wire.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, cast

from multiplayer.addressing import SERVER_ID
from multiplayer.errors import Error, MultiplayerError

from .arrivals import Arrivals
from .seat_keys import HASH_SIZE, NONCE_BITS

if TYPE_CHECKING:
    from multiplayer.addressing import TransferMode

    from .outbox import Outbox
    from .replay_ring import ReplayRing
    from .resume_words import Return


class SavedSeat(NamedTuple):
    """A seat as plain values, for a server that goes on with the session of another one.

    Attributes:
        id: the peer's id.
        nonce: what makes the seat's tokens its own.
        key_hash: the SHA-256 of the key that the client has chosen; b"" if it has a token.
    """

    id: int
    nonce: int
    key_hash: bytes

    def __repr__(self) -> str:
        return f"SavedSeat(id={self.id}, …)"


def checked_seat(seat: object) -> SavedSeat:
    """Return a saved seat if it can be one.

    Raises:
        MultiplayerError: ``ERR_INVALID_PARAMETER``: it cannot.
    """
    if isinstance(seat, tuple):
        fields = cast("tuple[object, ...]", seat)
        if len(fields) == len(SavedSeat._fields):
            id_, nonce, key_hash = fields
            is_id = type(id_) is int and SERVER_ID < id_ < 1 << 31
            is_nonce = type(nonce) is int and 0 <= nonce < 1 << NONCE_BITS
            is_hash = isinstance(key_hash, bytes) and len(key_hash) in (0, HASH_SIZE)
            if is_id and is_nonce and is_hash:
                return SavedSeat(*cast("tuple[int, int, bytes]", seat))
    message = "a saved seat is a SavedSeat(id, nonce, key_hash), as save_seats() returns them"
    raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)


class Seat:
    """The seat of one member.

    Args:
        nonce: random bits; the tokens of the seat are made with it.
        key_hash: the hash of the key that its client has chosen; b"" if it has a token.
        ring: what may have to be written again; None for a client that knows no words.

    Attributes:
        nonce: see above.
        key_hash: see above.
        ring: see above.
        arrivals: what has come from a client that knows words.
        until: when it is given up, while its member has no connection, on the server's clock;
            infinity otherwise.
        is_suspended: the program has been told that there is no connection.
        sure: nothing is missing; False while an interrupt would make that untrue.
        was_restored: it comes from another server, which has counted what its client sent.
    """

    __slots__ = (
        "arrivals",
        "is_suspended",
        "key_hash",
        "nonce",
        "ring",
        "sure",
        "until",
        "was_restored",
    )

    def __init__(self, nonce: int, key_hash: bytes, ring: ReplayRing | None) -> None:
        self.nonce = nonce
        self.key_hash = key_hash
        self.ring = ring
        self.arrivals = Arrivals()
        self.until = math.inf
        self.is_suspended = False
        self.sure = True
        self.was_restored = False

    def __repr__(self) -> str:
        return f"Seat(…, until={self.until})"  # nonce and hash must not get into a log

    # ---------------------------------------------------------------- without a connection

    def note_told(self, *, suspended: bool) -> None:
        """Note that the program has been told that there is no connection, or that there is one."""
        self.is_suspended = suspended

    def leave(self, outbox: Outbox) -> int:
        """Take what waits on a connection that carries the member no more.

        Returns:
            How many packets are dropped.
        """
        if self.ring is None:
            return outbox.drop_unbegun()
        outbox.cut_off()
        return self._dropped(self.ring)

    def keep(self, frame: bytes, mode: TransferMode, packets: int = 1) -> int:
        """Keep a packet, or several in frames of one length, for the next connection.

        Returns:
            How many packets are dropped.
        """
        ring = self.ring
        if ring is None:
            return packets
        size = len(frame) // packets
        for start in range(0, packets * size, size):
            ring.put(frame[start : start + size], mode)
        return self._dropped(ring)

    def _dropped(self, ring: ReplayRing) -> int:
        dropped, ring.dropped = ring.dropped, 0
        return dropped

    @property
    def waiting(self) -> int:
        """How many bytes wait for the next connection."""
        return 0 if self.ring is None else self.ring.waiting

    def doubt(self) -> None:
        """Note that something may be missing: whoever comes back begins anew."""
        if self.ring is not None:
            self.ring.tear()
        self.sure = True

    # ---------------------------------------------------------------- coming back

    def can_go_on(self, wish: Return) -> bool:
        """Return whether the session goes on where it was, by what its client says."""
        ring, received = self.ring, self.arrivals.received
        if ring is None or wish.next <= received:
            return False
        return ring.has_all_after(wish.received) and received >= wish.lost
