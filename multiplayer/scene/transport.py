"""From API packets to the peer below: where they go, and who relays them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiplayer.addressing import SERVER_ID, TransferMode
from multiplayer.connection_status import ConnectionStatus
from multiplayer.errors import Error, MultiplayerError

from .rejections import RejectReason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from multiplayer.members import Members
    from multiplayer.multiplayer_peer import MultiplayerPeer
    from multiplayer.wire.dialects.api_packets import ApiWire

    from .rejections import Rejections


_RELIABLE: Final = TransferMode.TRANSFER_MODE_RELIABLE


class Transport:
    """Sends API packets over a ``MultiplayerPeer``.

    On the gd_mp envelope the peer reaches everybody. On Godot 4's a client reaches only the
    server: packets for others are wrapped, and the server's API relays them.

    Attributes:
        peer: the peer below.
        of_peer: its attributes by name: with what a program has put on it, like ``get_packet``.
        wire: how packets are written.
        relays: the API announces peers and relays between them.
    """

    def __init__(self, peer: MultiplayerPeer, wire: ApiWire, rejections: Rejections) -> None:
        self.peer = peer
        self.of_peer: Mapping[str, object] = getattr(peer, "__dict__", {})
        self.wire = wire
        self.relays = peer.is_server_relay_supported()
        self._rejections = rejections

    @property
    def own_id(self) -> int:
        """Our own id; 0 while it is not known."""
        return self.peer.get_unique_id()

    @property
    def is_server(self) -> bool:
        """Whether this program is the server."""
        return self.peer.get_unique_id() == SERVER_ID

    @property
    def is_up(self) -> bool:
        """Whether anything can be sent."""
        return self.peer.get_connection_status() == ConnectionStatus.CONNECTION_CONNECTED

    def room(self, target: int, channel: int = 0) -> int:
        """Return how many bytes a packet for ``target`` may have, for :meth:`put`."""
        room = self.peer.get_max_packet_size(channel)
        return room - len(self.wire.relay(target, b"")) if self.wraps(target) else room

    def check(self, target: int, packet: bytes, channel: int = 0) -> None:
        """Raise if :meth:`put` would not take a packet this long, before anything has left.

        Raises:
            MultiplayerError: ``ERR_OUT_OF_MEMORY``: it is too long.
        """
        room = self.room(target, channel)
        if len(packet) > room:
            message = (
                f"a packet of {len(packet)} bytes is longer than the peer sends ({max(room, 0)}); "
                "send less, or raise outbound_buffer_size, and the other side's "
                "inbound_buffer_size, before connecting (set_buffers)"
            )
            raise MultiplayerError(Error.ERR_OUT_OF_MEMORY, message)

    def wraps(self, target: int) -> bool:
        """Return whether packets for ``target`` go through the server's API."""
        return self.relays and target != SERVER_ID and not self.is_server

    def put(
        self, target: int, packet: bytes, mode: TransferMode = _RELIABLE, channel: int = 0
    ) -> None:
        """Send a packet: to n, 0 all, -n all but n.

        Raises:
            MultiplayerError: as the peer's ``put_packet``.
        """
        if self.wraps(target):
            packet = self.wire.relay(target, packet)
            target = SERVER_ID
        self.put_directly(target, packet, mode, channel)

    def put_directly(
        self, target: int, packet: bytes, mode: TransferMode = _RELIABLE, channel: int = 0
    ) -> None:
        """Send a packet that needs no wrapping, or is already wrapped.

        Raises:
            MultiplayerError: as the peer's ``put_packet``.
        """
        self.peer.send_packet(packet, target, mode, channel)

    def put_to_some(
        self,
        targets: Collection[int],
        packet: bytes,
        mode: TransferMode = _RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet to some peers, each of which is there.

        Raises:
            MultiplayerError: as the peer's ``put_packet``.
        """
        if self.is_server:
            self.peer.send_to_peers(packet, targets, mode, channel)
        else:
            for target in targets:
                self.put(target, packet, mode, channel)

    @property
    def serves(self) -> bool:
        """Whether this is the server of a session in which the API relays."""
        return self.relays and self.is_server

    def answer(
        self, target: int, packet: bytes, mode: TransferMode = _RELIABLE, channel: int = 0
    ) -> None:
        """Send the answer that a packet calls for.

        If it cannot be sent, that is not our caller's fault: it is counted and dropped.
        """
        try:
            self.put(target, packet, mode, channel)
        except MultiplayerError as error:
            self._rejections.reject(target, RejectReason.NOT_SENT, error.message)

    def pass_on(
        self,
        source: int,
        packet: bytes,
        members: Members,
        excluded: Collection[int] = (),
        mode: TransferMode = _RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send what ``source`` has sent or done to all members except some.

        If it cannot be sent, it is counted and dropped, as in :meth:`answer`.
        """
        try:
            self.peer.send_to_members(packet, members, excluded, mode, channel)
        except MultiplayerError as error:
            self._rejections.reject(source, RejectReason.NOT_SENT, error.message)
