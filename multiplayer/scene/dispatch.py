"""``Dispatch``: from a packet that has arrived to the subsystem that handles it.

It asks in this order: what watches for a peer's first packet; whether the packet makes sense;
whether its sender is admitted. What a packet holds beyond its head is for the subsystem, which
first checks whether the sender may say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiplayer.errors import DecodeError
from multiplayer.wire.dialects.api_packets import Authenticate, Unsupported

from .rejections import RejectReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.api_hooks import Arrived
    from multiplayer.wire.dialects.api_packets import ApiPacket

    from .api_state import ApiState
    from .peers import Peers
    from .subsystem import Subsystem
    from .transport import Transport


class Dispatch:
    """Takes the packets of one session from the peer below, and hands each to its subsystem.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        peers: who is in the session.
        failed: takes a packet's sender and the exception that prevented handling it: a bug of ours.

    Attributes:
        watched: functions that see a peer's next packet before it is read: they take the sender and
            the packet, and return False if nothing else should be done with it.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        peers: Peers,
        failed: Callable[[int, Exception], object],
    ) -> None:
        self.watched: dict[int, Callable[[int, bytes], bool]] = {}
        self._take_arrived = transport.peer.take_arrived
        self._asks_how = transport.relays
        self._read = transport.wire.read
        self._peers = peers
        self._admitted = peers.members.ids
        self._settings = state.settings
        self._handlers = state.handlers
        self._rejections = state.rejections
        self._statistics = state.statistics
        self._failed = failed
        self._of_neighbours: dict[type[Any], Callable[[Arrived, Any], object]] = {}
        self._of_members: dict[type[Any], Callable[[int, Any], object]] = {
            Unsupported: self._reject_unsupported
        }
        self._owners: dict[type[Any], Subsystem] = {}

    def add(self, subsystem: Subsystem) -> None:
        """Give a subsystem the packets that it handles."""
        self._of_neighbours.update(subsystem.neighbour_packets())
        packets = subsystem.member_packets()
        self._of_members.update(packets)
        self._owners.update(dict.fromkeys(packets, subsystem))

    # ---------------------------------------------------------------- what arrives

    def take(self, _: int = 0) -> None:
        """Take the next packet, if there is one, and do what it says.

        It is connected to ``peer_packet``, and another listener may have taken the packet.
        """
        handlers, source = self._handlers, None
        try:
            arrived = self._take_arrived(handlers, asks_how=self._asks_how)
            if arrived is None:
                return
            source = arrived.source
            self._receive(arrived, source)
        except Exception as error:  # a mistake of ours, or the system has no memory
            if source is None:
                source = handlers.at_work
            if not isinstance(source, int):
                raise
            self._failed(source, error)
        handlers.at_work = None

    def _receive(self, arrived: Arrived, source: int) -> None:
        data = arrived.payload
        if self.watched and source in self.watched and not self.watched[source](source, data):
            return
        try:
            packet = self._read(data)
        except DecodeError as error:
            self._rejections.reject(source, RejectReason.MALFORMED, str(error))
            return
        kind = type(packet)
        if source in self._admitted and not self._settings.discard_packets:
            handle = self._of_members.get(kind)
            if handle is not None:  # the common case
                handle(source, packet)
                return
        if self._peers.is_authenticating(source) and kind is not Authenticate:
            detail = "it sends something else before it is authenticated"
            self._rejections.reject(source, RejectReason.NOT_AUTHENTICATED, detail)
            return
        handle_neighbour = self._of_neighbours.get(kind)
        if handle_neighbour is not None:
            handle_neighbour(arrived, packet)
        elif self._settings.discard_packets:
            self._statistics.discarded += 1
        else:
            self._process(source, packet)

    def take_relayed(self, origin: int, data: bytes) -> None:
        """Do what a packet says that was passed on without having been taken by :meth:`take`."""
        handlers = self._handlers
        handlers.at_work = origin
        try:
            self.receive_relayed(origin, data)
        except Exception as error:  # a mistake of ours, or the system has no memory
            self._failed(origin, error)
        except BaseException:
            if handlers.below is not None:  # whoever is at work there has been dealt with
                handlers.below.passes()
            raise
        handlers.at_work = None

    def receive_relayed(self, origin: int, data: bytes) -> None:
        """Do what a packet that was relayed to us says, as if it came from its origin."""
        if self._settings.discard_packets:
            self._statistics.discarded += 1
            return
        try:
            packet = self._read(data)
        except DecodeError as error:
            self._rejections.reject(origin, RejectReason.MALFORMED, str(error))
            return
        self._process(origin, packet)

    def _process(self, source: int, packet: ApiPacket) -> None:
        """Do what a packet says, which may have been relayed."""
        kind = type(packet)
        if source not in self._admitted:
            self._rejections.reject(source, RejectReason.UNKNOWN_PEER, "it is not in the session")
            if kind in self._owners:
                self._owners[kind].turned_away(source, packet)
        elif kind in self._of_members:
            self._of_members[kind](source, packet)
        else:
            detail = "a packet that is only for neighbours was relayed"
            self._rejections.reject(source, RejectReason.RELAY_REFUSED, detail)

    def _reject_unsupported(self, source: int, packet: Unsupported) -> None:
        detail, known = f"a packet {packet.kind}", bool(packet.feature)
        if known:
            detail += f": {packet.feature} is not supported yet"
        self._rejections.reject(source, RejectReason.UNSUPPORTED, detail, of_dialect=known)
