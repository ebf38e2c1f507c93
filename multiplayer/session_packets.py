"""``SessionPackets``: the packets of a session, as its client or server puts and gets them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, ClassVar, Final

from .addressing import LARGEST_PEER_ID, TransferMode, check_channel, check_id, check_mode
from .endpoint.inbox import no_session
from .endpoint.server_role import ServerRole
from .errors import Error, MultiplayerError
from .session_settings import SessionSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .api_hooks import Arrived
    from .endpoint.client_role import ClientRole
    from .endpoint.inbox import Inbox, Queued
    from .endpoint.peer_channel import PeerChannel, PeerEndpoint
    from .handlers import Handlers
    from .members import Members
    from .runs import RelayTaker, RunTaker

_LOWEST_TARGET: Final = -LARGEST_PEER_ID - 1

_PUTTING = ("put_packet", "set_target_peer", "transfer_mode", "transfer_channel")
_TAKING = (
    "get_packet",
    "_take_packet",
    "get_available_packet_count",
    "get_packet_peer",
    "get_packet_mode",
    "get_packet_channel",
)


class SessionPackets(SessionSettings):
    """What puts packets to the role of the session, and takes them from its inbox."""

    _role: ClientRole | ServerRole
    _inbox: Inbox[PeerChannel]
    _endpoint: PeerEndpoint

    _puts_in_a_way_of_its_own: ClassVar[bool] = False
    _takes_in_a_way_of_its_own: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Note whether a class below, or a mixin of it, has a way of its own for each packet."""
        super().__init_subclass__()
        cls._puts_in_a_way_of_its_own = _differ(SessionPackets, cls, _PUTTING)
        cls._takes_in_a_way_of_its_own = _differ(SessionPackets, cls, _TAKING)

    # ---------------------------------------------------------------- packets

    def put_packet(self, buffer: bytes) -> None:
        """Send ``buffer`` to the target (``set_target_peer``), if this is a session.

        Never blocks. An empty buffer, and a server's packet to itself, go nowhere (as in Godot).
        So do packets for a client that has left, and those put while the connection is closing;
        these are counted. With Godot 4's protocol a client's target does not matter: packets for
        another client go to the server, too, and the layer above has to say so in the packet.
        Packets for a peer that reads too slowly may be dropped if they are not reliable (see
        ``transfer_mode``). A server's packets leave at the end of the next :meth:`poll`, or at
        :meth:`flush`.

        Raises:
            MultiplayerError: ``FAILED``: not connected, not listening, or there never was such a
                target; ``ERR_UNCONFIGURED``: in plain mode, use ``get_peer(id).put_packet``;
                ``ERR_OUT_OF_MEMORY``: longer than ``outbound_buffer_size``;
                ``ERR_INVALID_PARAMETER``: not bytes.
        """
        to = self._addressing
        self._role.put(buffer, to.target, to.mode, to.channel)

    def send_packet(
        self,
        packet: bytes,
        target: int,
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet, ignoring what ``set_target_peer`` and the like have set.

        Raises:
            MultiplayerError: as for these, and for :meth:`put_packet`.
        """
        if self._puts_in_a_way_of_its_own or "put_packet" in self.__dict__:  # vars() takes longer
            super().send_packet(packet, target, mode, channel)
        elif (
            type(target) is int
            and _LOWEST_TARGET <= target <= LARGEST_PEER_ID
            and type(mode) is TransferMode
            and channel == 0
        ):  # the common case, which makes sense
            self._role.put(packet, target, mode, 0)
        else:
            self._role.put(packet, check_id(target), check_mode(mode), check_channel(channel))

    def send_each(
        self,
        packets: Iterable[tuple[int, bytes]],
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
    ) -> None:
        """Send packets, each to one peer, on channel 0.

        Raises:
            MultiplayerError: as for :meth:`send_packet`, after all that can be sent have been.
        """
        role = self._role
        own_way = self._puts_in_a_way_of_its_own or "put_packet" in vars(self)
        if own_way or not (isinstance(role, ServerRole) and role.envelope.sends_to_members):
            super().send_each(packets, mode)
        else:
            role.send_each(packets, check_mode(mode))

    def send_to_members(
        self,
        packet: bytes,
        members: Members,
        excluded: Collection[int] = (),
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet to all of a session's members except some: one frame, however many.

        Raises:
            MultiplayerError: as for :meth:`send_packet`.
        """
        role = self._role
        own_way = self._puts_in_a_way_of_its_own or "put_packet" in vars(self)
        if own_way or not (isinstance(role, ServerRole) and role.envelope.sends_to_members):
            super().send_to_members(packet, members, excluded, mode, channel)
            return
        if channel != 0 or type(mode) is not TransferMode:
            check_channel(channel)  # the envelope has no room for it
            mode = check_mode(mode)
        role.send_to_members(packet, members, excluded, mode)

    def send_to_peers(
        self,
        packet: bytes,
        targets: Collection[int],
        mode: TransferMode = TransferMode.TRANSFER_MODE_RELIABLE,
        channel: int = 0,
    ) -> None:
        """Send one packet to some peers; on a server one frame serves all of them.

        Raises:
            MultiplayerError: as for :meth:`send_packet`, after everybody who can get it has.
        """
        role = self._role
        own_way = self._puts_in_a_way_of_its_own or "put_packet" in vars(self)
        if own_way or not (isinstance(role, ServerRole) and role.envelope.in_session):
            super().send_to_peers(packet, targets, mode, channel)
        else:
            role.send_to_peers(packet, targets, check_mode(mode), check_channel(channel))

    def get_max_packet_size(self, channel: int = 0) -> int:
        """Return how many bytes one packet may have.

        That is the ``outbound_buffer_size`` with which the session began, less what Godot 3's
        envelope adds; ``sys.maxsize`` if it is 0.

        Args:
            channel: the ``transfer_channel`` to send it on.
        """
        role = self._role
        if not role.max_packet:
            return sys.maxsize
        envelope = role.envelope
        size = envelope.overhead + (envelope.channel_overhead if channel else 0)
        return max(role.max_packet - size, 0)

    def is_server_relay_supported(self) -> bool:
        """Return whether the layer above announces peers to each other and relays.

        False with Godot 3's protocol, where the peer itself announces and relays.
        """
        return True

    def get_available_packet_count(self) -> int:
        """Return how many packets wait to be fetched; always 0 in plain mode."""
        return len(self._inbox.packets)

    def _take_packet(self) -> bytes:
        if not self._inbox.packets:
            raise self._nothing_waits()
        return self._inbox.take()

    def take_arrived(self, handlers: Handlers, *, asks_how: bool) -> Arrived | None:
        """Remove the next packet and return it, in one call; None if there is none.

        Args:
            handlers: the API's; their ``at_work`` becomes the sender before it is removed.
            asks_how: whether mode and channel matter.
        """
        if self._takes_in_a_way_of_its_own or "get_packet" in vars(self):
            return super().take_arrived(handlers, asks_how=asks_how)  # somebody looks on
        packets = self._inbox.packets
        if not packets:
            return None
        queued = packets[0]
        handlers.at_work = queued.source
        packets.popleft()  # as `Inbox.take` does, for each packet
        link, size = queued.link, queued.size
        calm = link.unfetched_bytes < link.calm_unfetched_bytes
        if calm and link.unfetched < link.calm_unfetched:
            link.unfetched -= 1
            link.unfetched_bytes -= size
        else:
            link.fetched(size)
        if link.resumed:
            self._endpoint.wake()
        if self._packet_error:
            self._packet_error = Error.OK
        return queued

    def lead_straight_to(self, taker: RunTaker | None, relay: RelayTaker | None = None) -> None:
        """Give packets to an API in runs, unless a class below sees each; None for nobody."""
        if self._takes_in_a_way_of_its_own:
            taker = None
        self._inbox.straight.lead_to(taker, relay)

    def _next_packet(self) -> Queued[PeerChannel]:
        if not self._inbox.packets:
            raise self._nothing_waits()
        return self._inbox.packets[0]

    def _nothing_waits(self) -> MultiplayerError:
        if not self._role.envelope.in_session:
            return no_session("get_packet")
        message = "no packet waits; check get_available_packet_count() first"
        return MultiplayerError(Error.ERR_UNAVAILABLE, message)

    def get_packet_peer(self) -> int:
        """Return who sent the packet that :meth:`get_packet` returns next.

        Raises:
            MultiplayerError: ``ERR_UNAVAILABLE``: no packet waits; ``ERR_UNCONFIGURED``: in plain
                mode.
        """
        return self._next_packet().source

    def get_packet_channel(self) -> int:
        """Return the ``transfer_channel`` of the packet that :meth:`get_packet` returns next.

        Always 0 if Godot sent or relayed it, and with Godot 4's envelope: engines send no channel
        over WebSocket.

        Raises:
            MultiplayerError: as :meth:`get_packet_peer`.
        """
        return self._next_packet().channel

    def get_packet_mode(self) -> TransferMode:
        """Return the ``transfer_mode`` of the packet that :meth:`get_packet` returns next.

        Always ``TRANSFER_MODE_RELIABLE`` if Godot sent or relayed it, and with Godot 4's envelope.

        Raises:
            MultiplayerError: as :meth:`get_packet_peer`.
        """
        return self._next_packet().mode


def _differ(class_: type, below: type, names: Iterable[str]) -> bool:
    """Return whether a class has other members of these names than one above it."""
    return any(getattr(below, name) is not getattr(class_, name) for name in names)
