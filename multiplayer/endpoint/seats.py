"""``Seats``: which members of a server may come back, by what, and until when.

What they are on the wire: ``docs/protocol/resume.md``; what a member is meanwhile: ``adrift.py``.
"""

from __future__ import annotations

import math
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.addressing import TransferMode

from .replay_ring import ReplayRing
from .resume_words import KeyedSeat, NewSeat, NoSense, Return, read_wish
from .seat import SavedSeat, Seat
from .seat_keys import LIFETIME, NONCE_BITS, SeatKeys, hash_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .commons import Framed
    from .member import Member

DEFAULT_REPLAY_BYTES: Final = 256 * 1024
"""How many bytes may wait to be acknowledged by a client that can come back, at first."""

DEFAULT_REPLAY_PACKETS: Final = 4096
"""How many packets may, at first."""

GONE: Final = "your seat is gone"
"""What each client is told that comes back to a seat that is not there, whatever the reason."""

TAKEN_OVER: Final = "another connection has your seat"
"""What a connection is told that another one has taken over from."""

_SECRET_BITS: Final = 256
_LEAST_STALE: Final = 64
_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_UNRELIABLE: Final = TransferMode.TRANSFER_MODE_UNRELIABLE


SeatWish = NewSeat | KeyedSeat


class SeatSettings(NamedTuple):
    """What a server grants.

    Attributes:
        grace: for how many seconds a seat waits for its client; 0 for no seats.
        max_bytes: how many bytes a ring holds.
        max_packets: how many messages a ring holds.
        keys: what makes tokens; None for one with a secret of its own.
    """

    grace: float = 0.0
    max_bytes: int = DEFAULT_REPLAY_BYTES
    max_packets: int = DEFAULT_REPLAY_PACKETS
    keys: SeatKeys | None = None


class Stranger(NamedTuple):
    """Somebody who asks for no seat, or for a new one; ``wish`` says which."""

    wish: SeatWish | None


class Returning(NamedTuple):
    """Somebody who comes back to a seat.

    Attributes:
        member: whose seat it is.
        wish: what it says; None if it knows no words.
    """

    member: Member
    wish: Return | None


class TurnedAway(NamedTuple):
    """Somebody whose seat is not there, or who asks for none that can be; ``why`` in words."""

    why: str


