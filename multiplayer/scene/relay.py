"""Packets between clients, on Godot 4's envelope: through the server's API (WIRE4 B.4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import SERVER_ID, TransferMode
from multiplayer.wire.dialects.api_packets import Relay

from .rejections import RejectReason
from .subsystem import Subsystem

if TYPE_CHECKING:
    from multiplayer.api_hooks import Arrived
    from multiplayer.runs import Fetching

    from .api_state import ApiState
    from .dispatch import Dispatch
    from .peers import Peers
    from .subsystem import NeighbourPackets
    from .transport import Transport

_PEER: Final = struct.Struct("<i")
_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class Relaying(Subsystem):
    """Passes packets on, and hands in those that are for this program; a ``RelayTaker``.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        peers: who is in the session.
        dispatch: takes what is for this program.

    Attributes:
        head: what a packet between two clients begins with.
    """

    allowed = True
    """For tests, which take the long way, too."""

    def __init__(
        self, state: ApiState, transport: Transport, peers: Peers, dispatch: Dispatch
    ) -> None:
        self._transport = transport
        self._of_peer = transport.of_peer
        self._peers = peers
        self._members = peers.members
        self._settings = state.settings
        self._rejections = state.rejections
        self._dispatch = dispatch
        self._watched = dispatch.watched
        self.head = transport.wire.relay_head
        self._packet_at = len(self.head) + _PEER.size

    def neighbour_packets(self) -> NeighbourPackets:
        """Return the packets between two clients."""
        return {Relay: self._receive}

    def _receive(self, arrived: Arrived, relay: Relay) -> None:
        origin = self._origin(arrived, relay)
        if origin is not None:
            self._dispatch.receive_relayed(origin, relay.packet)

    def _origin(self, arrived: Arrived, relay: Relay) -> int | None:
        """Pass a packet on; return its sender if it is also for this program, else None."""
        source = arrived.source
        if not self._transport.relays or not self._settings.server_relay:
            detail = "it relays a packet, and this session does not"
            self._rejections.reject(source, RejectReason.RELAY_REFUSED, detail)
            return None
        if self._transport.is_server:
            return self._forward(arrived, relay)
        if source != SERVER_ID:
            detail = "only the server relays"
            self._rejections.reject(source, RejectReason.RELAY_REFUSED, detail)
            return None
        return relay.peer

    def _forward(self, arrived: Arrived, relay: Relay) -> int | None:
        source, target, ids = arrived.source, relay.peer, self._members.ids
        if source not in ids:
            detail = "it is not in the session"
            self._rejections.reject(source, RejectReason.UNKNOWN_PEER, detail)
            return None
        if target > 0 and self._peers.drops(target):
            return None
        if target > 0 and (target == source or target not in ids):
            to_sender = target == source
            reason = RejectReason.TO_SENDER if to_sender else RejectReason.UNKNOWN_TARGET
            detail = f"it sends something to peer {target} by relay"
            self._rejections.reject(source, reason, detail)
            return None
        self._send(source, target, relay.packet, arrived.mode, arrived.channel)
        return source if target <= 0 and target != -SERVER_ID else None

    def _send(
        self, source: int, target: int, packet: bytes, mode: TransferMode, channel: int
    ) -> None:
        """Send a packet of ``source`` to those that ``target`` means."""
        transport = self._transport
        packet = transport.wire.relay(source, packet)
        if target > 0:
            transport.answer(target, packet, mode, channel)
        else:
            excluded = (source, -target) if target else (source,)
            transport.pass_on(source, packet, self._members, excluded, mode, channel)

    # ---------------------------------------------------------------- straight from the queue

    def pass_on(self, peer: int, data: bytes, link: Fetching) -> bool:
        """Pass on a packet that nobody has to look at; see ``RelayTaker``.

        Whatever is to be refused, counted as lost or seen first goes the long way.
        """
        at, ids = self._packet_at, self._members.ids
        if (
            len(data) <= at
            or peer not in ids
            or not self.allowed
            or not self._settings.server_relay
            or (self._watched and peer in self._watched)
            or "get_packet" in self._of_peer
        ):
            return False
        (target,) = _PEER.unpack_from(data, at - _PEER.size)
        if target > 0 and (target == peer or target not in ids):
            return False
        link.fetched(len(data))
        packet = data[at:]
        self._send(peer, target, packet, _RELIABLE, 0)
        if target <= 0 and target != -SERVER_ID:
            self._dispatch.take_relayed(peer, packet)
        return True
