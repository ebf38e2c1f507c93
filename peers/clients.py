"""``Clients``: whom a server is connected to."""

from __future__ import annotations

import errno
import os
from collections import Counter, deque
from typing import TYPE_CHECKING, Final, NamedTuple

from multiplayer import Error, MultiplayerError
from multiplayer.departed import Departed

from .message_rates import MessageRates
from .visits import log_joined, log_left
from .websocket.http_head import HttpRefusedError
from .websocket_peer import WebSocketPeer

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from multiplayer import Limits, PacketPeer
    from multiplayer.members import Members

    from .fanout import Queued
    from .sockets.engine import Reactor
    from .statistics import Statistics
    from .websocket.link import Link
    from .websocket.settings import LinkSettings
    from .websocket.upgrade import UpgradeRequest

_SERVER_ID: Final = 1


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
        reactor: what accepts them and moves their bytes.
        past: takes the counters of connections that have ended.

    Attributes:
        listening: the server is there.
        leaving: it accepts nobody any more, and ends when all have gone.
        links: the connections, by id, in order of joining.
        peers: their faces.
        rates: how much each of them sends.
        told: those of whom the program has been told.
        departed: those of clients that have gone, for their last packets and their close code.
        left: the ids of more of those, so that what comes too late for them raises nothing.
    """

    def __init__(self, reactor: Reactor, past: Statistics) -> None:
        self._reactor = reactor
        self._past = past
        self._max_packet = 0
        self._violations: dict[int, deque[float]] = {}
        self._addresses: Counter[str] = Counter()  # of those who are there
        self._outsiders: _Outsiders | None = None
        self.listening = False
        self.leaving = False
        self.links: dict[int, Link] = {}
        self.peers: dict[int, WebSocketPeer] = {}
        self.told: set[int] = set()
        self.departed: dict[int, WebSocketPeer] = {}
        self.left = Departed()
        self.rates = MessageRates()

    # ---------------------------------------------------------------- the server

    def check_address(self, address: str, port: int) -> None:
        """Raise unless the server can begin to listen at ``address`` and ``port``.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: it listens already;
                ``ERR_INVALID_PARAMETER``: no address, or no port.
        """
        if self.listening:
            message = "this server listens already; stop() it first"
            raise MultiplayerError(Error.ERR_ALREADY_IN_USE, message)
        if not isinstance(address, str) or not address or "\0" in address:  # pyright: ignore[reportUnnecessaryIsInstance]
            message = f"{address!r} is no address to listen at; use '*' for every interface"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        is_number = isinstance(port, int) and not isinstance(port, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
        if not is_number or not 0 <= port < 65536:
            message = f"{port!r} is no port; use 1 to 65535, or 0 for a free one"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)

    def listen(self, address: str, port: int, settings: LinkSettings) -> None:
        """Begin to accept connections; each asks ``Requested`` then.

        Raises:
            MultiplayerError: ``ERR_ALREADY_IN_USE``: something else has the port;
                ``ERR_CANT_CREATE``: the address cannot be listened at.
        """
        try:
            self._reactor.listen(address, port, settings)
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            code = Error.ERR_ALREADY_IN_USE if in_use else Error.ERR_CANT_CREATE
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            message = f"cannot listen at {address} port {port}: {why}"
            raise MultiplayerError(code, message) from error
        self._max_packet = settings.outbound_buffer_size
        self.listening = True
        self.departed.clear()
        self.left.clear()

    def begin_leaving(self, code: int) -> None:
        """Close all connections with that code and accept no more."""
        if not self.listening:
            return
        self.leaving = True
        self._reactor.stop_listening()
        now = self._reactor.clock()
        for link in self._reactor.links:
            if link.peer_id:
                link.close(code, "", now)
            else:
                link.leave(now)
        self._reactor.wake()

    @property
    def have_left(self) -> bool:
        """Whether what :meth:`begin_leaving` began is complete."""
        return self.leaving and self._reactor.idle

    def stop(self, *, silently: bool = False) -> None:
        """Forget all clients; their connections are closed already.

        Args:
            silently: log nobody's leaving.
        """
        for peer_id, link in self.links.items():
            self._past.add(link.statistics)
            self.left.add(peer_id)
            if not silently:
                log_left(link, self._reactor, "the server has stopped")
        self.listening = False
        self.leaving = False
        self.links.clear()
        self._outsiders = None
        self._addresses.clear()
        self.peers.clear()
        self.told.clear()
        self._violations.clear()
        self.rates.clear()
        self._reactor.log_bounds.tell_all()

    # ---------------------------------------------------------------- who is there

    def check_room(self, link: Link, limits: Limits) -> None:
        """Raise if there is no room for another client from that address.

        Raises:
            HttpRefusedError: 503 or 429.
        """
        if 0 < limits.max_peers <= len(self.links):
            link.reach("max_peers")
            raise HttpRefusedError(503, "this server is full")
        if 0 < limits.max_peers_per_address <= self._addresses[link.address]:
            link.reach("max_peers_per_address")
            raise HttpRefusedError(429, "too many connections from your address")

    def add(self, link: Link, owner: PacketPeer, request: UpgradeRequest, userdata: object) -> None:
        """Take in a connection that was accepted and has its id.

        Args:
            link: the connection.
            owner: the server.
            request: what the client asked for.
            userdata: what ``upgrade_callback`` attached to it.
        """
        peer = WebSocketPeer()
        peer.request, peer.userdata = request, userdata
        self._reactor.open_account(link)
        peer.attach(link, self._reactor, self._max_packet, owner)
        self.links[link.peer_id] = link
        self.left.discard(link.peer_id)
        self._give_up(link.peer_id)
        self._outsiders = None
        self._addresses[link.address] += 1
        self.peers[link.peer_id] = peer
        log_joined(link, self._reactor)

    def forget(self, peer_id: int) -> None:
        """Note that a client has gone; keep what can still be asked for. Again, if need be."""
        link = self.links.get(peer_id)
        if link is None:
            return
        self._outsiders = None
        self._reactor.fanout.leave(link)
        self._violations.pop(peer_id, None)
        self.rates.forget(peer_id)
        self.left.add(peer_id)
        peer = self.peers.pop(peer_id, None)
        if peer is not None:
            peer.detach(self._past.drops)
            # Also after its signals: what it sent, and why it closed, can still be asked for.
            self.departed[peer_id] = peer
        log_left(link, self._reactor)
        self._past.add(link.statistics)
        # Last: until then it can be done again.
        del self.links[peer_id]
        self._outsiders = None
        self.told.discard(peer_id)
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

    def recover(self) -> list[Link]:
        """Make whole what an interrupt has left; return those that are over and still here."""
        here = self.links
        self._outsiders = None
        self._addresses = Counter(link.address for link in here.values())
        for peer_id in [each for each in self._violations if each not in here]:
            del self._violations[peer_id]
        for peer_id in [each for each in self.peers if each not in here]:
            del self.peers[peer_id]
        self.told.intersection_update(here)  # the same set: steps know it
        return [link for link in here.values() if link.over]

    def find(self, peer_id: int) -> WebSocketPeer | None:
        """Return the face of a client, also of one that has gone; None if there is none."""
        return self.peers.get(peer_id) or self.departed.get(peer_id)

    def get_peer(self, peer_id: int) -> WebSocketPeer:
        """Return the same.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        peer = self.find(peer_id)
        if peer is None:
            raise _no_peer(peer_id)
        return peer

    def link_of(self, peer_id: int) -> Link:
        """Return the connection to a client.

        Raises:
            MultiplayerError: ``ERR_DOES_NOT_EXIST``: there is no such client.
        """
        link = self.links.get(peer_id)
        if link is None:
            raise _no_peer(peer_id)
        return link

    def has_left(self, peer_id: int) -> bool:
        """Return whether a client has left; if so, count what is for it and goes nowhere."""
        if peer_id in self.links or peer_id not in self.left:
            return False
        self._past.drops["departed"] += 1
        return True

    # ---------------------------------------------------------------- what they get and do

    def include(self, link: Link) -> None:
        """Let a client get what is for all from now on."""
        self._reactor.fanout.join(link, _encoding(link))

    def exclude(self, peer_id: int) -> None:
        """Let a client get nothing any more of what is for all."""
        link = self.links.get(peer_id)
        if link is not None:
            self._reactor.fanout.leave(link)

    def lacks(self, peer_id: int) -> bool:
        """Return whether a client is not here any more."""
        return peer_id not in self.links

    def send(self, encodings: Sequence[Queued], target: int, sender: Link | None = None) -> None:
        """Send a packet to those clients that ``target`` means.

        Args:
            encodings: its frame; one for clients that did not agree on modes and channels, then,
                if there is another, one for those that did.
            target: 0 all, n one, -n all but one; 1 none. That one is there.
            sender: who does not get it in any case.
        """
        fanout = self._reactor.fanout
        if target > _SERVER_ID:
            link = self.links[target]
            fanout.send(link, encodings[_encoding(link)])
        elif target != _SERVER_ID:
            spared = self.links.get(-target)
            fanout.broadcast(encodings, [each for each in (sender, spared) if each is not None])

    def send_to_members(self, queued: Queued, members: Members, excluded: Collection[int]) -> None:
        """Send a packet to all clients that are members but to ``excluded``."""
        left_out = self._outsiders_of(members)
        if excluded:
            links, left_out = self.links, [*left_out]
            for peer in {*excluded}:  # nobody twice: what is left out is subtracted
                if peer in links and peer in members.ids:
                    left_out.append(links[peer])
        self._reactor.fanout.broadcast((queued,), left_out)

    def _outsiders_of(self, members: Members) -> list[Link]:
        """Return the clients that are no members; found out again when anybody came or went."""
        known = self._outsiders
        if known is None or known.members is not members or known.version != members.version:
            links = [link for peer, link in self.links.items() if peer not in members]
            self._outsiders = known = _Outsiders(members, members.version, links)
        return known.links

    def too_many_violations(self, link: Link, limits: Limits) -> bool:
        """Note a violation; return whether they are too many by now."""
        if not limits.max_violations:
            return False
        now = self._reactor.clock()
        times = self._violations.setdefault(link.peer_id, deque())
        times.append(now)
        while now - times[0] > limits.violation_window:
            times.popleft()
        if len(times) < limits.max_violations:
            return False
        link.reach("max_violations")
        return True


def _encoding(link: Link) -> int:
    return 1 if link.dialect else 0


def _no_peer(peer_id: int) -> MultiplayerError:
    message = f"there is no peer {peer_id}; peer_connected tells who is there"
    return MultiplayerError(Error.ERR_DOES_NOT_EXIST, message)
