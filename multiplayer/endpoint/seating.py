"""``Seating``: what a server does for those of its members that may come back.

``docs/protocol/resume.md`` is what it says to them, ``seats.py`` who they are, ``adrift.py`` what a
member is while it has no connection.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import TransferMode

from .close_code import CloseCode
from .resume_words import Ack, Greeting, Renewed, read_word, write_word
from .seats import TAKEN_OVER, Seats
from .shares import Queued
from .unattached import Unattached
from .visits import log_resumed, log_suspended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .clients import Clients
    from .commons import Commons
    from .events import Message
    from .member import Member
    from .peer_channel import PeerChannel
    from .seat import SavedSeat, Seat
    from .seats import Returning, SeatWish
    from .server_envelope import ServerEnvelope, ServerHost, Serving

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class Seating:
    """Greets members that have seats, lets them wait, and lets them come back.

    Args:
        host: the object that users hold.
        commons: what the server works with.
        envelope: what messages mean.
        clients: who is there.

    Attributes:
        seats: which of them may come back.
    """

    def __init__(
        self, host: ServerHost, commons: Commons, envelope: ServerEnvelope, clients: Clients
    ) -> None:
        self._host = host
        self._commons = commons
        self._endpoint = commons.endpoint
        self._agenda = commons.agenda
        self._envelope = envelope
        self._clients = clients
        self.seats = Seats(clients.members, partial(_draw, host), commons.framed)
        self.seats.settings = host.seat_settings

    def clear(self) -> None:
        """Forget all seats; the members are gone."""
        self.seats.clear()
        self._set_alarm()

    def _set_alarm(self) -> None:
        self._endpoint.alarm = self.seats.due

    # ---------------------------------------------------------------- connected

    def grant(self, member: Member, wish: SeatWish) -> None:
        """Give a seat to a member that has just come, and say so if it knows words."""
        self.seats.grant(member, wish)
        self._greet(member, member.last)

    def _greet(self, member: Member, link: PeerChannel, *, replayed: bool | None = None) -> None:
        """Say the first word to a client that has a seat, and knows words."""
        seat = member.seat
        if seat is None or seat.ring is None:
            return
        token = self.seats.token(member, self._host.token_time())
        grace, received = self.seats.settings.grace, seat.arrivals.received
        greeting = Greeting(token, grace, received, seat.ring.next, replayed)
        link.outbox.ring = seat.ring
        link.send(write_word(greeting), text=True)

    def count(self, member: Member, seat: Seat, message: Message) -> None:
        """Count a packet, and acknowledge it in time."""
        if seat.ring is None or not message.counted:
            return
        arrivals, now = seat.arrivals, self._endpoint.clock()
        was_due = arrivals.due
        if arrivals.came(len(message.data), now):
            self._acknowledge(member)
        elif arrivals.due != was_due:
            self.seats.note_due(member, arrivals.due)
            self._set_alarm()

    def take_word(self, role: Serving, member: Member, link: PeerChannel, message: Message) -> None:
        """Do what a client says that knows words."""
        link.fetched(len(message.data))
        word, ring = read_word(message.data), None if member.seat is None else member.seat.ring
        understood = isinstance(word, Ack) and ring is not None and ring.acknowledge(word.number)
        if not understood:
            role.punish(member, link, "bad_word")

    def _acknowledge(self, member: Member) -> None:
        """Say how much has come from a member, if it has a connection."""
        link, seat = member.channel, member.seat
        self.seats.acknowledged(member)
        if link is not None and seat is not None:
            link.send(write_word(Ack(seat.arrivals.acknowledge())), text=True)

    # ---------------------------------------------------------------- without a connection

    def suspend(self, member: Member, link: PeerChannel) -> None:
        """Let a member with a seat wait, whose connection has ended. It can be repeated."""
        seat = member.seat
        if seat is None or member.channel is not link:
            return
        if link.failure is not None and link.failure.stage == "interrupted":
            seat.doubt()  # nobody knows what was written
        self._lose(member, link)
        self._wait_for(member)

    def _lose(self, member: Member, link: PeerChannel) -> None:
        seat = member.seat
        self._endpoint.writing.append(link)  # an interrupt here may cost it something
        if seat is not None:
            seat.sure = False
        self._clients.set_adrift(member)
        if seat is not None:
            seat.sure = True
        self._endpoint.writing.pop()

    def _wait_for(self, member: Member) -> None:
        """Give a member without a connection time to come back, and tell the program."""
        seat = member.seat
        if seat is None:
            return
        self.seats.suspend(member, self._endpoint.clock())
        self._set_alarm()
        if not seat.is_suspended:
            log_suspended(member.last, self._endpoint.may_log)
            # After an interrupt these steps may be here twice.
            signal, told = self._host.peer_suspended, partial(_is_suspended, seat)
            emission = self._commons.handlers.emission(signal, member.id, member.id, unless=told)
            self._agenda.then(emission, partial(seat.note_told, suspended=True))

    def end_seat(self, member: Member) -> None:
        """Let nobody come back to a member's seat; one that waits for that leaves."""
        if member.channel is None:
            self._clients.drifting.send_away(member)
        self.seats.give_up(member)

    def keep_time(self, now: float) -> None:
        """Give up the seats whose time is over, and acknowledge what has come."""
        for member in self.seats.over(now):
            self.end_seat(member)
        for member in self.seats.unacknowledged(now):
            self._acknowledge(member)
        self._set_alarm()

    def recover(self) -> None:
        """Repair what an interrupt has left."""
        for member in self.seats.recover():
            self._wait_for(member)
        self._set_alarm()

    # ---------------------------------------------------------------- coming back

    def come_back(self, role: Serving, returning: Returning, link: PeerChannel) -> None:
        """Let another connection carry a member that has a seat.

        Args:
            role: the server's.
            returning: the member, and what its client says.
            link: a connection that was accepted.
        """
        member, wish = returning
        seat, endpoint = member.seat, self._endpoint
        if seat is None:
            return
        self._take_from(member)
        endpoint.writing.append(link)  # an interrupt here may cost it something
        seat.sure = False
        last, ring, drifting = member.last, seat.ring, self._clients.drifting
        seat.arrivals.count_ahead(drifting.pending_of(last))
        # What waits for it is in the bytes that its last connection understood.
        same_bytes = last.gdpeers_version == link.gdpeers_version
        goes_on = wish is not None and same_bytes and seat.can_go_on(wish)
        if ring is not None and wish is not None:
            if not goes_on:
                ring.begin_anew(after=wish.received)
            self._greet(member, link, replayed=goes_on)
            seat.arrivals.go_on_at(wish.next)
            if goes_on:
                for frame in ring.take_after(wish.received):
                    link.outbox.append(frame)
                link.outbox.spare()
        if not goes_on:
            drifting.discard(last)
        self._clients.carry(member, link, self._commons.inbox)
        if not goes_on:
            self._envelope.renewed(role, member, link)
        self.seats.resume(member)
        log_resumed(link, endpoint.may_log, replayed=goes_on)
        signal = self._host.peer_resumed
        emission = self._commons.handlers.emission(signal, member.id, member.id, goes_on)
        self._agenda.then(emission, partial(seat.note_told, suspended=False))
        seat.sure = True
        endpoint.writing.pop()
        endpoint.look_at(link)

    def _take_from(self, member: Member) -> None:
        """Take a member from the connection that has carried it so far, which may be half open."""
        before = member.channel
        if before is not None:
            self._endpoint.writing.append(before)  # an interrupt here must not leave two
            self._lose(member, before)
            self._wait_for(member)
            now = self._endpoint.clock()
            before.close(CloseCode.TAKEN_OVER, TAKEN_OVER, now, at_once=True)
            self._endpoint.writing.pop()
            self._endpoint.look_at(before)

    def tell_renewed(self, peer_id: int) -> list[int]:
        """Tell those who know words that a peer begins anew; return which those are.

        That peer is one of them, if it knows words itself; it is told nothing.
        """
        word = write_word(Renewed(peer_id))
        queued = Queued(self._commons.framed(word, _RELIABLE, text=True), len(word), _RELIABLE)
        told: list[int] = []
        for member in self._clients.members.values():
            if member.knows_words and member.is_reached:
                told.append(member.id)
                if member.id != peer_id:
                    self._clients.send_to(member, queued)
        return told

    def restore(
        self, saved: Iterable[SavedSeat], make_member: Callable[[Unattached], Member]
    ) -> None:
        """Go on with seats of another server, whose clients may come back; each begins anew.

        Args:
            saved: the seats; those of ids that are here are left out.
            make_member: returns a member.
        """
        for each in saved:  # it can be repeated if it is interrupted
            member = self._clients.members.get(each.id)
            if member is None:
                member = make_member(Unattached(each.id))
                self.seats.restore(member, each)
                member.lose()
                member.note_told()
                self._envelope.restored(member)
                self._clients.restore(member)
            if member.channel is None:
                self._wait_for(member)
        self._endpoint.wake()


def _is_suspended(seat: Seat) -> bool:
    return seat.is_suspended


def _draw(host: ServerHost, bits: int) -> int:
    return host.randbits(bits)
