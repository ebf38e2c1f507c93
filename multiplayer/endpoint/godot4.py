"""What messages mean with Godot 4's envelope: one gives an id, the others are packets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from multiplayer.addressing import SERVER_ID
from multiplayer.errors import DecodeError
from multiplayer.wire.envelopes import godot4 as godot4_envelope

from .cause import Cause
from .failure import Failure
from .shares import Queued

if TYPE_CHECKING:
    from multiplayer.addressing import TransferMode

    from .agenda import Step
    from .client_envelope import Connecting
    from .commons import Commons
    from .events import CloseReceived, Message
    from .face import Face
    from .member import Member
    from .peer_channel import PeerChannel
    from .server_envelope import Serving
    from .signals_of_peers import SessionSignals


class Godot4Client:
    """What the messages of a Godot 4 server mean.

    Args:
        signals: report them.
        commons: what the client works with.

    Attributes:
        id: our own id; 0 until the server has sent it.
    """

    name = "godot4"
    in_session = True
    overhead = channel_overhead = packet_at = 0

    def __init__(self, signals: SessionSignals, commons: Commons) -> None:
        self._signals = signals
        self._agenda = commons.agenda
        self._inbox = commons.inbox
        self._emission = commons.handlers.emission
        self.id = 0
        self._awaits_id = True

    def others(self) -> list[int]:
        """Return the only peer that the client knows of: the server."""
        return [SERVER_ID]

    def opened(self, role: Connecting, link: PeerChannel) -> None:
        """Do nothing: Godot 4 has no signal for it."""

    def is_for_us(self, data: bytes) -> bool:
        """Return whether a message is a packet: all but an empty one are."""
        return bool(data)

    def told_to_close(self, event: CloseReceived) -> None:
        """Do nothing: Godot 4 has no signal for it."""

    def take(self, role: Connecting, link: PeerChannel, message: Message) -> None:
        """Handle a message, whether it is text or binary."""
        data = message.data
        if self._awaits_id:
            link.fetched(len(data))
            if message.counted:
                self._take_id(role, link, data)
            else:
                link.drop("unreliable")  # it was sent behind the id, and has overtaken it
        elif data:
            self._inbox.receive(link, SERVER_ID, data, len(data))
        else:
            link.fetched(0)
            link.violate(godot4_envelope.EMPTY_MESSAGE)

    def _take_id(self, role: Connecting, link: PeerChannel, message: bytes) -> None:
        before = self.id
        try:
            self.id = godot4_envelope.read_id(message)
        except DecodeError as error:
            role.close(Cause.MISUNDERSTOOD, "this is not a peer id")
            role.end_of_server(Failure("id", error.reason), clean=False)
            return
        self._awaits_id = False
        if before:
            if self.id != before:
                self.id = before
                role.close(Cause.MISUNDERSTOOD, "this is another peer's id")
                role.end_of_server(Failure("id", "the seat has another id now"), clean=False)
            return
        signals, emission = self._signals, self._emission
        self._agenda.then(
            partial(role.came_up, link),
            emission(signals.peer_connected, SERVER_ID, SERVER_ID),
            emission(signals.connection_succeeded, SERVER_ID),
        )

    def words_of_the_end(self, *, was_up: bool, clean: bool) -> list[Step]:
        """Return the signals for a connection that is gone, or never came up."""
        del clean
        signals, emission = self._signals, self._emission
        if not was_up:
            return [emission(signals.connection_failed, SERVER_ID)]
        return [
            emission(signals.peer_disconnected, SERVER_ID, SERVER_ID),
            emission(signals.server_disconnected, SERVER_ID),
        ]

    def message(self, data: bytes, target: int, mode: TransferMode, channel: int) -> bytes:
        """Return the packet: it has no envelope, and so no room for anything else."""
        del target, mode, channel
        return data

    def begin_anew(self) -> None:
        """Expect our id once more; who else is there, the layer above finds out."""
        self._awaits_id = True

    def end_roster(self) -> None:
        """Do nothing: the layer above announces."""


class Godot4Server:
    """What the messages of Godot 4's clients mean.

    Args:
        signals: what tells of them.
        commons: what the server works with.
    """

    name = "godot4"
    in_session = True
    overhead = channel_overhead = packet_at = 0
    sends_to_members = True
    may_agree = False  # engines know nothing of it

    def __init__(self, signals: SessionSignals, commons: Commons) -> None:
        self._signals = signals
        self._endpoint = commons.endpoint
        self._agenda = commons.agenda
        self._inbox = commons.inbox
        self._framed = commons.framed
        self._emission = commons.handlers.emission

    def joined(self, role: Serving, member: Member, link: PeerChannel, resource: str) -> None:
        """Tell a client its id, and report the client."""
        del resource
        peer_id = member.id
        link.send(godot4_envelope.id_message(peer_id), text=False)
        role.clients.include(member)
        emission = self._emission(self._signals.peer_connected, peer_id, peer_id)
        self._agenda.then(member.note_told, emission)

    def renewed(self, role: Serving, member: Member, link: PeerChannel) -> None:
        """Tell a client its id; the layer above does the rest."""
        del role
        link.send(godot4_envelope.id_message(member.id), text=False)

    def restored(self, member: Member) -> None:
        """Let it get what is for all."""
        member.is_reached = True

    def admit(self, role: Serving, member: Member) -> None:
        """Do nothing: the layer above announces and admits."""

    def take(self, role: Serving, member: Member, link: PeerChannel, message: Message) -> None:
        """Handle a message, whether it is text or binary."""
        data = message.data
        if data:
            self._inbox.receive(link, member.id, data, len(data))
        else:
            link.fetched(0)
            role.punish(member, link, godot4_envelope.EMPTY_MESSAGE)

    def is_for_us(self, data: bytes) -> bool:
        """Return whether a message is a packet: all but an empty one are."""
        return bool(data)

    def told_to_close(self, member: Member, event: CloseReceived) -> None:
        """Do nothing: Godot 4 has no signal for it."""

    def leaves(self, role: Serving, peer_id: int) -> None:
        """Do nothing: the layer above tells the others."""

    def words_of_leaving(self, peer_id: int, *, clean: bool) -> list[Step]:
        """Return the signal for a client that is gone."""
        del clean
        return [self._emission(self._signals.peer_disconnected, peer_id, peer_id)]

    def is_ordinary(self, face: Face) -> bool:
        """Return False: an engine leaves without a close frame."""
        del face
        return False

    def send(
        self, role: Serving, data: bytes, target: int, mode: TransferMode, channel: int
    ) -> None:
        """Send a packet; the envelope has no room for its channel."""
        role.clients.send(self.encodings(data, mode, channel), target)

    def encodings(self, data: bytes, mode: TransferMode, channel: int) -> tuple[Queued, ...]:
        """Return the frame of a packet, which is the same for all."""
        del channel
        return (Queued(self._framed(data, mode), len(data), mode, self._endpoint.origin),)

    def recover(self) -> None:
        """Do nothing: there is nothing besides the clients."""

    def clear(self) -> None:
        """Do nothing: there is nothing besides the clients."""
