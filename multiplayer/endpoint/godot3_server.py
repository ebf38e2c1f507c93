"""What the messages of clients mean to a server with Godot 3's envelope."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import SERVER_ID, TransferMode
from multiplayer.wire.envelopes import godot3 as gd_mp

from .godot3_words import Godot3Server
from .resume_words import RosterEnd, write_word
from .roster import ANNOUNCEMENT_SIZE, Roster
from .shares import Queued

if TYPE_CHECKING:
    from .agenda import Step
    from .commons import Commons
    from .events import Message
    from .member import Member
    from .peer_channel import PeerChannel
    from .server_envelope import Serving
    from .signals_of_peers import Godot3ServerSignals

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE
_ADD: Final = gd_mp.PacketType.ADD
_ID: Final = gd_mp.PacketType.ID
_STRANGE: Final = frozenset(
    (
        gd_mp.Violation.SHORT_PACKET,
        gd_mp.Violation.UNKNOWN_TYPE,
        gd_mp.Violation.SYSTEM_PACKET_FROM_CLIENT,
    )
)
"""What a text, or any bytes, look like to a session."""
_IS_IT_PLAIN: Final = "is it in plain mode? A client of a session connects with gd_mp_api=True"


class GdMpServer(Godot3Server):
    """What the messages of Godot 3's clients mean.

    Args:
        signals: report them.
        commons: what the server works with.
        relays: clients are told of each other and reach each other.

    Attributes:
        session: who is in it, and who may say what.
        roster: what newcomers are told.
    """

    name = "gd_mp"
    in_session = may_agree = True
    overhead, channel_overhead = gd_mp.HEADER_SIZE, 1
    packet_at = gd_mp.HEADER_SIZE

    def __init__(self, signals: Godot3ServerSignals, commons: Commons, *, relays: bool) -> None:
        super().__init__(signals, commons)
        self._endpoint = commons.endpoint
        self._inbox = commons.inbox
        self.session = gd_mp.ServerSession()
        self.session.relays = relays
        self._framed = commons.framed
        self.roster = Roster(self._as_announced)
        self._renewing: set[int] = set()  # those who have come back, and are not admitted again

    def joined(self, role: Serving, member: Member, link: PeerChannel, resource: str) -> None:
        """Tell a client its id and about the server, then about the others, and all about it."""
        del link
        peer_id = member.id
        self.session.join(peer_id)
        self._greet(member)
        if not self._signals.holds_new_peers:
            self.admit(role, member)
        # A listener of client_connected may force it out.
        gone = partial(role.clients.lacks, peer_id)
        signal = self._signals.peer_connected
        emission = self._handlers.emission(signal, peer_id, peer_id, unless=gone)
        self._agenda.then(*self._words_of_coming(member, resource), emission)

    def _greet(self, member: Member) -> None:
        """Tell a client its id, and about the server."""
        own = self._announcement(_ID, member.id) + self._announcement(_ADD, SERVER_ID)
        member.send_run(own, 2, 2 * ANNOUNCEMENT_SIZE)

    def renewed(self, role: Serving, member: Member, link: PeerChannel) -> None:
        """Tell a client that begins anew its id, and about the server, then the rest.

        The rest waits for ``admit_peer`` if newcomers are held.
        """
        del link
        self._greet(member)
        self._renewing.add(member.id)
        if not (self._signals.holds_new_peers or self.session.holds(member.id)):
            self._complete(role, member)

    def _complete(self, role: Serving, member: Member) -> None:
        """Tell a client that has begun anew who is there, and the others to forget what it knew."""
        peer_id, link = member.id, member.channel
        others = [peer for peer in self.session.admitted if peer != peer_id]
        if not self.session.relays:
            others = []
        if link is not None:  # whoever calls this and is interrupted, it may miss something
            self._endpoint.writing.append(link)
        frames = b"".join(self._announcement(_ADD, peer) for peer in others)
        member.send_run(frames, len(others), len(others) * ANNOUNCEMENT_SIZE)
        self._end_roster(role, member)
        if self.session.relays:
            self._tell_renewed(role, peer_id, others)
        # Last: until then it can be done again.
        self._renewing.discard(peer_id)
        if link is not None:
            self._endpoint.writing.pop()

    def _end_roster(self, role: Serving, member: Member) -> None:
        """Tell a client that has begun anew, and knows words, that it knows everybody by now."""
        if member.knows_words:
            word = write_word(RosterEnd())
            frame = self._framed(word, _RELIABLE, text=True)
            role.clients.send_to(member, Queued(frame, len(word), _RELIABLE))

    def _tell_renewed(self, role: Serving, peer_id: int, others: list[int]) -> None:
        """Tell others that a client has begun anew; to who knows no words, it leaves and comes."""
        told, asked = {*role.tell_renewed(peer_id)}, {*others}
        packets = [gd_mp.system_packet(kind, peer_id) for kind in (gd_mp.PacketType.DEL, _ADD)]
        for each in role.clients.members.values():
            if each.id in asked and each.id not in told:
                for packet in packets:
                    frame = self._as_announced(packet)
                    role.clients.send_to(each, Queued(frame, len(packet), _RELIABLE))

    def restored(self, member: Member) -> None:
        """Take in a client that another server had, and that was admitted there."""
        if member.id not in self.session:
            self.session.join(member.id)
        if self.session.admit(member.id):
            self.roster.add(member.id)
        member.is_reached = True

    def _announcement(self, kind: gd_mp.PacketType, peer: int) -> bytes:
        """Return the frame with which the server announces ``peer``."""
        return self._as_announced(gd_mp.system_packet(kind, peer))

    def _as_announced(self, packet: bytes) -> bytes:
        return self._framed(packet, _RELIABLE)

    def admit(self, role: Serving, member: Member) -> None:
        """Tell a newcomer who is there, and the others about it."""
        peer_id, link, adrift = member.id, member.channel, member.adrift
        if not self.session.holds(peer_id):
            if peer_id in self._renewing:
                self._complete(role, member)
            return
        # Whoever calls this and is interrupted, the newcomer may miss something.
        if link is not None:
            self._endpoint.writing.append(link)
        elif adrift is not None:
            adrift.sure = False
        arrival = self.session.admit(peer_id)
        if arrival:
            roster = self.roster
            member.send_run(roster.frames, len(roster), roster.size)
            if link is not None:
                self._endpoint.look_at(link)
            roster.add(peer_id)
            self._tell_all(role, arrival)
        if peer_id in self._renewing:  # it came back before anybody knew of it
            self._end_roster(role, member)
            self._renewing.discard(peer_id)
        role.clients.include(member)
        if link is not None:
            self._endpoint.writing.pop()
        elif adrift is not None:
            adrift.sure = True

    def _tell_all(self, role: Serving, packet: bytes) -> None:
        queued = Queued(self._framed(packet, _RELIABLE), len(packet), _RELIABLE)
        role.clients.send((queued, queued), 0)

    def take(self, role: Serving, member: Member, link: PeerChannel, message: Message) -> None:
        """Pass a packet on to its target, which may be this program."""
        data = message.data
        verdict = self.session.receive(member.id, data, agreed=link.gdpeers_version > 0)
        if not isinstance(verdict, gd_mp.Route):
            link.fetched(len(data))
            if isinstance(verdict, gd_mp.Drop):
                link.drop(verdict)
            else:
                is_strange = verdict in _STRANGE and not link.gdpeers_version
                role.punish(member, link, verdict, _IS_IT_PLAIN if is_strange else "")
            return
        for_server, target, mode, channel, held_back = verdict
        if held_back:
            link.drop(gd_mp.Drop.NOT_ADMITTED)
        if target != SERVER_ID:
            self._pass_on(role, data, target, mode, link)
        if for_server:
            payload = gd_mp.payload_of(data)
            self._inbox.receive(link, member.id, payload, len(data), mode, channel)
        else:
            link.fetched(len(data))

    def is_for_us(self, data: bytes) -> bool:
        """Return whether a message is a packet of the game for the server, without a channel."""
        return gd_mp.is_plain_packet(data, SERVER_ID)

    def leaves(self, role: Serving, peer_id: int) -> None:
        """Tell the others that a client is gone."""
        role.clients.exclude(peer_id)
        self._renewing.discard(peer_id)
        # Told before it is noted: twice does less harm than never.
        departure = self.session.departure(peer_id)
        if departure:
            self._tell_all(role, departure)
            self.roster.remove(peer_id)
        self.session.leave(peer_id)

    def words_of_leaving(self, peer_id: int, *, clean: bool) -> list[Step]:
        """Return the signals for a client that is gone."""
        emission = self._handlers.emission(self._signals.peer_disconnected, peer_id, peer_id)
        return [emission, *super().words_of_leaving(peer_id, clean=clean)]

    def send(
        self, role: Serving, data: bytes, target: int, mode: TransferMode, channel: int
    ) -> None:
        """Send a packet of our own."""
        packet = gd_mp.packet(SERVER_ID, target, data, mode, channel)
        self._pass_on(role, packet, target, mode, None)

    def encodings(self, data: bytes, mode: TransferMode, channel: int) -> tuple[Queued, ...]:
        """Return a packet whose target is everybody: clients, engines too, do not look at it."""
        return self._both_forms(gd_mp.packet(SERVER_ID, 0, data, mode, channel), mode)

    def _pass_on(
        self,
        role: Serving,
        packet: bytes,
        target: int,
        mode: TransferMode,
        sender: PeerChannel | None,
    ) -> None:
        """Send a packet to those that ``target`` means, in the form that each understands."""
        role.clients.send(self._both_forms(packet, mode), target, sender)

    def _both_forms(self, packet: bytes, mode: TransferMode) -> tuple[Queued, Queued]:
        origin = self._endpoint.origin
        queued = plain = Queued(self._framed(packet, mode), len(packet), mode, origin)
        if packet[0]:  # not Godot's own bytes
            packet = gd_mp.plain(packet)
            plain = Queued(self._framed(packet, mode), len(packet), mode, origin)
        return plain, queued

    def recover(self) -> None:
        """Repair what an interrupt has left."""
        self.roster.begin_anew(self.session.admitted if self.session.relays else ())

    def clear(self) -> None:
        """Forget all clients."""
        self.session.clear()
        self.roster.clear()
        self._renewing.clear()
