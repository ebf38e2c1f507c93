"""``Outlet``: gives packets of replication to the peer below, no more than there is room for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import SERVER_ID, TransferMode
from multiplayer.errors import MultiplayerError
from multiplayer.scene.rejections import RejectReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from multiplayer.members import Members
    from multiplayer.scene.api_state import ApiState
    from multiplayer.scene.cache.path_cache import PathCache
    from multiplayer.scene.transport import Transport
    from multiplayer.scene.tree.node import Node

    from .records import Feed

HALF: Final = 2
EIGHTH: Final = 8

_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class Outlet:
    """Sends packets to one peer at a time.

    What waits for a peer may fill half of its buffer, and one packet more if it had read everything
    before; the rest is for RPCs and the like.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        paths: which id stands for which path.
        members: who is in the session.

    Attributes:
        paths: see above.
        in_tick: a tick is under way.
        serves: this program is the server in that.
        sent: something was given to the peer below since it was last flushed.
        refused: the first peer for which there was no room in this tick; None if there was for all.
    """

    def __init__(
        self, state: ApiState, transport: Transport, paths: PathCache, members: Members
    ) -> None:
        self.in_tick = False
        self.serves = False
        self.sent = False
        self.refused: Feed | None = None
        self._most = 0  # of a server, at this tick
        self._given = 0  # by a client, whose packets all go through one connection
        self._transport = transport
        self.paths = paths
        self._members = members
        self._places = state.objects.places
        self._rejections = state.rejections

    def longest(self, peer: int) -> int:
        """Return how many bytes a packet for a peer may have."""
        return self._most if self.in_tick and self._most else self._transport.room(peer)

    def waiting(self, peer: int) -> int:
        """Return how many bytes wait to be sent to a peer."""
        wraps = not (self.in_tick and self.serves) and self._transport.wraps(peer)
        via = SERVER_ID if wraps else peer
        try:
            return self._transport.peer.get_backlog(via)
        except MultiplayerError:  # it has left, which we shall hear of
            return 0

    def is_blocked(self, feed: Feed) -> bool:
        """Return whether nothing can be sent to a peer, which has lost its connection."""
        return feed.peer in self._members.suspended

    def without_blocked(self, feeds: Iterable[Feed]) -> list[Feed]:
        """Return the peers to which something can be sent; see :meth:`is_blocked`."""
        suspended = self._members.suspended
        return [each for each in feeds if each.peer not in suspended] if suspended else [*feeds]

    def begin(self, feeds: Sequence[Feed]) -> None:
        """Begin a tick: what it sends itself does not count as what a peer has not read."""
        transport = self._transport
        self.serves = transport.is_server
        self._most = transport.room(SERVER_ID) if self.serves else 0
        self.in_tick, self.refused, self._given = True, None, 0
        if self.serves:
            backlogs = transport.peer.get_backlogs([feed.peer for feed in feeds])
            for feed, waiting in zip(feeds, backlogs, strict=True):
                feed.waiting, feed.given = waiting, 0
        else:
            for feed in feeds:
                feed.waiting, feed.given = self.waiting(feed.peer), 0

    def end(self) -> None:
        """End a tick: let what was given leave now instead of with the next poll."""
        self.in_tick = False
        self.flush()

    def has_room(self, feed: Feed, size: int, part: int) -> bool:
        """Return whether a reliable packet of ``size`` bytes may be sent to a peer now.

        Args:
            feed: the peer.
            size: how long the packet is.
            part: which part of the buffer may be full with it if the peer has not read everything.
        """
        if feed.peer in self._members.suspended:
            return False
        longest = self._most if self.in_tick and self._most else self.longest(feed.peer)
        if longest == sys.maxsize:
            return True
        if not self.in_tick:
            waiting = self.waiting(feed.peer)
            return not waiting or waiting + size <= longest // part
        given = feed.given if self.serves else self._given
        if not feed.waiting:  # one packet more than half fits in, however long it is
            fits = given <= longest // 2
        else:
            fits = feed.waiting + given + size <= longest // part
        if not fits and self.refused is None:
            self.refused = feed
        return fits

    def note_given(self, feed: Feed, size: int) -> None:
        """Note that a peer gets a reliable packet of ``size`` bytes."""
        feed.given += size
        self._given += size

    def send(self, feed: Feed, packet: bytes, part: int = HALF) -> bool:
        """Send a reliable packet; return False if it has to wait for room.

        Args:
            feed: the peer.
            packet: the packet.
            part: see :meth:`has_room`.

        Raises:
            MultiplayerError: ``ERR_OUT_OF_MEMORY``: it is too long for any buffer.
        """
        if len(packet) > self.longest(feed.peer):
            self._transport.check(feed.peer, packet)
        if not self.has_room(feed, len(packet), part):
            return False
        self.note_given(feed, len(packet))
        self.put(feed, packet)
        return True

    def put(self, feed: Feed, packet: bytes, mode: TransferMode = _RELIABLE) -> None:
        """Send a packet, whether there is room or not.

        If it cannot be sent, because the peer is leaving or it is too long, it is counted and
        dropped.
        """
        self._put(feed.peer, packet, mode)

    def _put(self, target: int, packet: bytes, mode: TransferMode) -> None:
        self.sent = True
        try:
            self._transport.put(target, packet, mode)
        except MultiplayerError as error:
            if self._transport.is_up:
                self._rejections.reject(target or SERVER_ID, RejectReason.NOT_SENT, error.message)
            else:  # the session is over, and what it had is being taken down
                self._rejections.drop("departed")

    def put_each(
        self,
        groups: Iterable[tuple[Sequence[Feed], Sequence[bytes]]],
        apart: list[tuple[int, bytes]],
        mode: TransferMode = _RELIABLE,
    ) -> None:
        """Send several peers each the same packets, whether there is room or not; see :meth:`put`.

        One frame reaches all where this program is the server and most are to have it.

        Args:
            groups: the peers, and what all of each group get.
            apart: what else is for one peer each; changed by this.
            mode: how all of it travels.
        """
        transport, members = self._transport, self._members
        for feeds, packets in groups:
            if len(feeds) == 1:
                peer = feeds[0].peer
                for packet in packets:
                    apart.append((peer, packet))  # noqa: PERF401 - quicker for one
            elif transport.serves and 2 * len(feeds) >= len(members):
                excluded = {*members} - {feed.peer for feed in feeds}
                self.sent = True
                for packet in packets:
                    transport.pass_on(SERVER_ID, packet, members, excluded, mode)
            elif transport.is_server and len(feeds) == len(members):
                for packet in packets:
                    self._put(0, packet, mode)
            else:
                apart += [(feed.peer, packet) for feed in feeds for packet in packets]
        if not transport.is_server:
            for peer, packet in apart:
                self._put(peer, packet, mode)
        elif apart:
            self.sent = True
            try:
                transport.peer.send_each(apart, mode)
            except MultiplayerError as error:
                self._rejections.reject(SERVER_ID, RejectReason.NOT_SENT, error.message)

    def announce(self, feed: Feed, node: Node) -> int | None:
        """Return the id of a node's path, which a peer has been told; None if that has to wait.

        Raises:
            MultiplayerError: ``ERR_UNCONFIGURED``: the node is not where peers could find it.
        """
        place = self._places.of(node)
        path_id = self.paths.id_of(place.path)
        if not self.paths.has_told(feed.peer, path_id):
            wire = self._transport.wire
            if not self.send(feed, wire.announce(path_id, place.path, place.table.names)):
                return None
            self.paths.tell(feed.peer, path_id, confirmed=not wire.confirms)
        return path_id

    def knows(self, feed: Feed, path_id: int) -> bool:
        """Return whether a peer has confirmed what a path id stands for."""
        return self.paths.is_confirmed(feed.peer, path_id)

    def flush(self) -> None:
        """Let what was given leave now instead of with the next poll."""
        if self.sent:
            self.sent = False
            self._transport.peer.flush()
