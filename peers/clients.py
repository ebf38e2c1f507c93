"""``Clients``: who is connected to a server."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer import Error, MultiplayerError
from multiplayer.addressing import SERVER_ID, check_id
from multiplayer.departed import Departed

from .visits import log_joined, log_left

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from multiplayer.members import Members

    from .fanout import Queued
    from .member import Member
    from .sockets.engine import Reactor
    from .statistics import Statistics
    from .websocket.link import Link
    from .websocket_peer import WebSocketPeer


class _Outsiders(NamedTuple):
    """Which clients were no members of a session."""

    members: Members
    version: int
    links: list[Link]


_DEPARTED_KEPT: Final = 256
"""How many peers that have left may have packets to be fetched still."""


class Clients:
    """The clients of a server, and what is left of those that have gone.

    Args:
        reactor: what moves their bytes.
        past: takes the counters of connections that have ended.

    Attributes:
        members: those who are there, by id, in order of joining.
        departed: how those who have gone were seen, for their last packets and their close code.
        left: the ids of more of those, so that what comes too late for them raises nothing.
    """

    def __init__(self, reactor: Reactor, past: Statistics) -> None:
        self._reactor = reactor
        self._past = past
        self._addresses: Counter[str] = Counter()  # of those who are there
        self._outsiders: _Outsiders | None = None
        self.members: dict[int, Member] = {}
        self.departed: dict[int, WebSocketPeer] = {}
        self.left = Departed()

    def __len__(self) -> int:
        return len(self.members)

    def at_address(self, address: str) -> int:
        """Return how many are there from that address."""
        return self._addresses[address]

    # ---------------------------------------------------------------- coming and going

    def add(self, member: Member) -> None:
        """Take in somebody who has just come."""
        link = member.channel
        self.members[member.id] = member
        self.left.discard(member.id)
        self._give_up(member.id)
        self._outsiders = None
        self._addresses[link.address] += 1
        log_joined(link, self._reactor)

    def forget(self, peer_id: int) -> None:
        """Note that a client has gone; keep what can still be asked for. Again, if need be."""
        member = self.members.get(peer_id)
        if member is None:
            return
        link = member.channel
        self._outsiders = None
        self._reactor.fanout.leave(link)
        self.left.add(peer_id)
        member.face.detach(self._past.drops)
        # Also after its signals: what it sent, and why it closed, can still be asked for.
        self.departed[peer_id] = member.face
        log_left(link, self._reactor)
        self._past.add(link.statistics)
        # Last: until then it can be done again.
        del self.members[peer_id]
        self._outsiders = None
        self._addresses[link.address] -= 1
        if not self._addresses[link.address]:
            del self._addresses[link.address]
        if len(self.departed) > _DEPARTED_KEPT:
            self._give_up(next(iter(self.departed)))

    def _give_up(self, peer_id: int) -> None:
        """Forget what can still be asked for of a client that has gone, if there is such a one."""
        oldest = self.departed.pop(peer_id, None)
        if oldest is not None:
            self._past.drops["departed"] += oldest.get_available_packet_count()

    def forget_all(self, *, silently: bool) -> None:
        """Forget all clients; their connections are closed already.

        Args:
            silently: log nobody's leaving.
        """
        for member in self.members.values():
            self._past.add(member.channel.statistics)
            self.left.add(member.id)
            if not silently:
                log_left(member.channel, self._reactor, "the server has stopped")
        self.members.clear()
        self._outsiders = None
        self._addresses.clear()
        self._reactor.log_bounds.tell_all()

    def recover(self) -> list[Link]:
        """Make whole what an interrupt has left; return those that are over and still here."""
        links = [member.channel for member in self.members.values()]
        self._outsiders = None
        self._addresses = Counter(link.address for link in links)
        return [link for link in links if link.over]

    # ---------------------------------------------------------------- who is there

    def find(self, peer_id: int) -> WebSocketPeer | None:
        """Return the face of a client, also of one that has gone; None if there is none."""
        member = self.members.get(peer_id)
        return self.departed.get(peer_id) if member is None else member.face

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the same.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        face = self.find(check_id(peer_id))
        if face is None:
            raise _no_peer(peer_id)
        return face

    def link_of(self, peer_id: int) -> Link:
        """Return the connection to a client.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        member = self.members.get(check_id(peer_id))
        if member is None:
            raise _no_peer(peer_id)
        return member.channel

    def has_left(self, peer_id: int) -> bool:
        """Return whether a client has left; if so, count what is for it and goes nowhere."""
        if peer_id in self.members or peer_id not in self.left:
            return False
        self._past.drops["departed"] += 1
        return True

    # ---------------------------------------------------------------- what they get

    def include(self, link: Link) -> None:
        """Let a client get what is for all from now on."""
        self._reactor.fanout.join(link, _encoding(link))

    def exclude(self, peer_id: int) -> None:
        """Let a client get nothing any more of what is for all."""
        member = self.members.get(peer_id)
        if member is not None:
            self._reactor.fanout.leave(member.channel)

    def lacks(self, peer_id: int) -> bool:
        """Return whether a client is not here any more."""
        return peer_id not in self.members

    def send(self, encodings: Sequence[Queued], target: int, sender: Link | None = None) -> None:
        """Send a packet to those clients that ``target`` means.

        Args:
            encodings: its frame; one for clients that did not agree on modes and channels, then,
                if there is another, one for those that did.
            target: 0 all, n one, -n all but one; 1 none. That one is there.
            sender: who does not get it in any case.
        """
        fanout = self._reactor.fanout
        if target > SERVER_ID:
            link = self.members[target].channel
            fanout.send(link, encodings[_encoding(link)])
        elif target != SERVER_ID:
            excluded = () if sender is None else (sender,)
            if target:
                spared = self.members.get(-target)
                if spared is not None:
                    excluded = (*excluded, spared.channel)
            fanout.broadcast(encodings, excluded)

    def send_to_members(self, queued: Queued, members: Members, excluded: Collection[int]) -> None:
        """Send a packet to all clients that are members of a session but to ``excluded``."""
        left_out = self._outsiders_of(members)
        if excluded:
            here, left_out = self.members, [*left_out]
            for peer in {*excluded}:  # nobody twice: what is left out is subtracted
                if peer in here and peer in members.ids:
                    left_out.append(here[peer].channel)
        self._reactor.fanout.broadcast((queued,), left_out)

    def _outsiders_of(self, members: Members) -> list[Link]:
        """Return the clients that are no members; found out again when anybody came or went."""
        known = self._outsiders
        if known is None or known.members is not members or known.version != members.version:
            links = [each.channel for each in self.members.values() if each.id not in members]
            self._outsiders = known = _Outsiders(members, members.version, links)
        return known.links


def _encoding(link: Link) -> int:
    return 1 if link.dialect else 0


def _no_peer(peer_id: int) -> MultiplayerError:
    message = f"there is no peer {peer_id}; peer_connected tells who is there"
    return MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
