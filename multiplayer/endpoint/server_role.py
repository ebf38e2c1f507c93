"""``ServerRole``: what makes a peer a server, listening for clients."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from multiplayer.addressing import SERVER_ID, check_id, check_one
from multiplayer.connection_status import ConnectionStatus
from multiplayer.errors import Error, MultiplayerError
from multiplayer.support.log_line import write_line
from multiplayer.support.log_text import one_line

from .cause import Cause
from .clients import Clients
from .close_code import CloseCode
from .close_codes import PROTOCOL_ERROR
from .events import Broken, CloseReceived, Drained, Ended, Failed, Message
from .inbox import no_session
from .packets import check_packet
from .seating import Seating
from .shares import Queued

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from multiplayer.addressing import TransferMode
    from multiplayer.members import Members

    from .agenda import Step
    from .commons import Commons
    from .face import Face
    from .member import Member
    from .peer_channel import PeerChannel
    from .seats import Returning, SeatWish
    from .server_envelope import ServerEnvelope, ServerHost
    from .statistics import Statistics

_log = logging.getLogger("peers.server_role")

_FOR_GOOD: Final = (CloseCode.NORMAL, CloseCode.LEFT)
"""With which close codes a client leaves that might come back."""

_CONNECTED: Final = ConnectionStatus.CONNECTION_CONNECTED


class Gate(Protocol):
    """Decides who gets in."""

    def take(self, role: ServerRole, link: PeerChannel, event: object) -> None:
        """Handle an event of a connection that is not a client yet."""


class ServerRole:
    """A server's clients, and what is left of it once it has stopped.

    Args:
        host: the object that users hold.
        commons: what it works with.
        envelope: what messages mean.
        gate: who gets in.

    Attributes:
        status: whether it listens.
        leaving: it accepts nobody any more, and ends once all have left.
        limits: what clients may do; the latest that users have set.
        clients: who is there.
        seating: lets those come back that may.
        seats: who that is.
        max_packet: the longest message to send, in bytes; 0 for any.
    """

    serves = True
    id = SERVER_ID

    def __init__(
        self, host: ServerHost, commons: Commons, envelope: ServerEnvelope, gate: Gate
    ) -> None:
        self._host = host
        self._commons = commons
        self._endpoint = commons.endpoint
        self._agenda = commons.agenda
        self._framed = commons.framed
        self._gate = gate
        self.envelope = envelope
        self.clients = Clients(commons.endpoint, commons.past)
        self.seating = Seating(host, commons, envelope, self.clients)
        self.seats = self.seating.seats
        self.limits = host.limits
        self.status = ConnectionStatus.CONNECTION_DISCONNECTED
        self.leaving = False
        self.max_packet = 0

    # ---------------------------------------------------------------- beginning and ending

    def begin(self, max_packet: int) -> None:
        """Note that clients can connect.

        Args:
            max_packet: the longest message to send, in bytes; 0 for any.
        """
        self.max_packet = max_packet
        self.status = _CONNECTED

    def begin_leaving(self, code: int, reason: str = "") -> None:
        """Close all connections with that code and reason, and accept no more."""
        if self.status is not _CONNECTED:
            return
        self.leaving = True
        endpoint = self._endpoint
        for member in self.clients.members.values():
            self.seats.give_up(member)
        endpoint.stop_listening()
        now = endpoint.clock()
        for link in endpoint.links:
            endpoint.writing.append(link)  # an interrupt here may cost it its close frame
            if link.peer_id:
                link.close(code, reason, now)
            else:
                link.leave(now)
            endpoint.writing.pop()
        self.clients.drifting.send_all_away()
        endpoint.wake()

    def end(self, *, silently: bool = False) -> None:
        """Forget all clients; their connections are already closed.

        Args:
            silently: log nobody's leaving.
        """
        self.clients.forget_all(silently=silently)
        self.seating.clear()
        self.envelope.clear()
        self.status = ConnectionStatus.CONNECTION_DISCONNECTED
        self.leaving = False

    # ---------------------------------------------------------------- what happens

    def handle(self, link: PeerChannel, event: object) -> None:
        """Handle one event."""
        member = self.clients.members.get(link.peer_id)
        if member is None or member.last is not link:
            self._handle_stranger(link, event)
        elif member.channel is None:
            self._handle_adrift(member, link, event)
        elif type(event) is Message:
            limits = self.limits
            if member.seat is not None and self._is_word(member, link, event):
                return
            if limits.packets_per_second or limits.bytes_per_second:
                if self._may_send(member, link, event):
                    self.envelope.take(self, member, link, event)
            else:
                self.envelope.take(self, member, link, event)
        elif isinstance(event, CloseReceived):
            if event.code in _FOR_GOOD or _is_lost_here(member, event):
                self.seats.give_up(member)
            self.envelope.told_to_close(member, event)
            self._agenda.then(partial(link.answer_close, event, self._endpoint.clock()))
        elif isinstance(event, Broken):
            link.blame(event)
            link.fail(event, self._endpoint.clock())
            self._leaves(member, clean=False)
        elif isinstance(event, Ended):
            if member.seat is not None and member.told:
                self._agenda.then(partial(self.seating.suspend, member, link))
            else:
                self._leaves(member, clean=event.clean)
        elif isinstance(event, Drained) and member.told:
            self._agenda.then_emit(self._host.peer_drained, member.id, member.id)

    def lane(self, link: PeerChannel) -> int:
        """Return the client whose packets may go straight; 0 if each is to be looked at here."""
        member = self.clients.members.get(link.peer_id)
        if member is None or member.last is not link or member.channel is None:
            return 0
        limits, seat = self.limits, member.seat
        if limits.packets_per_second or limits.bytes_per_second:
            return 0
        return 0 if seat is not None and seat.ring is not None else member.id

    def _handle_adrift(self, member: Member, link: PeerChannel, event: object) -> None:
        """Handle what a member did before it lost its connection, or the end of that."""
        is_leaving = member.adrift is not None and member.adrift.leaving
        if isinstance(event, Message) and not is_leaving:
            if member.seat is not None and self._is_word(member, link, event):
                return
            if self._may_send(member, link, event):
                self.envelope.take(self, member, link, event)
        elif is_leaving and isinstance(event, Ended):
            self._leaves(member, clean=False)
        else:
            self._handle_stranger(link, event)

    def _is_word(self, member: Member, link: PeerChannel, message: Message) -> bool:
        """Count a message of a member that has a seat; return whether it is a word, which is done.

        A word counts for the rates as a packet does.
        """
        seat = member.seat
        if seat is None or seat.ring is None:
            return False
        if link.failure is not None and link.failure.stage == "interrupted":
            link.fetched(len(message.data))  # one before it may be lost: the session begins anew
            return True
        if not message.text:
            self.seating.count(member, seat, message)
        elif self._may_send(member, link, message):
            self.seating.take_word(self, member, link, message)
        return message.text

    def _handle_stranger(self, link: PeerChannel, event: object) -> None:
        """Handle an event of a connection that is not a client: not yet, or not any more."""
        if isinstance(event, Message):  # from a peer disconnected by force, as are the next two
            link.fetched(len(event.data))
        elif isinstance(event, CloseReceived):
            link.answer_close(event, self._endpoint.clock())
        elif isinstance(event, Broken):
            link.fail(event, self._endpoint.clock())
        elif isinstance(event, Failed):
            self._note_failure(link, event)
        else:
            self._gate.take(self, link, event)

    def _note_failure(self, link: PeerChannel, event: Failed) -> None:
        past = self._commons.past
        past.failed_handshakes += 1
        past.add(link.statistics)
        fields = {"peer_id": 0, **link.log_fields}
        sentence = "%s port %s never connected: %s"
        why = one_line(str(event.failure))
        if self._endpoint.may_log(link.address, logging.INFO, _log):
            who = (link.address, link.port)
            write_line(_log, logging.INFO, sentence, *who, why, fields=fields)

    def _may_send(self, member: Member, link: PeerChannel, message: Message) -> bool:
        """Return whether a message is within the rates; if not, drop it."""
        size = len(message.data)
        now = self._endpoint.clock()
        if member.may_send(size, self.limits, now):
            return True
        link.fetched(size)
        link.drop("rate")
        if member.is_hopeless:
            self._throw_out(member, link, "too many packets or bytes a second")
        return False

    def _throw_out(self, member: Member, link: PeerChannel, reason: str) -> None:
        """Close the connection of a peer that breaks the rules, if it has one still."""
        self.seats.give_up(member)
        link.close(Cause.UNRULY, reason, self._endpoint.clock(), at_once=True)
        self.clients.drifting.send_away(member)

    def punish(self, member: Member, link: PeerChannel, violation: str, detail: str = "") -> None:
        """Count a violation, and close a peer that has too many."""
        now = self._endpoint.clock()
        link.violate(violation, detail)
        if member.too_many_violations(self.limits, now):
            self._throw_out(member, link, f"too many violations, the last: {violation}")

    def welcome(self, member: Member, resource: str, wish: SeatWish | None = None) -> None:
        """Add a client that was accepted (called by the gate).

        Args:
            member: the client.
            resource: what it has asked for, as users see it.
            wish: the seat that it asks for; None for none.
        """
        link = member.last
        self._endpoint.open_account(link)
        self.clients.add(member)
        if wish is not None:
            self.seating.grant(member, wish)
        self.envelope.joined(self, member, link, resource)

    def come_back(self, returning: Returning, link: PeerChannel) -> None:
        """Let another connection carry a member that has a seat (called by the gate)."""
        self.seating.come_back(self, returning, link)

    def tell_renewed(self, peer_id: int) -> list[int]:
        """Tell those who know words that a client begins anew; return which those are."""
        return self.seating.tell_renewed(peer_id)

    def expire(self, peer_id: int) -> None:
        """Let nobody come back to a client's seat; see ``expire_seat``."""
        member = self.clients.members.get(check_id(peer_id))
        if member is not None:
            self.seating.end_seat(member)
        elif not self.clients.has_left(peer_id):
            self.clients.get_peer(peer_id)  # which raises

    def lose_channel(self, member: Member) -> None:
        """Let a member stay that has lost its connection; see ``adrift.py``."""
        link = member.channel
        if link is not None:
            self._endpoint.writing.append(link)  # an interrupt here may cost it something
            self.clients.set_adrift(member)
            self._endpoint.writing.pop()

    def carry(self, member: Member, link: PeerChannel) -> None:
        """Let another connection carry a member that has lost its own; see ``adrift.py``.

        Args:
            member: the member.
            link: a connection that was accepted.

        Raises:
            MultiplayerError: see ``Drifting.carry``.
        """
        self._endpoint.writing.append(link)  # as above
        try:
            self.clients.carry(member, link, self._commons.inbox)
        except MultiplayerError:  # before anything has changed
            self._endpoint.writing.pop()
            raise
        self._endpoint.writing.pop()
        self._endpoint.look_at(link)

    def _leaves(self, member: Member, *, clean: bool) -> None:
        """Forget a client that has left, and report it."""
        peer_id = member.id
        steps: list[Step] = [partial(self.forget, peer_id)]
        if member.told:
            steps += self.envelope.words_of_leaving(peer_id, clean=clean)
        self._agenda.then(*steps, partial(self._commons.handlers.forget, peer_id))

    def forget(self, peer_id: int) -> None:
        """Forget a client, whose leaving the others have to be told of."""
        member = self.clients.members.get(peer_id)
        if member is not None:
            self.seats.give_up(member)
        self.envelope.leaves(self, peer_id)
        self.clients.forget(peer_id)

    def keep_time(self, now: float) -> None:
        """Do what is due: seats are given up, and messages acknowledged."""
        self.seating.keep_time(now)

    def recover(self) -> list[PeerChannel]:
        """Repair what an interrupt has left; return those that are over but still here."""
        gone = self.clients.recover()
        self.envelope.recover()
        self.seating.recover()
        return gone

    # ---------------------------------------------------------------- packets

    def put(self, packet: bytes, target: int, mode: TransferMode, channel: int) -> None:
        """Send a packet; see ``MultiplayerPeer.put_packet``."""
        envelope = self.envelope
        size = envelope.overhead + (envelope.channel_overhead if channel else 0)
        data = check_packet(packet, self.max_packet, envelope=size)
        if data and self._has_target(target):
            envelope.send(self, data, target, mode, channel)

    def send_each(self, packets: Iterable[tuple[int, bytes]], mode: TransferMode) -> None:
        """Send packets, each to one client, where a frame holds only its packet.

        Raises:
            MultiplayerError: as for :meth:`put`, after all that can be sent have been.
        """
        failure: MultiplayerError | None = None
        framed, most, origin = self._framed, self.max_packet, self._endpoint.origin
        members = self.clients.members
        apart: list[tuple[PeerChannel, Queued]] = []
        ready = self._has_target(0)
        last: bytes | None = None
        queued = Queued(b"", 0, mode, origin)
        for target, packet in packets:
            try:
                if packet is not last:  # several in a row may get the same
                    data = packet
                    if type(packet) is not bytes or 0 < most < len(packet):
                        data = check_packet(packet, most)
                    queued = Queued(framed(data, mode), len(data), mode, origin)
                    last = packet if data is packet else None
                if not (queued.size and ready):
                    continue
                member = members.get(target) if type(target) is int else None
                if member is not None and member.channel is not None:
                    apart.append((member.channel, queued))
                elif self._has_target(check_id(target)):
                    self.clients.send((queued,), target)
            except MultiplayerError as error:
                failure = failure or error
        self._endpoint.fanout.send_each(apart)
        if failure is not None:
            raise failure

    def send_to_members(
        self, packet: bytes, members: Members, excluded: Collection[int], mode: TransferMode
    ) -> None:
        """Send one packet to all of a session's members except some: one frame, however many.

        The frame holds only the packet, as it does where ``sends_to_members`` is set.
        """
        size = len(packet) if type(packet) is bytes else 0
        if not size or 0 < self.max_packet < size:  # unlike nearly all that there are
            packet = check_packet(packet, self.max_packet)
            size = len(packet)
        if self._has_target(0) and size:
            queued = Queued(self._framed(packet, mode), size, mode, self._endpoint.origin)
            self.clients.send_to_members(queued, members, excluded)

    def send_to_peers(
        self, packet: bytes, targets: Collection[int], mode: TransferMode, channel: int
    ) -> None:
        """Send one packet to some clients: one frame, however many; see ``MultiplayerPeer``."""
        envelope = self.envelope
        size = envelope.overhead + (envelope.channel_overhead if channel else 0)
        data = check_packet(packet, self.max_packet, envelope=size)
        if not (data and self._has_target(0)):
            return
        members, here = self.clients.members, set[int]()
        failure: MultiplayerError | None = None
        for target in targets:
            try:
                if target in members:
                    here.add(target)
                else:
                    self._has_target(check_one(target))
            except MultiplayerError as error:
                failure = failure or error
        if here:
            self.clients.send_to_some(envelope.encodings(data, mode, channel), here)
        if failure is not None:
            raise failure

    def _has_target(self, target: int) -> bool:
        """Return whether a packet's target is there; count it, and return False, if it has left."""
        in_session = self.envelope.in_session
        if self.status is not _CONNECTED:
            code = Error.FAILED if in_session else Error.ERR_UNCONFIGURED
            raise MultiplayerError(code, "this server does not listen; call listen() first")
        if not in_session:
            raise no_session("put_packet")
        if target <= SERVER_ID or target in self.clients.members:
            return True
        if self.clients.has_left(target):
            return False
        message = f"there is no peer {target}; choose another with set_target_peer()"
        raise MultiplayerError(Error.FAILED, message)

    # ---------------------------------------------------------------- who is there

    def peers(self) -> list[int]:
        """Return the ids of the clients, ascending."""
        return sorted(self.clients.members)

    def find(self, peer_id: int) -> Face | None:
        """Return the face of a client, even of one that has left; None if there is none."""
        return self.clients.find(peer_id)

    def get_peer(self, peer_id: int) -> Face:
        """Return the same; see ``Clients.get_peer``."""
        return self.clients.get_peer(peer_id)

    def link_of(self, peer_id: int) -> PeerChannel:
        """Return the connection to a client; see ``Clients.link_of``."""
        return self.clients.link_of(peer_id)

    def backlog(self, peer_id: int) -> int:
        """Return how many bytes wait for a client; see ``get_backlog``."""
        member = self.clients.members.get(peer_id)
        if member is not None:
            return member.backlog
        if peer_id not in self.clients.left:
            self.clients.link_of(peer_id)  # which raises
        return 0

    def backlogs(self, peers: Iterable[int]) -> list[int]:
        """Return the same for several clients; 0 for one that is not there."""
        found: list[int] = []
        members = self.clients.members
        for peer_id in peers:
            member = members.get(peer_id)
            link = None if member is None else member.channel
            if link is not None:
                found.append(link.buffered)
            else:
                found.append(0 if member is None else member.backlog)
        return found

    def disconnect(self, peer_id: int, code: int, reason: str, *, force: bool) -> None:
        """Close the connection to a client.

        Args:
            peer_id: its id.
            code: the close code.
            reason: the reason.
            force: forget it at once.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there never was such a client.
        """
        if self.clients.has_left(check_id(peer_id)):
            return
        member = self.clients.members.get(peer_id)
        if member is not None:
            self.seats.give_up(member)
        if member is not None and member.channel is None:
            self.clients.drifting.send_away(member)
        else:
            self._endpoint.begin_closing(self.link_of(peer_id), code, reason, at_once=force)
        if force:
            self.forget(peer_id)
            if self._host.on_forced_out is not None:
                self._host.on_forced_out(peer_id)

    def admit(self, peer_id: int) -> None:
        """Announce a client that is held; see ``admit_peer``."""
        if not self.clients.has_left(check_id(peer_id)):
            self.clients.get_peer(peer_id)
            self.envelope.admit(self, self.clients.members[peer_id])

    def left_silently(self, peer_id: int) -> bool | None:
        """Return whether a client left by itself and without a close frame."""
        face = self.find(peer_id)
        if face is None or self.leaving:
            return False
        if not face.closed_by_us and self.envelope.is_ordinary(face):
            return None
        return face.left_silently

    def faces(self) -> list[Face]:
        """Return what packets of single connections can be fetched from."""
        faces = [member.face for member in self.clients.members.values()]
        return [*faces, *self.clients.departed.values()]

    def snapshots(self) -> list[Statistics]:
        """Return what is counted of those who are there."""
        return [member.snapshot() for member in self.clients.members.values()]

    def links(self) -> list[PeerChannel]:
        """Return the connections of those who are there."""
        return self.clients.links()


def _is_lost_here(member: Member, event: CloseReceived) -> bool:
    """Return whether a client says that this is not its kind of session: it never was in one."""
    if event.code != PROTOCOL_ERROR or (member.seat is not None and member.seat.was_restored):
        return False
    return not member.snapshot().packets_received
