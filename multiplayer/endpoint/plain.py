"""What messages mean without an envelope: packets of the connection that they came by."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from multiplayer.addressing import SERVER_ID
from multiplayer.connection_status import ConnectionStatus
from multiplayer.wire.envelopes import godot3 as gd_mp

from .godot3_words import Godot3Client, Godot3Server
from .inbox import no_session

if TYPE_CHECKING:
    from multiplayer.addressing import TransferMode

    from .agenda import Step
    from .client_envelope import Connecting
    from .events import Message
    from .member import Member
    from .peer_channel import PeerChannel
    from .server_envelope import Serving
    from .shares import Queued


_SESSION_OFFERED: Final = (
    "its first message is the peer id of a session, and this client is in plain mode: use "
    "connect_to_url(url, gd_mp_api=True) here, or listen without it there"
)


class PlainClient(Godot3Client):
    """What the messages of any WebSocket server mean: packets of the only connection.

    Attributes:
        id: 0; there is no session.
    """

    name = "plain"
    in_session = False
    overhead = channel_overhead = 0
    packet_at = -1
    id = 0
    _heard = False

    def others(self) -> list[int]:
        """Return nobody."""
        return []

    def opened(self, role: Connecting, link: PeerChannel) -> None:
        """Be connected."""
        self._heard = False
        role.status = ConnectionStatus.CONNECTION_CONNECTED
        self._agenda.then_emit(self._signals.connection_established, SERVER_ID, link.protocol)

    def take(self, role: Connecting, link: PeerChannel, message: Message) -> None:
        """Keep the packet and report it."""
        if not self._heard:
            self._heard = True
            if gd_mp.is_id(message.data):
                link.note(logging.WARNING, "expects_a_session", _SESSION_OFFERED)
        role.face.store(message)
        self._handlers.emit(self._signals.data_received, SERVER_ID)

    def is_for_us(self, data: bytes) -> bool:
        """Return False: packets belong to the connection."""
        del data
        return False

    def message(self, data: bytes, target: int, mode: TransferMode, channel: int) -> bytes:
        """Return the packet; nobody comes back without a session."""
        del target, mode, channel
        return data

    def begin_anew(self) -> None:
        """Do nothing: there is no session."""

    def end_roster(self) -> None:
        """Do nothing: there is no session."""

    def words_of_the_end(self, *, was_up: bool, clean: bool) -> list[Step]:
        """Return the signal for a connection that is gone, or never came up."""
        signals, emission = self._signals, self._handlers.emission
        if was_up:
            return [emission(signals.connection_closed, SERVER_ID, clean)]
        return [emission(signals.connection_error, SERVER_ID)]


class PlainServer(Godot3Server):
    """What the messages of any WebSocket client mean: packets of its connection."""

    name = "plain"
    in_session = may_agree = False
    overhead = channel_overhead = 0
    packet_at = -1

    def joined(self, role: Serving, member: Member, link: PeerChannel, resource: str) -> None:
        """Report a client that was accepted."""
        del role, link
        self._agenda.then(*self._words_of_coming(member, resource))

    def renewed(self, role: Serving, member: Member, link: PeerChannel) -> None:
        """Do nothing: there are no seats without a session."""

    def restored(self, member: Member) -> None:
        """Do nothing: there are no seats without a session."""

    def admit(self, role: Serving, member: Member) -> None:
        """Do nothing: nobody is told of anybody."""

    def is_for_us(self, data: bytes) -> bool:
        """Return False: packets belong to the connections."""
        del data
        return False

    def take(self, role: Serving, member: Member, link: PeerChannel, message: Message) -> None:
        """Keep the packet and report it."""
        del role, link
        member.face.store(message)
        self._handlers.emit(self._signals.data_received, member.id, member.id)

    def leaves(self, role: Serving, peer_id: int) -> None:
        """Do nothing: nobody is told of anybody."""

    def send(
        self, role: Serving, data: bytes, target: int, mode: TransferMode, channel: int
    ) -> None:
        """Raise: packets go through the connections."""
        del role, data, target, mode, channel
        raise no_session("put_packet")

    def encodings(self, data: bytes, mode: TransferMode, channel: int) -> tuple[Queued, ...]:
        """Raise: packets go through the connections."""
        del data, mode, channel
        raise no_session("put_packet")

    def recover(self) -> None:
        """Do nothing: there is nothing besides the clients."""

    def clear(self) -> None:
        """Do nothing: there is nothing besides the clients."""
