"""Packets between clients, on Godot 4's envelope: through the server's API (WIRE4 B.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.addressing import SERVER_ID
from multiplayer.wire.dialects.api_packets import Relay

from .rejections import RejectReason
from .subsystem import Subsystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.api_hooks import Arrived

    from .api_state import ApiState
    from .peers import Peers
    from .subsystem import NeighbourPackets
    from .transport import Transport


class Relaying(Subsystem):
    """Passes packets on, and hands in those that are for this program.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        peers: who is in the session.
        hand_in: takes the origin of a packet for this program, and the packet.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        peers: Peers,
        hand_in: Callable[[int, bytes], object],
    ) -> None:
        self._transport = transport
        self._peers = peers
        self._settings = state.settings
        self._rejections = state.rejections
        self._hand_in = hand_in

    def neighbour_packets(self) -> NeighbourPackets:
        """Return the packets between two clients."""
        return {Relay: self._receive}

    def _receive(self, arrived: Arrived, relay: Relay) -> None:
        origin = self._origin(arrived, relay)
        if origin is not None:
            self._hand_in(origin, relay.packet)

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
        transport, source, target = self._transport, arrived.source, relay.peer
        members = self._peers.members
        if source not in members.ids:
            detail = "it is not in the session"
            self._rejections.reject(source, RejectReason.UNKNOWN_PEER, detail)
            return None
        if target > 0 and self._peers.drops(target):
            return None
        if target > 0 and (target == source or target not in members.ids):
            to_sender = target == source
            reason = RejectReason.TO_SENDER if to_sender else RejectReason.UNKNOWN_TARGET
            detail = f"it sends something to peer {target} by relay"
            self._rejections.reject(source, reason, detail)
            return None
        packet = transport.wire.relay(source, relay.packet)
        if target > 0:
            transport.answer(target, packet, arrived.mode, arrived.channel)
        else:
            excluded = (source, -target)
            transport.pass_on(source, packet, members, excluded, arrived.mode, arrived.channel)
        return source if target <= 0 and target != -SERVER_ID else None
