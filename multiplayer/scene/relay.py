"""Packets between clients, on Godot 4's envelope: through the server's API (WIRE4 B.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rejections import Reason
from .transport import SERVER

if TYPE_CHECKING:
    from multiplayer.multiplayer_peer import TransferMode
    from multiplayer.wire.dialects.api_packets import Relay

    from .peers import Admission, Policy
    from .rejections import Rejections
    from .transport import Transport


class Relaying:
    """Passes packets on, and says which are for us."""

    def __init__(
        self,
        transport: Transport,
        admission: Admission,
        policy: Policy,
        rejections: Rejections,
    ) -> None:
        self._transport = transport
        self._admission = admission
        self._policy = policy
        self._rejections = rejections

    def receive(self, source: int, relay: Relay, mode: TransferMode, channel: int) -> int | None:
        """Pass a packet on; return who sent it if it is for us too, else None."""
        if not self._transport.relays or not self._policy.server_relay:
            detail = "it relays a packet, and this session does not"
            self._rejections.reject(source, Reason.RELAY_REFUSED, detail)
            return None
        if self._transport.is_server:
            return self._forward(source, relay, mode, channel)
        if source != SERVER:
            detail = "only the server relays"
            self._rejections.reject(source, Reason.RELAY_REFUSED, detail)
            return None
        return relay.peer

    def _forward(self, source: int, relay: Relay, mode: TransferMode, channel: int) -> int | None:
        transport, target = self._transport, relay.peer
        members = self._admission.members
        if source not in members.ids:
            self._rejections.reject(source, Reason.UNKNOWN_PEER, "it is not in the session")
            return None
        if target > 0 and self._admission.drops(target):
            return None
        if target > 0 and (target == source or target not in members.ids):
            reason = Reason.TO_SENDER if target == source else Reason.UNKNOWN_TARGET
            detail = f"it sends something to peer {target} by relay"
            self._rejections.reject(source, reason, detail)
            return None
        packet = transport.wire.relay(source, relay.packet)
        if target > 0:
            transport.answer(target, packet, mode, channel)
        else:
            transport.pass_on(source, packet, members, (source, -target), mode, channel)
        return source if target <= 0 and target != -SERVER else None
