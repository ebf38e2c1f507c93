"""What a server's role works with: its owner, and what messages mean to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from multiplayer.addressing import TransferMode
    from multiplayer.limits import Limits
    from multiplayer.signals import Signal

    from .agenda import Step
    from .clients import Clients
    from .events import CloseReceived, Message
    from .face import Face
    from .member import Member
    from .peer_channel import PeerChannel
    from .seats import SeatSettings
    from .shares import Queued


class ServerHost(Protocol):
    """What a server's role needs of the object that users hold."""

    @property
    def limits(self) -> Limits:
        """See ``MultiplayerPeer``."""
        ...

    @property
    def on_forced_out(self) -> Callable[[int], object] | None:
        """See ``MultiplayerPeer``."""
        ...

    peer_drained: Signal[int]
    peer_suspended: Signal[int]
    peer_resumed: Signal[int, bool]

    @property
    def seat_settings(self) -> SeatSettings:
        """What is granted to those who come from now on."""
        ...

    def token_time(self) -> float:
        """Return the time on the clock of tokens, in seconds."""
        ...

    def randbits(self, bits: int) -> int:
        """See ``MultiplayerPeer``."""
        ...


class Serving(Protocol):
    """A server's role, as an envelope knows it."""

    @property
    def clients(self) -> Clients:
        """Who is there."""
        ...

    def tell_renewed(self, peer_id: int) -> list[int]:
        """Tell those who know words that a client begins anew; return which those are."""
        ...

    def punish(self, member: Member, link: PeerChannel, violation: str, detail: str = "") -> None:
        """Count a violation, and close a peer that has too many."""


class ServerEnvelope(Protocol):
    """What messages mean to a server.

    Attributes:
        name: the envelope's name in settings and logs.
        in_session: packets go through the server, not through its connections.
        overhead: how many bytes longer a message is than its packet.
        channel_overhead: how many more bytes on channels other than 0.
        packet_at: where in a message the packet begins, mostly; -1 if none goes straight.
        sends_to_members: one frame serves all members of a session above.
        may_agree: a client may agree on a version of ``docs/protocol/gdpeers.md``.
    """

    name: str
    in_session: bool
    overhead: int
    channel_overhead: int
    packet_at: int
    sends_to_members: bool
    may_agree: bool

    def joined(self, role: Serving, member: Member, link: PeerChannel, resource: str) -> None:
        """Greet a client that was accepted, and report it; it has asked for ``resource``."""

    def renewed(self, role: Serving, member: Member, link: PeerChannel) -> None:
        """Greet a client that has come back and begins anew, and tell the others."""

    def restored(self, member: Member) -> None:
        """Take in a client that another server had."""

    def admit(self, role: Serving, member: Member) -> None:
        """Tell the others of a client that is held, and it of them."""

    def take(self, role: Serving, member: Member, link: PeerChannel, message: Message) -> None:
        """Handle a message."""

    def is_for_us(self, data: bytes) -> bool:
        """Return whether a message is an ordinary packet for this program, and nobody else."""
        ...

    def told_to_close(self, member: Member, event: CloseReceived) -> None:
        """Report that a client is closing; the answer goes out after that."""

    def leaves(self, role: Serving, peer_id: int) -> None:
        """Tell the others that a client is gone."""

    def words_of_leaving(self, peer_id: int, *, clean: bool) -> list[Step]:
        """Return the signals for a client that is gone."""
        ...

    def is_ordinary(self, face: Face) -> bool:
        """Return whether a client's close frame means nothing, because all clients send it."""
        ...

    def send(
        self, role: Serving, data: bytes, target: int, mode: TransferMode, channel: int
    ) -> None:
        """Send one packet that is not empty to those that ``target`` means."""

    def encodings(self, data: bytes, mode: TransferMode, channel: int) -> tuple[Queued, ...]:
        """Return a packet of our own as :meth:`Clients.send` takes it, for any clients at all."""
        ...

    def recover(self) -> None:
        """Repair what an interrupt has left."""

    def clear(self) -> None:
        """Forget all clients."""
