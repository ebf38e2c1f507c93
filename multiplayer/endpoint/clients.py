"""``Clients``: who is connected to a server."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer.addressing import SERVER_ID, check_id
from multiplayer.departed import Departed
from multiplayer.errors import Error, MultiplayerError

from .drifting import Drifting
from .visits import log_joined, log_left

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from multiplayer.members import Members

    from .face import Face
    from .inbox import Inbox
    from .member import Member
    from .peer_channel import PeerChannel, PeerEndpoint
    from .shares import Queued
    from .statistics import Statistics


class _Outsiders(NamedTuple):
    """Which clients were not members of a session."""

    members: Members
    version: int
    links: list[PeerChannel]


_DEPARTED_KEPT: Final = 256
"""How many peers that have left may still have packets to fetch."""


class Clients:
    """The clients of a server, and what is left of those that have left.

    Args:
        endpoint: the endpoint, which has their connections.
        past: takes the counters of connections that have ended.

    Attributes:
        members: those who are there, by id, in order of joining.
        departed: the faces of those who have left, for their last packets and their close code.
        left: the ids of more of those, so that what comes too late for them raises nothing.
        drifting: those of the members that no connection carries.
    """

    def __init__(self, endpoint: PeerEndpoint, past: Statistics) -> None:
        self._endpoint = endpoint
        self._past = past
        self._addresses: Counter[str] = Counter()  # of those who are there
        self._outsiders: _Outsiders | None = None
        self.members: dict[int, Member] = {}
        self.drifting = Drifting(endpoint)
        self.departed: dict[int, Face] = {}
        self.left = Departed()

    def __len__(self) -> int:
        return len(self.members)

    def at_address(self, address: str) -> int:
        """Return how many are there from that address."""
        return self._addresses[address]

    # ---------------------------------------------------------------- coming and going

    def add(self, member: Member) -> None:
        """Add a client that has just come."""
        link = member.last
        self.members[member.id] = member
        self.left.discard(member.id)
        self._give_up(member.id)
        self._outsiders = None
        self._count_at(member, link.address)
        log_joined(link, self._endpoint.may_log)

    def restore(self, member: Member) -> None:
        """Add a client that another server had, and that no connection carries."""
        self.members[member.id] = member
        self.left.discard(member.id)
        self._give_up(member.id)
        self._outsiders = None
        self.drifting.members[member.id] = member

    def forget(self, peer_id: int) -> None:
        """Note that a client has left; keep what can still be asked for. It can be repeated."""
        member = self.members.get(peer_id)
        if member is None:
            return
        link = member.last
        self._outsiders = None
        self._endpoint.fanout.leave(link)
        self.left.add(peer_id)
        member.face.detach(self._past.drops)
        # Also after its signals: what it sent, and why it closed, can still be asked for.
        self.departed[peer_id] = member.face
        log_left(link, self._endpoint.may_log)
        self._past.add(member.counted())
        # Last: until then it can be done again.
        del self.members[peer_id]
        self._outsiders = None
        self.drifting.forget(peer_id)
        self._count_at(member, "")
        if len(self.departed) > _DEPARTED_KEPT:
            self._give_up(next(iter(self.departed)))

    def _count_at(self, member: Member, address: str) -> None:
        """Let a member count at an address, "" for none, and no more at another one."""
        before, member.counts_at = member.counts_at, address
        if before:
            self._addresses[before] -= 1
            if not self._addresses[before]:
                del self._addresses[before]
        if address:
            self._addresses[address] += 1

    def set_adrift(self, member: Member) -> None:
        """Let a member lose its connection, and stay; see ``adrift.py``."""
        link = member.channel
        if link is not None:
            self._endpoint.fanout.leave(link)  # first: what waits for it there is moved
            self.drifting.add(member)
            if member.seat is None:
                self._count_at(member, "")
            self._outsiders = None

    def carry(self, member: Member, link: PeerChannel, inbox: Inbox[PeerChannel]) -> None:
        """Let another connection carry a member that is adrift; see ``Drifting.carry``."""
        self.drifting.carry(member, link, inbox)
        self._count_at(member, link.address)
        self._outsiders = None
        if member.is_reached:
            self.include(member)

    def _give_up(self, peer_id: int) -> None:
        """Forget what can still be asked about a client that has left, if there is one."""
        oldest = self.departed.pop(peer_id, None)
        if oldest is not None:
            self._past.drops["departed"] += oldest.get_available_packet_count()

    def forget_all(self, *, silently: bool) -> None:
        """Forget all clients; their connections are already closed.

        Args:
            silently: log nobody's leaving.
        """
        for member in self.members.values():
            self._past.add(member.counted())
            self.left.add(member.id)
            if not silently:
                log_left(member.last, self._endpoint.may_log, "the server has stopped")
        self.members.clear()
        self.drifting.clear()
        self._outsiders = None
        self._addresses.clear()
        self._endpoint.log_bounds.tell_all()

    def recover(self) -> list[PeerChannel]:
        """Repair what an interrupt has left; return those whose member has to leave."""
        links = self.links()
        self._outsiders = None
        counted = [each.counts_at for each in self.members.values() if each.counts_at]
        self._addresses = Counter(counted)
        gone = self.drifting.recover(self.members.values())
        return [*gone, *(link for link in links if link.over)]

    # ---------------------------------------------------------------- who is there

    def find(self, peer_id: int) -> Face | None:
        """Return the face of a client, even of one that has left; None if there is none."""
        member = self.members.get(peer_id)
        return self.departed.get(peer_id) if member is None else member.face

    def get_peer(self, peer_id: int) -> Face:
        """Return the same.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        face = self.find(check_id(peer_id))
        if face is None:
            raise _no_peer(peer_id)
        return face

    def links(self) -> list[PeerChannel]:
        """Return the connections of those who are there."""
        return [each.channel for each in self.members.values() if each.channel is not None]

    def link_of(self, peer_id: int) -> PeerChannel:
        """Return the connection to a client.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        member = self.members.get(check_id(peer_id))
        if member is None:
            raise _no_peer(peer_id)
        if member.channel is None:
            message = f"peer {peer_id} has lost its connection, and has no other one yet"
            raise MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
        return member.channel

    def has_left(self, peer_id: int) -> bool:
        """Return whether a client has left; if so, count what was for it and goes nowhere."""
        if peer_id in self.members or peer_id not in self.left:
            return False
        self._past.drops["departed"] += 1
        return True

    # ---------------------------------------------------------------- what they get

    def include(self, member: Member) -> None:
        """Send a client what is for all from now on."""
        member.is_reached = True
        if member.channel is not None:
            self._endpoint.fanout.join(member.channel, _encoding(member.channel))

    def exclude(self, peer_id: int) -> None:
        """Send a client nothing more of what is for all."""
        member = self.members.get(peer_id)
        if member is not None:
            member.is_reached = False
            self._endpoint.fanout.leave(member.last)

    def lacks(self, peer_id: int) -> bool:
        """Return whether a client is no longer here."""
        return peer_id not in self.members

    def send(
        self, encodings: Sequence[Queued], target: int, sender: PeerChannel | None = None
    ) -> None:
        """Send a packet to those clients that ``target`` means.

        Args:
            encodings: its frame; one for clients that did not agree on modes and channels, then,
                if there is another, one for those that did.
            target: 0 all, n one, -n all but one; 1 none. That one is there.
            sender: who does not get it in any case.
        """
        fanout = self._endpoint.fanout
        if target > SERVER_ID:
            member = self.members[target]
            self.send_to(member, encodings[_encoding_for(member)])
        elif target != SERVER_ID:
            excluded = () if sender is None else (sender,)
            if target:
                spared = self.members.get(-target)
                if spared is not None:
                    excluded = (*excluded, spared.last)
            fanout.broadcast(encodings, excluded)
            if self.drifting.members:
                self._send_to_drifting(encodings, target, sender)

    def _send_to_drifting(
        self, encodings: Sequence[Queued], target: int, sender: PeerChannel | None
    ) -> None:
        """Keep a packet for those without a connection that get what is for all.

        Not for ``-target``, and not for the sender, whose packet may be handled after it has lost
        its connection.

        A member without a seat may come back by any connection, one with a seat by one like its
        last.
        """
        here = [each for each in self.drifting.members.values() if each.is_reached]
        for member in here:
            if member.id != -target and member.last is not sender:
                self.drifting.send(encodings[_encoding_for(member)], (member,))

    def send_to(self, member: Member, queued: Queued) -> None:
        """Send a packet to one client, whose connection understands its frame."""
        link = member.channel
        if link is None:
            self.drifting.send(queued, (member,))
        else:
            self._endpoint.fanout.send(link, queued)

    def send_to_some(self, encodings: Sequence[Queued], targets: Collection[int]) -> None:
        """Send a packet to some clients, which are here.

        Where it is for most, the others are left out of what is for all: that is the shorter list.

        Args:
            encodings: as for :meth:`send`.
            targets: their ids.
        """
        fanout, members = self._endpoint.fanout, self.members
        chosen = [members[peer] for peer in targets]
        if 2 * len(chosen) > len(fanout) and all(each.is_reached for each in chosen):
            others = [
                each.channel
                for each in members.values()
                if each.is_reached and each.channel is not None and each.id not in targets
            ]
            fanout.broadcast(encodings, others)
            chosen = [each for each in chosen if each.channel is None]
        for member in chosen:
            self.send_to(member, encodings[_encoding_for(member)])

    def send_to_members(self, queued: Queued, members: Members, excluded: Collection[int]) -> None:
        """Send a packet to all clients that are members of a session, except ``excluded``."""
        left_out = [*self._outsiders_of(members)]
        here, ids = self.members, members.ids
        for peer in {*excluded} if len(excluded) > 1 else excluded:  # once: it is subtracted
            if peer in ids and peer in here:
                left_out.append(here[peer].last)  # noqa: PERF401 - quicker for one
        self._endpoint.fanout.broadcast((queued,), left_out)
        if self.drifting.members:
            self.drifting.send_to_all(queued, lambda id_: id_ in members and id_ not in excluded)

    def _outsiders_of(self, members: Members) -> list[PeerChannel]:
        """Return the clients that are not members; recomputed whenever anybody came or left."""
        known = self._outsiders
        if known is None or known.members is not members or known.version != members.version:
            links = [each.last for each in self.members.values() if each.id not in members]
            self._outsiders = known = _Outsiders(members, members.version, links)
        return known.links


def _encoding(link: PeerChannel) -> int:
    return 1 if link.gdpeers_version else 0


def _encoding_for(member: Member) -> int:
    """Return which encoding a member is sent: without a connection, what its next may understand.

    One with a seat begins anew if its next connection is not like the last one.
    """
    if member.channel is None and member.seat is None:
        return 0
    return 1 if member.last.gdpeers_version else 0


def _no_peer(peer_id: int) -> MultiplayerError:
    message = f"there is no peer {peer_id}; peer_connected reports who is there"
    return MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