class Seats:
    """The seats of a server's members.

    Args:
        members: those who are there, by id; others change it.
        randbits: returns random bits, which nobody can foretell.
        framed: see ``Commons``.

    Attributes:
        settings: what is granted to those who come from now on.
        suspended: the members that wait for a connection, by id.
    """

    def __init__(
        self, members: Mapping[int, Member], randbits: Callable[[int], int], framed: Framed
    ) -> None:
        self._members = members
        self._randbits = randbits
        self._numbered = framed(b"", _RELIABLE)[0]
        self._all_numbered = framed(b"", _UNRELIABLE)[0] == self._numbered
        self._keys: SeatKeys | None = None
        self._has_granted = False
        self._by_key: dict[bytes, int] = {}
        self._ends: list[tuple[float, int]] = []  # a heap; some have come back since
        self._acks: dict[int, float] = {}  # when they are due, the first one first
        self.settings = SeatSettings()
        self.suspended: dict[int, Member] = {}

    @property
    def keys(self) -> SeatKeys:
        """What makes tokens."""
        if self.settings.keys is not None:
            return self.settings.keys
        if self._keys is None:
            secret = self._randbits(_SECRET_BITS).to_bytes(_SECRET_BITS // 8, "big")
            self._keys = SeatKeys(secret)
        return self._keys

    # ---------------------------------------------------------------- who comes

    def receive(self, target: str, now: float) -> Stranger | Returning | TurnedAway:
        """Return who comes, by the target of the request; nothing changes.

        Args:
            target: path and query.
            now: the time on the clock of tokens, in seconds.
        """
        grants = self.settings.grace > 0
        wish = read_wish(target) if grants or self._has_granted else None
        if isinstance(wish, Return):
            claim = self.keys.read(wish.token, now)
            member = None if claim is None else self._members.get(claim.id)
            seat = None if member is None else self._seat_of(member)
            if member is None or seat is None or claim is None or seat.nonce != claim.nonce:
                return TurnedAway(GONE)
            return TurnedAway(GONE) if seat.ring is None else Returning(member, wish)
        if isinstance(wish, KeyedSeat):
            member = self._members.get(self._by_key.get(hash_of(wish.key), 0))
            if member is None or self._seat_of(member) is None:
                return Stranger(wish if grants else None)
            return Returning(member, None)
        if isinstance(wish, NoSense):
            return TurnedAway(wish.why or GONE)
        return Stranger(wish if grants else None)

    def _seat_of(self, member: Member) -> Seat | None:
        """Return the seat of a member, None if nobody may come back to it."""
        is_leaving = member.adrift is not None and member.adrift.leaving
        return None if is_leaving else member.seat

    def grant(self, member: Member, wish: SeatWish) -> None:
        """Give a member a seat."""
        self._has_granted = True
        nonce = self._randbits(NONCE_BITS)
        if isinstance(wish, KeyedSeat):
            key_hash = hash_of(wish.key)
            member.seat = Seat(nonce, key_hash, None)
            self._by_key[key_hash] = member.id
        else:
            member.seat = Seat(nonce, b"", self._ring())

    def _ring(self) -> ReplayRing:
        most = self.settings.max_bytes, self.settings.max_packets
        return ReplayRing(self._numbered, *most, all_numbered=self._all_numbered)

    def restore(self, member: Member, saved: SavedSeat) -> None:
        """Give a member the seat that it had on another server."""
        self._has_granted = True
        key_hash = saved.key_hash
        ring = None if key_hash else self._ring()
        if ring is not None:
            ring.tear()
        seat = Seat(saved.nonce, key_hash, ring)
        seat.was_restored = True
        member.seat = seat
        if key_hash:
            self._by_key[key_hash] = member.id

    def saved(self) -> list[SavedSeat]:
        """Return all seats as plain values."""
        seats = [(each.id, self._seat_of(each)) for each in self._members.values()]
        return [SavedSeat(id_, seat.nonce, seat.key_hash) for id_, seat in seats if seat]

    def token(self, member: Member, now: float) -> str:
        """Return a token for a member that has a seat; ``now`` is the time on their clock."""
        seat = member.seat
        return "" if seat is None else self.keys.token(member.id, seat.nonce, now + LIFETIME)

    def give_up(self, member: Member) -> None:
        """Let nobody come back to a member's seat any more. It can be repeated."""
        seat, member.seat = member.seat, None
        self.suspended.pop(member.id, None)
        self._acks.pop(member.id, None)
        if seat is not None and self._by_key.get(seat.key_hash) == member.id:
            del self._by_key[seat.key_hash]
        if member.channel is not None:
            member.channel.outbox.ring = None

    def clear(self) -> None:
        """Forget all seats; the members are gone."""
        self._by_key.clear()
        self._ends.clear()
        self._acks.clear()
        self.suspended.clear()

    # ---------------------------------------------------------------- who waits

    def suspend(self, member: Member, now: float) -> None:
        """Note from when on a member waits for a connection; ``now`` is on the server's clock."""
        seat = member.seat
        if seat is not None and seat.until == math.inf:
            seat.until = now + self.settings.grace
            self.suspended[member.id] = member
            self._acks.pop(member.id, None)
            if len(self._ends) > 2 * len(self.suspended) + _LEAST_STALE:
                self._forget_stale_ends()
            heappush(self._ends, (seat.until, member.id))

    def _forget_stale_ends(self) -> None:
        """Forget the ends of those who have come back since: they may do so often."""
        seats = [(each.seat, each.id) for each in self.suspended.values()]
        self._ends = [(seat.until, id_) for seat, id_ in seats if seat and seat.until < math.inf]
        heapify(self._ends)

    def resume(self, member: Member) -> None:
        """Note that a member has a connection again."""
        self.suspended.pop(member.id, None)
        if member.seat is not None:
            member.seat.until = math.inf

    def over(self, now: float) -> list[Member]:
        """Return those whose time is over; they are no longer waited for."""
        found: list[Member] = []
        ends = self._ends
        while ends and ends[0][0] <= now:
            until, peer_id = heappop(ends)
            member = self.suspended.get(peer_id)
            if member is not None and member.seat is not None and member.seat.until == until:
                found.append(member)
        return found

    def recover(self) -> list[Member]:
        """Repair what an interrupt has left; return those that have no connection any more."""
        waiting: list[Member] = []
        due: list[tuple[float, int]] = []
        self._ends.clear()
        self.suspended.clear()
        self._by_key.clear()
        for member in self._members.values():
            seat = self._seat_of(member)
            if seat is None:
                continue
            if seat.key_hash:
                self._by_key[seat.key_hash] = member.id
            # Of a connection that is over nobody knows whether it was before the interrupt.
            if not seat.sure or (member.channel is not None and member.channel.over):
                seat.doubt()
            if member.channel is not None:
                seat.until = math.inf
                due.append((seat.arrivals.due, member.id))
                continue
            waiting.append(member)
            if seat.until < math.inf:
                heappush(self._ends, (seat.until, member.id))
                self.suspended[member.id] = member
        self._acks = {peer: when for when, peer in sorted(due) if when < math.inf}
        return waiting

    # ---------------------------------------------------------------- what is acknowledged

    def note_due(self, member: Member, due: float) -> None:
        """Note when a member's messages are to be acknowledged, unless that is noted already."""
        self._acks.setdefault(member.id, due)

    def acknowledged(self, member: Member) -> None:
        """Note that a member's messages have been acknowledged."""
        self._acks.pop(member.id, None)

    def unacknowledged(self, now: float) -> list[Member]:
        """Return those whose messages are to be acknowledged now."""
        found: list[Member] = []
        for peer_id, due in self._acks.items():
            if due > now:
                break
            if peer_id in self._members:
                found.append(self._members[peer_id])
        return found

    @property
    def due(self) -> float:
        """When something has to be done, on the server's clock; infinity for never."""
        first_ack = next(iter(self._acks.values()), math.inf)
        return min(first_ack, self._ends[0][0] if self._ends else math.inf)
