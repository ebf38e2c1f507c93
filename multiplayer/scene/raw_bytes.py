"""The game's own bytes: ``SceneMultiplayer.send_bytes``, and ``peer_packet`` at the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiplayer.addressing import check_id
from multiplayer.errors import Error, MultiplayerError
from multiplayer.wire.dialects.api_packets import Raw

from .subsystem import Subsystem

if TYPE_CHECKING:
    from multiplayer.multiplayer_peer import TransferMode
    from multiplayer.signals import BoundSignal

    from .api_state import ApiState
    from .peers import Peers
    from .subsystem import MemberPackets
    from .transport import Transport


class RawBytes(Subsystem):
    """Sends a game's own bytes, and reports those that arrive.

    Args:
        state: what the API keeps.
        transport: to the peer below.
        peers: who is in the session.
        peer_packet: the signal.
    """

    def __init__(
        self,
        state: ApiState,
        transport: Transport,
        peers: Peers,
        peer_packet: BoundSignal[int, bytes],
    ) -> None:
        self._transport = transport
        self._peers = peers
        self._handlers = state.handlers
        self._peer_packet = peer_packet

    def member_packets(self) -> MemberPackets:
        """Return the packets that have such bytes."""
        return {Raw: self._receive}

    def send(self, payload: bytes, target: int, mode: TransferMode, channel: int) -> None:
        """Send bytes; see ``SceneMultiplayer.send_bytes``."""
        if check_id(target) == self._transport.own_id:
            message = "send_bytes() cannot send to this program itself; choose another peer"
            raise MultiplayerError(Error.ERR_INVALID_PARAMETER, message)
        self._peers.receivers(target)  # raises for an unknown one
        if not self._peers.drops(target):
            self._peers.send(target, self._transport.wire.raw(payload), mode, channel)

    def _receive(self, source: int, packet: Raw) -> None:
        self._handlers.emit(self._peer_packet, source, source, packet.payload)
